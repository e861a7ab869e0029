package device

import (
	"context"
	"errors"
	"sync"
	"time"

	"signalbox/workflows/contract"
)

// Grant is one run on the GPU, from Acquire to End.
type Grant struct {
	d     *Device
	run   Run
	ctx   context.Context
	abort context.CancelCauseFunc
	since time.Time
	once  sync.Once
	took  time.Duration // once it has ended
}

// Acquire asks for the GPU. It waits for the slot, which is free as a rule
// because the worker has one, and then for nothing: a run that may not go on
// the GPU now is told so by the verdict.
func (d *Device) Acquire(ctx context.Context, run Run) (*Grant, Verdict, error) {
	select {
	case d.slot <- struct{}{}:
	case <-ctx.Done():
		return nil, Verdict{}, context.Cause(ctx)
	}
	d.mu.Lock()
	v := d.core.Want(d.now(), run)
	if !v.Admit {
		d.mu.Unlock()
		<-d.slot
		return nil, v, nil
	}
	g := &Grant{d: d, run: run, since: time.Now()}
	g.ctx, g.abort = context.WithCancelCause(ctx)
	if d.grant != nil {
		d.overlaps++
		d.opt.Logger.Error("two runs overlap on the GPU; this must never happen", "job", run.Job)
	}
	d.grant = g
	d.mu.Unlock()
	d.notifyRun(run.Class)
	return g, v, nil
}

// Context of the run's model calls. It is cancelled, with the cause, when the
// run has to make way at once.
func (g *Grant) Context() context.Context { return g.ctx }

// MayContinue reports whether the run may begin another model call, and the
// verdict if not.
func (g *Grant) MayContinue() (Verdict, bool) {
	if cause := context.Cause(g.ctx); cause != nil {
		return Verdict{Outcome: contract.OutcomePreempted, Reason: cause.Error()}, false
	}
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	return g.d.core.MayContinue(g.d.now())
}

// Aborted returns why the device has aborted the run, nil if it has not.
func (g *Grant) Aborted() error {
	cause := context.Cause(g.ctx)
	for _, known := range []error{ErrPreempted, ErrClaimLost, ErrStopping} {
		if errors.Is(cause, known) {
			return cause
		}
	}
	return nil
}

// Elapsed is the time on the GPU so far. Like End it is for the run itself to call.
func (g *Grant) Elapsed() time.Duration {
	if g.took > 0 {
		return g.took
	}
	return time.Since(g.since)
}

// Loaded records that the run's model is in memory, and how long loading it
// took; 0 where it was there.
func (g *Grant) Loaded(took time.Duration) {
	g.d.mu.Lock()
	g.d.core.Loaded(took)
	g.d.mu.Unlock()
}

// ClosedFor is how long batch is still closed by the calendar; 0 where it is not.
func (g *Grant) ClosedFor() time.Duration {
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	return max(0, g.d.core.ClosedUntil().Sub(g.d.now()))
}

// Learn records how long the run, which ended well and in one go, was on the GPU.
func (g *Grant) Learn(took time.Duration) {
	g.d.mu.Lock()
	g.d.core.Learn(g.d.now(), g.run.Stage, g.run.Model, took)
	g.d.mu.Unlock()
}

// Succeeded records that a model call has finished.
func (g *Grant) Succeeded() {
	g.d.mu.Lock()
	g.d.core.RunSucceeded()
	g.d.mu.Unlock()
}

// Failed records that the GPU or its model server failed the run, and reports
// whether they had worked until then.
func (g *Grant) Failed(why string) (suspect bool) {
	g.d.mu.Lock()
	suspect = g.d.core.RunFailed(g.d.now(), why)
	g.d.mu.Unlock()
	g.d.notify()
	return suspect
}

// End gives the slot back. It may be called more than once.
func (g *Grant) End() {
	g.once.Do(func() {
		g.took = time.Since(g.since)
		g.d.mu.Lock()
		g.d.core.Ended(g.d.now())
		g.d.grant = nil
		g.d.mu.Unlock()
		g.abort(nil)
		<-g.d.slot
		g.d.notifyRun(g.run.Class)
	})
}

func (g *Grant) cancel(cause error) { g.abort(cause) }
