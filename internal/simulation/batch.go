package simulation

import (
	"encoding/json"
	"fmt"
	"time"

	"signalbox/internal/job"
	"signalbox/workflows/contract"
)

// batch is AIRevisionBatch around its core.
type batch struct {
	w           *world
	flow        *workflow
	ref         contract.JobRef
	started     time.Time
	stages      []string
	docs        int // of the job
	calls       int // of each stage
	chunk       int
	poison      string          // the document that kills the GPU worker
	bad         map[string]bool // documents that fail, until somebody mends them
	spoilt      map[string]bool // those that were bad when the job began
	mended      map[string]bool // that failed, and were requeued when they were mended
	requeues    int
	pausedUntil time.Time
	disagree    time.Time // since when the scheduler has another priority for it

	state     *job.State
	sending   int
	draining  bool
	wants     bool // it is to continue as new
	tasks     []*task
	await     *event
	alarm     *event
	alarmAt   time.Time
	cancelled bool
	recorded  map[string]contract.DocumentState
	ended     bool
	result    job.Counts
}

func (w *world) job(id string) *batch {
	for _, j := range w.jobs {
		if j.flow.id == id {
			return j
		}
	}
	return nil
}

func (w *world) jobFlow(id string) *workflow {
	if j := w.job(id); j != nil {
		return j.flow
	}
	return nil
}

// stageRun is one stage of one document on its way.
type stageRun struct {
	job   *batch
	doc   string
	stage string
	lease contract.Lease
	made  int // calls made, where the store is not looked at
}

func (s *stageRun) name() string { return s.job.flow.id + "/" + s.doc + "/" + s.stage }

// next is the first model call that is not in the store, "" for none.
func (s *stageRun) next() string {
	for n := s.made; n < s.job.calls; n++ {
		key := fmt.Sprintf("%s/%d", s.name(), n)
		if s.job.w.card.done[key] == 0 || s.job.w.tamper.no(RuleCheckpoint) {
			return key
		}
	}
	return ""
}

func (w *world) startJob(j *batch) {
	j.w, j.started = w, w.now
	j.flow.w, j.flow.up = w, w.aiWorks
	j.ref = contract.JobRef{WorkflowID: j.flow.id, RunID: j.flow.id + "-1"}
	j.state = job.New(j.stages, 1+w.rng.IntN(5))
	j.recorded = map[string]contract.DocumentState{}
	w.jobs = append(w.jobs, j)
	w.say("%s: starts with %d documents", j.flow.id, j.docs)
	j.flow.later(w.hop(), j.step)
}

// step decides, and carries it out.
func (b *batch) step() {
	if b.flow.closed || b.ended {
		return
	}
	w := b.w
	b.draining = b.draining || b.wants
	d := b.state.Decide(w.now, b.ref, b.draining && !b.state.Awaiting)
	if d.End {
		b.end()
		return
	}
	if d.Prepare != nil {
		b.prepare(*d.Prepare)
	}
	if d.Record {
		b.record()
	}
	if d.Register != nil {
		r := w.tamper.registration(*d.Register)
		b.tell(func() { w.scheduler.register(r) }, func(ok bool) { b.state.Registered(w.now, ok || w.tamper.no(RuleRegister)) })
	}
	if d.Finishing {
		r := contract.Registration{Job: b.ref, Left: b.state.Left()}
		b.tell(func() { w.scheduler.finishing(r) }, func(bool) {})
	}
	for _, r := range d.Queue {
		b.queue(r)
	}
	if b.state.Awaiting && b.await == nil {
		b.awaitGPU()
	}
	b.wakeAt(d.Wake)
	if b.draining && b.state.Idle() && b.sending == 0 && !b.state.Cancelled {
		b.continueAsNew()
	}
}

func (b *batch) wakeAt(t time.Time) {
	if t.IsZero() || !b.alarmAt.IsZero() && !t.Before(b.alarmAt) {
		return
	}
	b.alarm.cancel()
	b.alarmAt = t
	b.alarm = b.w.at(t.Add(b.w.between(0, 50*time.Millisecond)), func() {
		b.alarmAt = time.Time{}
		b.flow.deliver(b.step)
	})
}

// tell signals the scheduler.
func (b *batch) tell(do func(), done func(ok bool)) {
	b.sending++
	b.w.net.signal(b.flow, schedulerID, b.w.schedulerFlow, do, func(err error) {
		b.sending--
		done(err == nil)
		b.step()
	})
}

func (b *batch) directed(d contract.Directive) {
	cancelAwait := b.state.Directed(b.w.now, d)
	if cancelAwait && b.await != nil {
		b.gpuBack()
	}
	b.step()
}

func (b *batch) askedToRegister() {
	b.state.AskedToRegister()
	b.step()
}

// end says goodbye, and counts.
func (b *batch) end() {
	if b.sending > 0 {
		return // asked again when they have arrived
	}
	b.ended = true
	b.result = b.state.Counts
	w := b.w
	w.net.signal(b.flow, schedulerID, w.schedulerFlow, func() {
		w.scheduler.jobEnded(contract.JobEnded{Job: b.ref})
	}, func(error) {
		b.close()
		w.checkJob(b)
	})
}

func (b *batch) close() {
	b.flow.closed = true
	b.alarm.cancel()
	b.await.cancel()
	for _, t := range b.tasks {
		t.cancel()
	}
}

// terminate ends the job at once, without a word.
func (b *batch) terminate() {
	if !b.flow.closed {
		b.w.say("%s: terminated", b.flow.id)
		b.close()
	}
}

// cancel asks the job to end; what it has done stays.
func (b *batch) cancel() {
	if b.flow.closed || b.ended {
		return
	}
	b.flow.deliver(func() {
		b.w.say("%s: cancelled", b.flow.id)
		b.cancelled = true
		b.state.Cancel()
		for _, t := range b.tasks {
			if t.closed {
				continue
			}
			t.cancel()
			doc := t.stage.doc
			b.flow.later(b.w.between(0, time.Second), func() {
				b.dropped(doc)
				b.step()
			})
		}
		if b.await != nil {
			b.gpuBack()
		}
		b.step()
	})
}

func (b *batch) dropped(id string) {
	for d := range b.state.InHand() {
		if d.ID == id {
			b.state.Dropped(d)
		}
	}
}

// continueAsNew carries the state into another run, as JSON.
func (b *batch) continueAsNew() {
	data, err := json.Marshal(b.state)
	carried := &job.State{}
	if err == nil {
		err = json.Unmarshal(data, carried)
	}
	if err != nil {
		b.w.fail("the state of %s cannot be carried: %v", b.flow.id, err)
		return
	}
	b.w.say("%s: continues as new, %d bytes", b.flow.id, len(data))
	b.w.stats.Continued++
	b.state, b.draining, b.wants, b.tasks = carried, false, false, nil
	b.step()
}
