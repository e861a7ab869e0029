package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// beatEvery is how often a GPU activity heartbeats; a cancel arrives with the
// answer.
const beatEvery = 500 * time.Millisecond

// pulse are the heartbeats of one attempt of an activity.
type pulse struct {
	first chan struct{} // closed when the first one was answered
	done  chan struct{}
}

// beat heartbeats until stop is called.
func beat(ctx context.Context) *pulse { return startPulse(ctx, false) }

// beat heartbeats until stop is called, for an attempt that is to use the GPU. One that
// may be over asks at once, and need not wait for the answer before its first model call.
func (g *GPU) beat(ctx context.Context) *pulse { return startPulse(ctx, !g.Device.Steady()) }

func startPulse(ctx context.Context, mayBeOver bool) *pulse {
	p := &pulse{first: make(chan struct{}), done: make(chan struct{})}
	go func() {
		if mayBeOver {
			activity.RecordHeartbeat(ctx)
		}
		close(p.first)
		t := time.NewTicker(beatEvery)
		defer t.Stop()
		for {
			select {
			case <-p.done:
				return
			case <-ctx.Done():
				return
			case <-t.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return p
}

// confirmed returns an error where the attempt is over. One that may be waits for the
// answer to its first heartbeat: a host that wakes from sleep starts what it was given
// before, and learns here that it is too late.
func (p *pulse) confirmed(ctx context.Context) error {
	select {
	case <-p.first:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// stop ends them. None is sent after the activity has ended.
func (p *pulse) stop() {
	close(p.done)
	<-p.first
}

// noticeBeat is how often a mail that takes long says that it is still being sent; most
// have been by then.
const noticeBeat = 2 * time.Second

// heartbeats beats now and then until stop is called.
func heartbeats(beat func()) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(noticeBeat)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				beat()
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
