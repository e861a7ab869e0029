package simulation

import (
	"fmt"
	"time"

	"signalbox/workflows/contract"
)

// badDocuments are some of a job's.
func (w *world) badDocuments(n int) map[string]bool {
	bad := map[string]bool{}
	for i := range n {
		if w.chance(3) {
			bad[fmt.Sprintf("d%d", i)] = true
		}
	}
	return bad
}

// operateJob is an operator who pauses a job, and lets it go on a while later
// unless that is left to the time; or who mends its documents, or not, and has
// those that have failed requeued.
func (w *world) operateJob() {
	if len(w.jobs) == 0 {
		return
	}
	b := w.jobs[w.rng.IntN(len(w.jobs))]
	if w.chance(2) {
		b.requeueFailed(w.chance(2))
		return
	}
	lasts := w.between(10*time.Second, 4*time.Minute)
	b.pause(contract.Order{State: contract.OrderOn, Until: w.now.Add(lasts)})
	if w.chance(2) {
		w.after(w.between(0, lasts), func() { b.pause(contract.Order{State: contract.OrderOff}) })
	}
}

// update is one of the job's updates; a job that is ending refuses it.
func (b *batch) update(do func()) {
	b.flow.deliver(func() {
		if b.flow.closed || b.ended || b.state.Cancelled {
			return
		}
		do()
		b.step()
	})
}

func (b *batch) pause(o contract.Order) {
	b.update(func() {
		b.w.say("operator: %s: pause %s until %s", b.flow.id, o.State, o.Until.Sub(b.w.start))
		b.pausedUntil = o.Until
		if o.State == contract.OrderOn {
			b.state.PauseUntil(o)
		} else {
			b.state.Resume(o)
		}
	})
}

func (b *batch) requeueFailed(mend bool) {
	b.update(func() {
		b.w.say("operator: %s: requeue-failed, mended %v", b.flow.id, mend)
		if mend {
			b.bad, b.mended = nil, map[string]bool{}
			for id, state := range b.recorded {
				b.mended[id] = state == contract.DocFailed
			}
			for d := range b.state.InHand() {
				b.mended[d.ID] = d.State == contract.DocFailed
			}
		}
		b.requeues++
		b.state.Requeue()
	})
}
