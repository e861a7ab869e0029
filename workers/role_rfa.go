package workers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"signalbox/activities"
	"signalbox/internal/mail"
	"signalbox/internal/notices"
	"signalbox/internal/store"
	"signalbox/workflows"
)

// mailCheck bounds the look at the mail server at the start.
const mailCheck = 30 * time.Second

// rfa runs the workflows of approvals, and tells people. It needs no GPU.
func (p *Process) rfa(ctx context.Context, docs *store.Store, ready func()) error {
	if !p.Config.RFA.Mail.Configured() {
		return errors.New("rfa.mail.host: is missing; the role rfa tells people by mail (rfa.mail.outbox names a folder instead, to try it out)")
	}
	words, err := notices.New(p.Config.RFA.Notices())
	if err != nil {
		return fmt.Errorf("rfa.templates: %w", err)
	}
	sender, err := mail.New(p.Config.RFA.Mail.Options())
	if err != nil {
		return fmt.Errorf("rfa.mail: %w", err)
	}
	var checking sync.WaitGroup
	defer checking.Wait()
	checking.Go(func() {
		check, cancel := context.WithTimeout(ctx, mailCheck)
		defer cancel()
		if err := sender.Check(check); err != nil && ctx.Err() == nil {
			p.Logger.Warn("mail cannot be sent; it is tried again for rfa.giveUp each", "error", err, "giveUp", p.Config.RFA.GiveUp)
		}
	})
	listing, wait := p.listing(ctx)
	defer wait()
	w := &workflows.RFA{
		Listing: listing, Rules: p.Config.RFARules(), TimeZone: p.Config.Schedule.TimeZone, GiveUp: p.Config.RFA.GiveUp,
		Backend: p.Config.Webhooks.URL != "",
	}
	n := &activities.Notices{Mail: sender, Words: words}
	r := &activities.RFARecords{Store: docs, Client: p.Client}
	e := p.events()
	return serve(ctx, ready, NewRFAApproval(p.Client, w, n, e, r), NewRFAReminders(p.Client, w, n), NewRFADistribution(p.Client, w, n, e, r))
}

// events are the activities that tell programs.
func (p *Process) events() *activities.Events {
	w := p.Config.Webhooks
	return &activities.Events{Backend: w.URL, ToBackend: w.ToBackend(), ToRecipients: w.ToRecipients()}
}
