package simulation

import (
	"time"

	"signalbox/workflows/contract"
)

// prioritize is an operator who moves a job in the line. The scheduler tells the
// job, whose priority it is: a scheduler that begins anew hears of it from there.
func (w *world) prioritize() {
	if len(w.jobs) == 0 {
		return
	}
	b := w.jobs[w.rng.IntN(len(w.jobs))]
	if until := b.state.Lease.Until; w.chance(2) && until.After(w.now) {
		// When it registers again, so that the two messages may cross.
		w.at(until.Add(w.between(-100*time.Millisecond, 200*time.Millisecond)), func() { w.setPriority(b) })
		return
	}
	w.setPriority(b)
}

func (w *world) setPriority(b *batch) {
	to := 1 + w.rng.IntN(contract.LowestPriority)
	w.net.send(w.schedulerFlow, func() {
		s := w.scheduler
		if _, ok := s.state.SetPriority(b.flow.id, to); !ok {
			return
		}
		w.say("operator: %s: priority %d", b.flow.id, to)
		s.outgoing++
		w.net.signal(s.flow, b.flow.id, func() *workflow { return b.flow }, func() {
			if w.tamper.no(RulePriority) {
				b.state.Priority = to
			} else {
				b.state.SetPriority(to)
			}
			b.step()
		}, func(error) {
			s.outgoing--
			s.step()
		})
		s.step()
	}, func(error) {})
}

// priorityBound is how long the scheduler may have another priority than the job:
// messages on their way, and a job that registers again while there is none.
const priorityBound = time.Minute

// checkPriorities: what an operator was told about a job's place stays so.
func (w *world) checkPriorities() {
	s := w.scheduler
	for _, b := range w.jobs {
		theirs := b.state.Priority
		if s != nil && !s.flow.closed && w.aiUp && w.schedulerUp && !b.flow.closed && !b.ended {
			theirs = s.priority(b)
		}
		if theirs == b.state.Priority {
			b.disagree = time.Time{}
			continue
		}
		if b.disagree.IsZero() {
			b.disagree = w.now
		}
		if since := w.now.Sub(b.disagree); since > priorityBound {
			w.fail("%s has priority %d, and the scheduler has had %d for %s", b.flow.id, b.state.Priority, theirs, since)
		}
	}
}

// priority of a job as the scheduler has it; the job's own where it is not registered.
func (s *scheduler) priority(b *batch) int {
	for _, j := range s.state.Jobs {
		if j.Ref.WorkflowID == b.flow.id {
			return j.Priority
		}
	}
	return b.state.Priority
}
