package job

import (
	"time"

	"signalbox/workflows/contract"
)

// Directed records the scheduler's word. It returns true when the wait for the
// GPU is to be cancelled: a new token is news, a repeated one changes nothing.
func (s *State) Directed(now time.Time, d contract.Directive) (cancelAwait bool) {
	if !d.Open {
		s.held(now, d)
		return false
	}
	s.Position, s.Times = d.Position, d.Times
	if d.Lease.Token <= s.Lease.Token {
		return false
	}
	s.Lease, s.Hold, s.HoldUntil = d.Lease, "", time.Time{}
	s.registered(now, true) // the open answers the registration that was sent
	return s.Awaiting
}

// held records a hold, unless a newer open has overtaken it.
func (s *State) held(now time.Time, d contract.Directive) {
	overtaken := d.Lease.Token < s.Lease.Token
	if d.Lease.Token == 0 {
		overtaken = s.Lease.Live(now)
	}
	if !overtaken {
		s.Hold, s.HoldUntil = d.Reason, d.Until
		s.Position, s.Times = d.Position, d.Times
	}
}

// SetPriority records the priority that an operator gave the job. It registers with
// it at once: an older registration may overtake the operator at the scheduler.
func (s *State) SetPriority(priority int) {
	if s.Priority != priority {
		s.Priority = priority
		s.AskedToRegister()
	}
}

// AskedToRegister records that the scheduler does not know this job.
func (s *State) AskedToRegister() { s.RegisterDue, s.RegisterAt = true, time.Time{} }

// Registered records how a registration went. Until then no other is sent: it might
// arrive first.
func (s *State) Registered(now time.Time, ok bool) {
	s.registering = false
	s.registered(now, ok)
}

// registered leaves the registration due that has become so since one was sent: with a
// pause, or another priority.
func (s *State) registered(now time.Time, ok bool) {
	if s.RegisterDue && s.RegisterAt.IsZero() {
		return
	}
	s.RegisterDue = !ok
	s.RegisterAt = now.Add(RegisterRetry)
}

// Prepared records a chunk.
func (s *State) Prepared(r contract.ChunkResult) {
	s.preparing = false
	s.Total = r.Total
	if r.Failed {
		if s.Cancelled {
			return // they stay failed
		}
		s.scanned(r)
		if len(r.Documents) > 0 {
			s.AskedToRegister() // there is more left than it has said
		}
	}
	docs := make([]*Doc, 0, len(r.Documents))
	for _, c := range r.Documents {
		d := &Doc{
			Document: c.Document, Prepared: c.Prepared, Index: c.Index, Requeued: r.Failed,
			State: contract.DocPending, Duplicate: c.Duplicate,
		}
		if s.Stages[0] == contract.StageOCR && c.Origin != contract.TextOCR {
			d.Stage = 1 // it has a text of its own
		}
		switch {
		case c.Problem != "":
			s.fail(d, c.Problem)
		case d.Stage == len(s.Stages):
			d.State = contract.DocDone
		case s.Cancelled:
			d.State = contract.DocCancelled
		}
		docs = append(docs, d)
	}
	if len(s.Chunk) == 0 {
		s.Chunk = docs
	} else {
		s.Ahead = docs
	}
}

// Finished records how one stage run ended. lease is the one it carried.
func (s *State) Finished(now time.Time, d *Doc, lease contract.Lease, o contract.StageOutcome) {
	d.outstanding = false
	s.Counts.GPUMs += o.GPUMs
	s.Counts.LostGPUMs += o.LostMs
	s.Counts.Continued += o.Continued
	s.Counts.Simulated = s.Counts.Simulated || o.Simulated
	if o.CallsDone > 0 {
		d.Lost, d.Faults = 0, 0
	} else {
		d.Lost += o.Attempt - 1
	}
	switch o.Outcome {
	case contract.OutcomeDone:
		d.Stage++
		if o.CallsDone > 0 {
			s.Counts.Stages++
		}
		d.Again, d.Lost = false, 0
		for other := range s.InHand() {
			other.Behind = false
		}
		if d.Stage == len(s.Stages) {
			d.State = contract.DocDone
		}
	case contract.OutcomeFailed:
		s.fail(d, o.Reason)
	case contract.OutcomePreempted:
		s.Counts.Preemptions++
		if d.Preemptions++; d.Preemptions == PreemptedFirst {
			s.Counts.OftenPreempted++
		}
		d.Again = true
		s.leaseOver(lease, o.LeaseOver)
	case contract.OutcomeBounced:
		s.Counts.Bounces++
		d.Again = true
		s.NotBefore[d.Stage] = now.Add(max(BounceWait, time.Duration(o.RetryAfterMs)*time.Millisecond))
		s.leaseOver(lease, o.LeaseOver)
	case contract.OutcomeGPUUnavailable:
		d.Again = true
		if o.Suspect {
			d.Faults++
			d.Behind = true
		}
		// Under an older token this is old news: a job that was away would
		// begin a wait of five minutes for nothing.
		if lease.Token == s.Lease.Token {
			s.Awaiting, s.AwaitReason = true, o.Reason
		}
	}
	if d.State != contract.DocPending {
		return
	}
	if d.Lost >= MaxAttempts {
		s.fail(d, "worker-lost: the GPU worker died in each of the last attempts")
	}
	if d.Faults >= MaxFaults {
		s.fail(d, "gpu-failed: the GPU failed each time it worked on this document: "+o.Reason)
	}
}

// Lost records that a stage run's attempts were all lost with the GPU worker.
func (s *State) Lost(d *Doc) {
	d.outstanding = false
	s.fail(d, "worker-lost: the GPU worker died in each of the last attempts")
}

// Dropped records that a stage run was cancelled with the job.
func (s *State) Dropped(d *Doc) { d.outstanding = false }

// GPUBack records the end of the wait for the GPU.
func (s *State) GPUBack() { s.Awaiting, s.AwaitReason = false, "" }

// Recorded closes the chunk: its documents are in the report.
func (s *State) Recorded() {
	s.recording = false
	for _, d := range s.Chunk {
		switch d.State {
		case contract.DocDone:
			s.Counts.Done++
			if d.Duplicate {
				s.Counts.Duplicates++
			}
		case contract.DocFailed:
			s.Counts.Failed++
			if len(s.Failures) < contract.MaxFailures {
				s.Failures = append(s.Failures, d.Line())
			}
		case contract.DocCancelled, contract.DocPending:
			s.Counts.Cancelled++
		}
	}
	for _, d := range s.Chunk {
		if !d.Requeued {
			s.From++
		}
	}
	s.Chunk, s.Ahead = s.Ahead, nil
}

// Cancel records that the job is to end: what has not ended is cancelled.
func (s *State) Cancel() {
	s.Cancelled = true
	for d := range s.InHand() {
		if d.State == contract.DocPending {
			d.State = contract.DocCancelled
		}
	}
}

func (s *State) fail(d *Doc, reason string) {
	d.State, d.Reason = contract.DocFailed, reason
}

// leaseOver marks the present lease as over when the device has said so of it.
func (s *State) leaseOver(lease contract.Lease, over bool) {
	if over && lease.Token == s.Lease.Token {
		s.endLease()
	}
}

// endLease gives the lease up: the job registers, once for each token.
func (s *State) endLease() {
	if s.RegisteredOver != s.Lease.Token {
		s.RegisteredOver = s.Lease.Token
		s.RegisterDue, s.RegisterAt = true, time.Time{}
	}
	s.Lease.Until = time.Time{}
}
