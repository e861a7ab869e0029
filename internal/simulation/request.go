package simulation

import (
	"fmt"
	"slices"
	"time"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// request is AIRevision: one run and its rings.
type request struct {
	w       *world
	flow    *workflow
	due     time.Time
	maxWait time.Duration
	attempt int
	run     *task
	missed  int
	first   bool
	served  time.Time // when its model call began
	alone   bool      // no other one was there meanwhile
}

// realtimeRun is one attempt of a request on its way.
type realtimeRun struct {
	req *request
	ref contract.RequestRef
}

func (w *world) startRequest() *request {
	id := fmt.Sprintf("r%d", len(w.requests))
	r := &request{w: w, flow: &workflow{w: w, id: id, up: w.aiWorks}, due: w.now, maxWait: 2 * time.Minute}
	w.requests = append(w.requests, r)
	w.open = append(w.open, r)
	r.alone = len(w.open) == 1
	for _, other := range w.open[:len(w.open)-1] {
		other.alone = false
	}
	w.say("%s: starts", id)
	r.flow.later(w.hop(), func() { r.begin(1) })
	return r
}

func (r *request) ref() contract.RequestRef {
	return contract.RequestRef{WorkflowID: r.flow.id, RunID: r.flow.id, Attempt: r.attempt}
}

// begin is one attempt: the run, and the first ring beside it.
func (r *request) begin(n int) {
	w := r.w
	r.attempt, r.first, r.missed = n, n == 1, 0
	left := r.due.Add(r.maxWait).Sub(w.now)
	if left <= 0 {
		r.end(contract.ReasonWaitExceeded)
		return
	}
	t := &task{priority: contract.PriorityRealtime, maxAttempts: 1, heartbeat: contract.RealtimeHeartbeat, ask: &realtimeRun{req: r, ref: r.ref()}}
	t.done = func(x result) { r.flow.later(w.hop(), func() { r.ran(t, x) }) }
	r.run = t
	w.queue.schedule(t, left)
	r.ring(t)
}

// ring tells the device that the request is due, and again until it ends.
func (r *request) ring(t *task) {
	if r.w.tamper.no(RuleRings) {
		return
	}
	w, ref, sent := r.w, t.ask.ref, r.w.now
	var a contract.RingAnswer
	w.control(contract.RingTimeout, contract.RingTimeout, contract.RingRetry, func(h *host) bool {
		h.beatIfDue()
		if !h.core.Owned(w.now) {
			return false
		}
		answer, preempt := h.core.Ring(w.now, sent, ref)
		w.say("%s: rings on %s: %+v preempt=%v", r.flow.id, h.name, answer, preempt)
		a = answer
		if preempt {
			h.abort(device.ErrPreempted)
		}
		h.lastSeen = "" // it has changed, and changes again when the ring expires
		h.notify()
		h.after(ringExpires, h.tick)
		return true
	}, func(ok bool) {
		r.flow.deliver(func() { r.heard(t, a, ok) })
	})
}

func (r *request) heard(t *task, a contract.RingAnswer, ok bool) {
	if r.run != t || r.flow.closed || t.closed {
		return
	}
	first := r.first
	r.first = false
	if !ok {
		if r.missed++; first || r.missed == contract.MissedRings {
			r.end(contract.ReasonHostGone)
			return
		}
	} else {
		r.missed = 0
		if a.Phase != contract.PhaseRunning && a.Health.Admits == contract.AdmitNothing {
			r.end(contract.ReasonUnhealthy)
			return
		}
	}
	r.w.after(contract.RingEvery, func() {
		r.flow.deliver(func() {
			if r.run == t && !t.closed {
				r.ring(t)
			}
		})
	})
}

// ran is a run that has ended, or did not start in time.
func (r *request) ran(t *task, x result) {
	if r.run != t || r.flow.closed {
		return
	}
	switch {
	case x.late:
		r.end(contract.ReasonWaitExceeded)
	case x.lost:
		if r.attempt == contract.RealtimeAttempts {
			r.end(contract.ReasonLost)
			return
		}
		r.begin(r.attempt + 1)
	case x.unavailable != "":
		r.end(x.unavailable)
	default:
		r.end("")
	}
}

// onGPU is a model call of the request that begins.
func (r *request) onGPU() {
	if r.served.IsZero() {
		r.served = r.w.now
		r.w.checkWait(r)
	}
}

// end answers the request; one that was refused withdraws.
func (r *request) end(reason contract.Reason) {
	w := r.w
	w.say("%s: ends %s", r.flow.id, reason)
	ref := r.ref()
	r.close()
	if reason == "" {
		w.stats.Answered++
		return
	}
	w.stats.Refused++
	w.control(contract.RingTimeout, contract.RingTimeout, contract.RingRetry, func(h *host) bool {
		h.core.Withdraw(w.now, ref)
		h.notify()
		return true
	}, func(bool) {})
}

// terminate ends the request at once, without a word.
func (r *request) terminate() {
	if r.flow.closed {
		return
	}
	r.w.say("%s: terminated", r.flow.id)
	r.close()
}

func (r *request) close() {
	w := r.w
	r.flow.closed = true
	r.run.cancel()
	if !r.served.IsZero() {
		w.lastAnswer = w.now
	}
	w.open = slices.DeleteFunc(w.open, func(other *request) bool { return other == r })
}
