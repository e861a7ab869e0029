package simulation

import (
	"errors"
	"time"

	"signalbox/internal/device"
	"signalbox/internal/job"
	"signalbox/workflows/contract"
)

// running is the activity in a host's one slot.
type running struct {
	h       *host
	task    *task
	attempt int
	granted bool
	call    *call // on the GPU
	timer   *event
	calls   int   // finished
	cause   error // of the abort that is under way
}

// free lets the slot poll, if the host serves.
func (h *host) free() {
	h.run = nil
	if h.serving && !h.polling && !h.leaving {
		h.polling = true
		h.w.queue.poll(h)
	}
}

// runs reports whether the host works on an attempt.
func (h *host) runs(t *task, attempt int) bool {
	return h.run != nil && h.run.task == t && h.run.attempt == attempt
}

// begin is an attempt that arrives in the process.
func (h *host) begin(t *task, attempt int) {
	h.polling = false
	r := &running{h: h, task: t, attempt: attempt}
	h.run = r
	if !t.current(attempt) {
		h.w.say("%s: attempt %d of %s is a ghost", h.name, attempt, t.name())
		h.free()
		return
	}
	t.beat()
	h.beatIfDue()
	if s := t.stage; s != nil && s.next() == "" {
		r.stageEnds(contract.StageOutcome{Outcome: contract.OutcomeDone})
		return
	}
	if s := t.stage; s != nil && s.job.bad[s.doc] {
		r.stageEnds(contract.StageOutcome{Outcome: contract.OutcomeFailed, Reason: "a bad document"})
		return
	}
	v := h.core.Want(h.w.now, t.wants())
	if !v.Admit {
		r.refused(v)
		return
	}
	r.granted = true
	if t.ask != nil {
		h.notify()
	}
	h.w.say("%s: %s is on the GPU", h.name, t.name())
	r.step()
}

// wants is the run that the task asks the device for.
func (t *task) wants() device.Run {
	if s := t.stage; s != nil {
		return device.Run{
			Class: contract.Batch, Lease: t.q.w.tamper.lease(s.lease), Job: s.job.flow.id, Document: s.doc, Stage: s.stage, Model: modelOf(s.stage),
		}
	}
	return device.Run{Class: contract.Realtime, Request: t.ask.ref, Job: t.ask.req.flow.id, Model: modelOf("")}
}

func (r *running) refused(v device.Verdict) {
	if r.task.ask != nil {
		if v.Outcome == contract.OutcomeGPUUnavailable {
			r.answer(result{unavailable: contract.ReasonUnhealthy})
			return
		}
		r.answer(result{lost: true})
		return
	}
	r.stageEnds(contract.StageOutcome{
		Outcome: v.Outcome, Reason: v.Reason, RetryAfterMs: v.RetryAfter.Milliseconds(), LeaseOver: v.LeaseOver,
	})
}

// step loads the model, or begins the next model call, or ends.
func (r *running) step() {
	h, w := r.h, r.h.w
	if h.run != r || r.cause != nil {
		return
	}
	if !h.ollamaUp {
		r.failed()
		return
	}
	model := r.task.wants().Model
	if h.model != model {
		took := w.between(time.Second, 4*time.Second)
		h.model = model
		w.stats.Switches++
		r.timer = h.after(took, func() {
			h.core.Loaded(took)
			r.step()
		})
		return
	}
	h.core.Loaded(0)
	h.beatIfDue()
	if v, ok := h.core.MayContinue(w.now); !ok {
		r.end(v.LeaseOver, errMadeWay)
		return
	}
	key, realtime, takes := "", true, w.cfg.RealtimeCall
	if s := r.task.stage; s != nil {
		key, realtime, takes = s.next(), false, w.cfg.BatchCall
	} else {
		key = r.task.ask.req.flow.id
		r.task.ask.req.onGPU()
	}
	r.call = w.card.begin(h, key, realtime)
	if s := r.task.stage; s != nil && s.job.poison == s.doc {
		h.after(w.between(0, time.Second), func() {
			if h.run != r {
				return
			}
			h.kill()
			w.after(5*time.Second, h.boot)
			if w.stats.Poisoned++; w.stats.Poisoned > job.MaxAttempts*(1+s.job.requeues) {
				w.fail("%s has killed the GPU worker %d times", r.task.name(), w.stats.Poisoned)
			}
		})
	}
	r.timer = h.after(w.between(takes/2, takes*3/2), r.finished)
}

var errMadeWay = errors.New("made way")

// finished is a model call that has ended well.
func (r *running) finished() {
	if r.h.run != r || r.cause != nil {
		return // it was aborted in the same moment
	}
	w := r.h.w
	w.card.end(r.call, true)
	r.call = nil
	r.calls++
	if s := r.task.stage; s != nil && w.tamper.no(RuleCheckpoint) {
		s.made++
	}
	r.h.core.RunSucceeded()
	if r.task.ask != nil {
		r.end(false, nil)
		return
	}
	if r.task.stage.next() == "" {
		r.end(false, nil)
		return
	}
	r.step()
}

// failed is a model call that the model server has failed.
func (r *running) failed() {
	h := r.h
	if h.run != r || r.cause != nil {
		return
	}
	r.timer.cancel()
	h.w.card.end(r.call, false)
	r.call = nil
	suspect := h.core.RunFailed(h.w.now, "Ollama failed")
	h.notify()
	h.after(time.Second, h.tick)
	h.core.Ended(h.w.now)
	if r.task.ask != nil {
		r.answer(result{unavailable: contract.ReasonUnhealthy})
		return
	}
	r.stageEnds(contract.StageOutcome{Outcome: contract.OutcomeGPUUnavailable, Reason: "Ollama failed", Suspect: suspect})
}

// abort cancels the run on the GPU; the model server notices within a moment.
func (h *host) abort(cause error) {
	r := h.run
	if r == nil || !r.granted || r.cause != nil {
		return
	}
	r.cause = cause
	r.timer.cancel()
	h.after(h.w.cfg.Abort, func() {
		if h.run != r {
			return
		}
		h.w.card.end(r.call, false)
		r.call = nil
		r.end(false, cause)
	})
}

// cancelled is an activity that its workflow no longer wants.
func (h *host) cancelled(t *task) {
	if r := h.run; r != nil && r.task == t {
		h.abort(errMadeWay)
	}
}

// end takes the run off the GPU and tells how it went.
func (r *running) end(leaseOver bool, cause error) {
	h := r.h
	h.core.Ended(h.w.now)
	if r.task.ask != nil {
		h.notify()
		r.answer(result{lost: cause != nil})
		return
	}
	o := contract.StageOutcome{Outcome: contract.OutcomeDone}
	switch {
	case errors.Is(cause, device.ErrClaimLost):
		o.Outcome = contract.OutcomeBounced
	case cause != nil:
		o.Outcome, o.LeaseOver = contract.OutcomePreempted, leaseOver
	}
	r.stageEnds(o)
}

func (r *running) stageEnds(o contract.StageOutcome) {
	o.Attempt, o.CallsDone = r.attempt, r.calls
	r.h.w.say("%s: %s %s %s", r.h.name, r.task.name(), o.Outcome, o.Reason)
	r.answer(result{outcome: o})
}

// answer tells the server, and frees the slot.
func (r *running) answer(x result) {
	t, attempt := r.task, r.attempt
	r.h.w.after(r.h.w.hop(), func() { t.complete(attempt, x) })
	r.h.free()
}

func modelOf(stage string) string {
	if stage == contract.StageEmbedDocument {
		return "embed"
	}
	return "text"
}
