package simulation

import (
	"fmt"
	"time"

	"signalbox/internal/job"
	"signalbox/workflows/contract"
)

// queue puts one stage run on the GPU queue.
func (b *batch) queue(r job.Run) {
	w := b.w
	if w.now.Before(b.pausedUntil) {
		w.fail("%s queues %s in spite of its pause", b.flow.id, r.Doc.ID)
	}
	s := &stageRun{job: b, doc: r.Doc.ID, stage: r.Stage, lease: r.Lease}
	t := &task{priority: contract.PriorityBatch, maxAttempts: w.tamper.attempts(r.Attempts), heartbeat: contract.BatchHeartbeat, retry: contract.BatchRetry, stage: s}
	t.done = func(x result) {
		b.flow.later(w.hop(), func() {
			if x.lost {
				b.state.Lost(r.Doc)
			} else {
				now := w.now
				if x.outcome.Outcome == contract.OutcomeBounced {
					w.stats.Bounces++
					now = w.tamper.bounced(now)
				}
				b.state.Finished(now, r.Doc, r.Lease, x.outcome)
			}
			b.step()
		})
	}
	w.queue.schedule(t, 0)
	b.tasks = append(b.tasks, t)
}

// awaitGPU waits for the GPU, five minutes at a time.
func (b *batch) awaitGPU() {
	w := b.w
	w.say("%s: waits for the GPU: %s", b.flow.id, b.state.AwaitReason)
	b.await = w.after(contract.AwaitEvery, func() {
		healthy := false
		w.control(10*time.Second, 10*time.Second, time.Second, func(h *host) bool {
			h.beatIfDue()
			healthy = h.core.Owned(w.now) && h.core.Health(w.now).Admits == contract.AdmitAll
			return true
		}, func(ok bool) {
			b.flow.deliver(func() {
				switch {
				case b.await == nil: // cancelled meanwhile
				case ok && healthy:
					b.gpuBack()
				default:
					b.awaitGPU()
				}
				b.step()
			})
		})
	})
}

func (b *batch) gpuBack() {
	b.await.cancel()
	b.await = nil
	b.state.GPUBack()
}

// prepare is the activity PrepareChunk.
func (b *batch) prepare(p job.Prepare) {
	w := b.w
	r := contract.ChunkResult{Total: b.docs, Failed: p.Failed, Next: p.Until}
	most := b.docs
	if p.Failed {
		most = p.Until
	}
	for i := p.From; i < most; i++ {
		id := fmt.Sprintf("d%d", i)
		if p.Failed && b.recorded[id] != contract.DocFailed {
			continue
		}
		if len(r.Documents) == b.chunk {
			r.Next = i
			break
		}
		r.Documents = append(r.Documents, contract.ChunkDocument{
			Index: i, Document: contract.Document{ID: id}, Prepared: contract.Prepared{Origin: contract.TextOCR},
		})
	}
	b.activity(w.between(20*time.Millisecond, time.Second), func() { b.state.Prepared(r) })
}

// record is the activity RecordChunk.
func (b *batch) record() {
	lines := map[string]contract.DocumentState{}
	again := map[string]bool{}
	for _, d := range b.state.Chunk {
		lines[d.ID], again[d.ID] = d.State, d.Requeued
	}
	b.activity(b.w.hop(), func() {
		for id, state := range lines {
			if was, twice := b.recorded[id]; twice != again[id] || twice && was != contract.DocFailed {
				b.w.fail("%s/%s was recorded twice: %s and %s", b.flow.id, id, was, state)
			}
			b.recorded[id] = state
		}
		b.state.Recorded()
	})
}

// activity is one on the AI workers, made until it succeeds.
func (b *batch) activity(takes time.Duration, done func()) {
	w := b.w
	w.after(takes, func() {
		w.whenUp(w.aiWorks, func() {
			b.flow.later(w.hop(), func() {
				done()
				b.step()
			})
		})
	})
}
