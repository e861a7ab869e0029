package job

import (
	"slices"
	"time"

	"signalbox/workflows/contract"
)

// Decision is what the workflow is to do now. What it holds counts as begun.
type Decision struct {
	// Queue these stage runs.
	Queue []Run
	// Register with the scheduler.
	Register *contract.Registration
	// Finishing is said once, when few stages are left.
	Finishing bool
	// Prepare a chunk; nil for none.
	Prepare *Prepare
	// Record the chunk that is done.
	Record bool
	// End the job: everything is recorded.
	End bool
	// Wake is when time alone changes something; zero for never.
	Wake time.Time
}

// Prepare says which documents a chunk is made of: those from From on, or those
// that have failed, from From on and before Until.
type Prepare struct {
	From   int
	Until  int
	Failed bool
}

// Run is one stage run to queue.
type Run struct {
	Doc   *Doc
	Stage string
	Lease contract.Lease
	// Attempts that are left to it.
	Attempts int
}

// Decide says what is to be done at now. With draining set nothing new begins:
// the job is about to continue as new.
func (s *State) Decide(now time.Time, ref contract.JobRef, draining bool) Decision {
	var d Decision
	if s.Cancelled {
		s.decideCancelled(&d)
		return d
	}
	if draining {
		return d
	}
	s.decideChunk(&d)
	if d.End {
		return d
	}
	s.decidePause(now)
	if s.Lease.Token > 0 && !s.Lease.Until.IsZero() && !s.Lease.Live(now) {
		s.endLease()
	}
	s.decideRegister(now, ref, &d)
	if !s.SaidFinishing && s.Total > 0 && s.Left().Sum() <= FinishingLeft && d.Register == nil && s.Lease.Live(now) {
		s.SaidFinishing, d.Finishing = true, true
	}
	if s.Lease.Live(now) && s.Hold == "" && !s.Awaiting && !s.paused() {
		s.decideQueue(now, &d)
	}
	d.Wake = s.wake(now)
	return d
}

func (s *State) chunkDone() bool {
	for _, d := range s.Chunk {
		if d.State == contract.DocPending || d.outstanding {
			return false
		}
	}
	return true
}

// decideChunk records a chunk that is done, and prepares one ahead of the GPU.
// While a chunk is recorded the one ahead is worked on.
func (s *State) decideChunk(d *Decision) {
	s.decideRequeue()
	if d.Prepare = s.toPrepare(); d.Prepare != nil {
		s.preparing = true
	}
	if len(s.Chunk) > 0 && s.chunkDone() && !s.recording {
		s.recording, d.Record = true, true
	}
	d.End = s.over()
}

func (s *State) decideCancelled(d *Decision) {
	if s.OnQueue() > 0 || s.recording || s.preparing {
		return
	}
	if len(s.Chunk) > 0 {
		s.recording, d.Record = true, true
		return
	}
	d.End = true
}

func (s *State) decideRegister(now time.Time, ref contract.JobRef, d *Decision) {
	if !s.RegisterDue || s.registering || now.Before(s.RegisterAt) || s.Total == 0 {
		return
	}
	d.Register = &contract.Registration{
		Job: ref, Priority: s.Priority, Left: s.Left(), Next: s.nextStage(), Over: s.RegisteredOver, Paused: s.Pause,
	}
	s.SaidFinishing = s.Left().Sum() <= FinishingLeft
	s.RegisterAt, s.registering = now.Add(RegisterRetry), true
}

func (s *State) decideQueue(now time.Time, d *Decision) {
	for n := s.OnQueue(); n < Outstanding; n++ {
		doc := s.next(now)
		if doc == nil {
			return
		}
		doc.outstanding = true
		d.Queue = append(d.Queue, Run{
			Doc: doc, Stage: s.Stages[doc.Stage], Lease: s.Lease, Attempts: MaxAttempts - doc.Lost,
		})
	}
}

// next is the document to queue next: often-preempted ones first, then by stage, those that were begun before fresh ones, in the order of the input;
// the chunk ahead when this one has nothing left to queue. One that the GPU has
// just failed on lets another go first.
func (s *State) next(now time.Time) *Doc {
	if doc := s.nextOf(s.Chunk, now); doc != nil {
		return doc
	}
	return s.nextOf(s.Ahead, now)
}

// nextStage is that of the run to queue next, also of one that has to wait; empty
// while there is none.
func (s *State) nextStage() string {
	if doc := s.next(slices.MaxFunc(s.NotBefore, time.Time.Compare)); doc != nil {
		return s.Stages[doc.Stage]
	}
	return ""
}

func (s *State) nextOf(docs []*Doc, now time.Time) *Doc {
	var best *Doc
	for _, doc := range docs {
		if doc.State != contract.DocPending || doc.outstanding || now.Before(s.NotBefore[doc.Stage]) {
			continue
		}
		if best == nil || before(doc, best) {
			best = doc
		}
	}
	return best
}

func before(a, b *Doc) bool {
	if a.Behind != b.Behind {
		return b.Behind
	}
	if often := a.Preemptions >= PreemptedFirst; often != (b.Preemptions >= PreemptedFirst) {
		return often
	}
	if a.Stage != b.Stage {
		return a.Stage < b.Stage
	}
	return a.Again && !b.Again
}

func (s *State) wake(now time.Time) time.Time {
	var at time.Time
	consider := func(t time.Time) {
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if s.RegisterDue {
		consider(s.RegisterAt)
	}
	if s.paused() {
		consider(s.Pause.Until)
	}
	if s.Lease.Token > 0 {
		consider(s.Lease.Until)
	}
	for doc := range s.InHand() {
		if doc.State == contract.DocPending && !doc.outstanding {
			consider(s.NotBefore[doc.Stage])
		}
	}
	return at
}
