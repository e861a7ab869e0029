package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"go.temporal.io/sdk/activity"

	"signalbox/internal/webhook"
	"signalbox/workflows/contract"
)

// Events are the activities that tell programs.
type Events struct {
	// Backend is the app backend's address; empty for none.
	Backend string
	// ToBackend and ToRecipients post; nil where no such webhooks are configured.
	ToBackend, ToRecipients *webhook.Sender
}

// SendEvents posts events, one after the other. Tried again, it goes on with the first
// that was not accepted. One that is refused for good does not stop the others; the
// error is of type Undeliverable then.
func (e *Events) SendEvents(ctx context.Context, in contract.SendEventsInput) error {
	address, sender := in.URL, e.ToRecipients
	if address == "" {
		address, sender = e.Backend, e.ToBackend
	}
	if sender == nil || address == "" {
		return contract.NewUndeliverable("webhooks are not configured on this worker")
	}
	var done progressOfEvents
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &done); err != nil {
			done = progressOfEvents{}
		}
	}
	var known atomic.Pointer[progressOfEvents]
	beat := func() { activity.RecordHeartbeat(ctx, known.Load()) }
	begun := done
	known.Store(&begun)
	defer heartbeats(beat)()
	for done.Sent < len(in.Events) {
		event := in.Events[done.Sent]
		body, err := json.Marshal(event)
		if err != nil {
			return contract.NewUndeliverable(err.Error())
		}
		err = sender.Send(ctx, address, event.ID, body)
		var refused *webhook.RefusedError
		switch {
		case errors.As(err, &refused):
			done.Refused, done.Why = done.Refused+1, err.Error()
		case err != nil:
			return err
		}
		done.Sent++
		now := done
		known.Store(&now)
		beat()
	}
	if done.Refused > 0 {
		return contract.NewUndeliverable(fmt.Sprintf("%d of %d events were refused: %s", done.Refused, len(in.Events), done.Why))
	}
	return nil
}

// progressOfEvents is what an attempt leaves to the next.
type progressOfEvents struct {
	Sent    int    `json:"sent"`
	Refused int    `json:"refused"`
	Why     string `json:"why,omitempty"`
}
