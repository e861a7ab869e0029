package scheduling

import (
	"time"

	"signalbox/workflows/contract"
)

// SetWindow records the calendar's word.
func (s *State) SetWindow(w Window) { s.Window = w }

// Register records a job, or what it says anew. A job that found its lease
// over goes back in line; a new execution under an old id begins afresh.
func (s *State) Register(now time.Time, r contract.Registration) {
	j := s.find(r.Job.WorkflowID)
	if j != nil && j.Ref != r.Job {
		s.remove(j.Ref.WorkflowID)
		j = nil
	}
	if j == nil && len(s.Jobs) >= MaxJobs {
		return // a look at Temporal finds it when there is room
	}
	if j == nil {
		j = &Job{Ref: r.Job, Since: now}
		s.join(now, j)
		s.Jobs = append(s.Jobs, j)
	}
	j.Priority, j.Answer = r.Priority, true
	s.told(now, j, r.Left)
	j.Paused = r.Paused
	if j.Lease != nil && (r.Over == j.Lease.Token || j.IsPaused()) {
		s.endLease(now, j)
	}
	j.Next = r.Next
}

// Finishing records that a job has few stages left.
func (s *State) Finishing(now time.Time, r contract.Registration) {
	if j := s.find(r.Job.WorkflowID); j != nil {
		s.told(now, j, r.Left)
	}
}

// told records what a job says is left of it.
func (s *State) told(now time.Time, j *Job, left contract.StagesLeft) {
	j.Left, j.LeftSince = left, s.openFor(now)
}

// Ended drops a job that has said its last word, or that could not be
// signalled because it has ended. A newer execution of the same id stays.
func (s *State) Ended(job contract.JobRef) {
	if j := s.find(job.WorkflowID); j != nil && j.Ref == job {
		s.remove(job.WorkflowID)
	}
}

// DeviceNews records the device's state, unless it is older than what is known.
func (s *State) DeviceNews(now time.Time, g contract.GPUState) {
	if d := s.Device; d != nil && d.Instance == g.Instance && g.Seq < d.Seq {
		return
	}
	if s.Gone == g.Instance {
		return // the last words of an instance that has lost its claim
	}
	s.Gone = ""
	if s.realtimePresent() && g.RealtimeWaiting+g.RealtimeRunning == 0 {
		s.RealtimeEnded = now
	}
	s.Device, s.DeviceSeen = &g, now
	s.learn(g.Paces)
	if g.Gate.Token > s.LastToken {
		// A gate from the future: this scheduler's clock is behind the one
		// before it. Tokens must still grow.
		s.LastToken = g.Gate.Token
		s.Gate.Change = g.Gate.Change
		s.revoke(now)
	}
	// What this scheduler was not told the device has from the one before it.
	s.Gate.Orders = s.Gate.Orders.Over(g.Gate.Orders)
	if g.Gate.Same(s.Gate) {
		s.GateInstance = g.Instance
	}
}

// GateAnswer records what the device answered to the gate, or that it did not.
func (s *State) GateAnswer(now time.Time, g *contract.GPUState) {
	s.GateAsked = false
	if g == nil {
		if d := s.Device; d != nil && d.Instance != s.Gone && d.Instance == s.GateTold {
			s.GateTold = "" // it lives: once more
		}
		return // otherwise with the next reconcile, or to a new instance
	}
	s.DeviceNews(now, *g)
	if g.Gate.Same(s.Gate) {
		s.GateTold = g.Instance
	}
}

// HostGone records that an instance's claim has ended.
func (s *State) HostGone(now time.Time, h contract.HostGone) {
	if s.Device != nil && s.Device.Instance != h.Instance {
		return // a newer instance has reported already
	}
	if s.realtimePresent() {
		s.RealtimeEnded = now
	}
	s.Gone = h.Instance
	if s.Device == nil {
		s.Device = &contract.GPUState{Instance: h.Instance}
	}
	s.Device.Run, s.Device.RealtimeRunning, s.Device.RealtimeWaiting = nil, 0, 0
	s.Device.Health = contract.Health{
		Value: contract.Unhealthy, Admits: contract.AdmitNothing, Reason: string(contract.ReasonHostGone),
	}
}

// Reconciled records what a look at Temporal itself has found, which began at a
// time. It returns the jobs that are to be asked to register, and whether there are
// more, for which another look is due soon. The gate is due again, and so is the
// lease holder's truth.
func (s *State) Reconciled(now, began time.Time, r contract.ReconcileResult) (ask []contract.JobRef, more bool) {
	for _, e := range r.Ended {
		s.Ended(e)
	}
	room := max(0, min(MaxAsked, MaxJobs-len(s.Jobs)))
	known := s.ids()
	for _, m := range r.Missing {
		switch {
		case known[m.WorkflowID]:
		case len(ask) == room:
			more = room > 0
		default:
			ask = append(ask, m)
		}
	}
	if r.OwnerKnown && s.Device != nil {
		s.owned(now, began, r.Owner)
	}
	for _, j := range s.holders() {
		j.Answer = true
	}
	s.GateTold = ""
	return ask, more
}

// owned records which instance Temporal says has the claim.
func (s *State) owned(now, began time.Time, owner string) {
	switch {
	case owner == s.Device.Instance && s.Gone == owner:
		// Somebody was wrong about it. The gate, which is due again, brings its
		// state.
		s.Gone = ""
		s.Device.Health = contract.Health{Value: contract.HealthUnknown, Admits: contract.AdmitAll}
	case owner != s.Device.Instance && s.Gone != s.Device.Instance && s.DeviceSeen.Before(began):
		// An instance that has reported since is newer than the look.
		s.HostGone(now, contract.HostGone{Instance: s.Device.Instance})
	}
}

func (s *State) arrive() int64 { s.Arrivals++; return s.Arrivals }

// endLease puts a job back in line, behind those who wait.
func (s *State) endLease(now time.Time, j *Job) {
	j.Lease, j.Held, j.Told = nil, false, ""
	s.join(now, j)
}

// join puts a job at the end of the line.
func (s *State) join(now time.Time, j *Job) {
	j.Arrival, j.InLine, j.Joined, j.Next = s.arrive(), s.openFor(now), now.Unix()/60, ""
}

func (s *State) realtimePresent() bool {
	return s.Device != nil && s.Device.RealtimeWaiting+s.Device.RealtimeRunning > 0
}
