package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"

	"signalbox/internal/mail"
	"signalbox/internal/notices"
	"signalbox/workflows/contract"
)

// Notices are the activities that tell people.
type Notices struct {
	Mail  *mail.Sender
	Words *notices.Writer
}

// SendNotice sends one notice as a mail. Tried again it has the same Message-ID.
// What the server refuses for good is an error of type Undeliverable.
func (n *Notices) SendNotice(ctx context.Context, in contract.Notice) (contract.NoticeSent, error) {
	defer heartbeats(func() { activity.RecordHeartbeat(ctx) })()
	words, err := n.Words.Write(in)
	if err != nil {
		return contract.NoticeSent{}, err
	}
	id, err := n.Mail.Send(ctx, mail.Message{
		ID: in.ID, ToName: in.To.Name, To: in.To.Email, Subject: words.Subject, Text: words.Text, HTML: words.HTML,
	})
	var refused *mail.RefusedError
	if errors.As(err, &refused) {
		return contract.NoticeSent{}, contract.NewUndeliverable(err.Error())
	}
	return contract.NoticeSent{MessageID: id}, err
}
