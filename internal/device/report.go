package device

import (
	"context"
	"time"

	"signalbox/workflows/contract"
)

// Times of the report.
const (
	// collect is how long changes are gathered into one report.
	collect = 100 * time.Millisecond
	// collectRuns is the same for which batch run is on the GPU.
	collectRuns = 5 * time.Second
	// resend is how often the newest state is sent until it is accepted.
	resend = 3 * time.Second
)

// Report sends the device's state with send whenever it has changed, until ctx
// ends. What is not accepted is sent again, always the newest. Where the
// device holds no claim it stays silent: it has no standing to report.
func (d *Device) Report(ctx context.Context, send func(context.Context, contract.GPUState) error) {
	for {
		wait := collect
		select {
		case <-ctx.Done():
			return
		case <-d.urgent:
		case <-d.minor:
			wait = collectRuns
		}
		for d.pause(ctx, wait) {
			drain(d.urgent)
			drain(d.minor)
			if !d.Owned() {
				break
			}
			attempt, cancel := context.WithTimeout(ctx, resend)
			err := send(attempt, d.State())
			cancel()
			if err == nil {
				break
			}
			d.opt.Logger.Debug("the scheduler did not take the GPU's state; it is sent again", "error", err)
			wait = resend
		}
	}
}

// pause waits, and cuts a wait for minor news short when urgent news comes. It
// returns false when ctx ends.
func (d *Device) pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	var urgent chan struct{}
	if wait > collect {
		urgent = d.urgent
	}
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-urgent:
		return d.pause(ctx, collect)
	}
}

func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}
