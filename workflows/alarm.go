package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// alarm is one timer that is only set anew when it would ring too late: each
// timer costs events, an early ring costs nothing but a look.
type alarm struct {
	at     time.Time
	cancel workflow.CancelFunc
}

// set makes sure that ring is called at the latest at that time; a zero time
// asks for nothing.
func (a *alarm) set(ctx workflow.Context, at time.Time, ring func()) {
	if at.IsZero() || (!a.at.IsZero() && !at.Before(a.at)) {
		return
	}
	if a.cancel != nil {
		a.cancel()
	}
	own, cancel := workflow.WithCancel(ctx)
	a.at, a.cancel = at, cancel
	timer := workflow.NewTimer(own, max(0, at.Sub(workflow.Now(ctx))))
	workflow.Go(own, func(ctx workflow.Context) {
		if timer.Get(ctx, nil) != nil {
			return // replaced by an earlier one, or the run ends
		}
		a.at, a.cancel = time.Time{}, nil
		ring()
	})
}
