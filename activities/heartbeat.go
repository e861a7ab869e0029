package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// beatEvery is how often a GPU activity heartbeats; a cancel arrives with the
// answer.
const beatEvery = 500 * time.Millisecond

// beat heartbeats until stop is called. The first one is sent before it
// returns, and its answer is looked at: a host that wakes from sleep starts
// what it was given before, and learns here that it is too late.
func beat(ctx context.Context) (stop func(), err error) {
	activity.RecordHeartbeat(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		t := time.NewTicker(beatEvery)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-t.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() { close(done) }, nil
}
