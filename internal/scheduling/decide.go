package scheduling

import (
	"time"

	"signalbox/workflows/contract"
)

// Decision is one thing to do.
type Decision struct {
	// Tell sends Directive to Job, when Job is set.
	Job       *contract.JobRef
	Directive contract.Directive
	// Gate, when set, goes to the device.
	Gate *contract.Gate
}

// Cause is the kind of reason for a hold. Who holds a lease is told when it
// changes; that the words change is no news.
type Cause string

// Causes of a hold.
const (
	CauseWindow   Cause = "window"
	CauseHost     Cause = "host"
	CauseGate     Cause = "gate"
	CauseHealth   Cause = "health"
	CauseRealtime Cause = "realtime"
	CauseDrain    Cause = "drain"
	CausePause    Cause = "pause"
	CausePeak     Cause = "peak"
)

// Verdict says whether batch may run.
type Verdict struct {
	Open bool
	// Cause and Reason of a hold, in one word and in a sentence.
	Cause  Cause
	Reason string
	// Until is when that is expected to change; zero where not known.
	Until time.Time
}

// Verdict decides whether batch may run at now.
func (s *State) Verdict(now time.Time) Verdict {
	d := s.Device
	orders := s.Gate.Orders
	open, until := s.openUntil(now)
	switch {
	case orders.Drain.InForce(now):
		return Verdict{Cause: CauseDrain, Reason: orders.Drain.Describe("drained"), Until: orders.Drain.Until}
	case orders.Pause.InForce(now):
		return Verdict{Cause: CausePause, Reason: orders.Pause.Describe("paused"), Until: orders.Pause.Until}
	case !open && s.Params.Peak == contract.PeakFill && !s.realtimePresent():
		return Verdict{Cause: CausePeak, Reason: "peak hours, and somebody has asked a moment ago", Until: s.idleAt()}
	case !open:
		return Verdict{Cause: CauseWindow, Reason: "outside the batch window", Until: until}
	case s.Gone != "" && (d == nil || d.Instance == s.Gone):
		return Verdict{Cause: CauseHost, Reason: "the GPU host is gone"}
	case s.GateInstance == "" && now.Before(s.StartedAt.Add(GateWait)):
		return Verdict{Cause: CauseGate, Reason: "waiting for the GPU worker's first answer", Until: s.StartedAt.Add(GateWait)}
	case d != nil && d.Health.Admits != contract.AdmitAll && d.Health.Value == contract.Unhealthy:
		return Verdict{Cause: CauseHealth, Reason: "the GPU is unhealthy: " + d.Health.Reason}
	case s.realtimePresent():
		return Verdict{Cause: CauseRealtime, Reason: ReasonRealtime}
	}
	if reopen := s.RealtimeEnded.Add(s.Params.ReopenAfter); now.Before(reopen) {
		return Verdict{Cause: CauseRealtime, Reason: ReasonRealtime, Until: reopen}
	}
	return Verdict{Open: true, Until: until}
}

// ReasonRealtime is the reason of a hold for people who wait.
const ReasonRealtime = "realtime requests are being answered"

// Decide returns what is to be done at now, and when it is to be asked again
// at the latest. What it returns counts as done.
func (s *State) Decide(now time.Time) ([]Decision, time.Time) {
	s.OpenFor, s.Decided = s.openFor(now), now
	for _, j := range s.holders() {
		if !j.Lease.Live(now) {
			s.endLease(now, j)
		}
	}
	s.revokeLong(now)
	var out []Decision
	v := s.Verdict(now)
	s.WasOpen = v.Open
	if v.Open {
		out = s.open(now, out)
	} else {
		out = s.hold(v, out)
	}
	if g := s.gateDue(); g != nil {
		out = append(out, Decision{Gate: g})
	}
	return out, s.wake(now)
}

func (s *State) open(now time.Time, out []Decision) []Decision {
	held := s.holders()
	for i, j := range held {
		switch {
		case j.Held:
			// News: the token is new, the end is not, so that realtime
			// requests do not lengthen a quantum.
			out = append(out, s.grant(now, j, j.Lease.Until))
		case i == 0 && now.Add(s.renewAhead()).After(j.Lease.Until) && s.leaseEnd(now).After(j.Lease.Until) && len(s.Line()) == 0:
			out = append(out, s.grant(now, j, s.leaseEnd(now)))
		case j.Answer:
			out = append(out, s.tellOpen(j))
		}
	}
	for len(held) < MaxHolders {
		line := s.Line()
		if len(line) == 0 || (len(held) > 0 && held[0].Left.Sum() > AheadLeft) {
			break
		}
		out = append(out, s.grant(now, line[0], s.leaseEnd(now)))
		held = s.holders()
	}
	for _, j := range s.Line() {
		j.Answer = false // they are told when it is their turn
	}
	return out
}

func (s *State) hold(v Verdict, out []Decision) []Decision {
	d := contract.Directive{Reason: v.Reason, Until: v.Until}
	for _, j := range s.holders() {
		if !j.Held || j.Told != v.Cause || j.Answer {
			j.Held = true
			out = append(out, s.tellHold(j, v.Cause, d))
		}
	}
	if line := s.Line(); len(line) > 0 && len(s.holders()) == 0 && (line[0].Answer || line[0].Told != v.Cause) {
		out = append(out, s.tellHold(line[0], v.Cause, d))
	}
	for _, j := range s.Line() {
		j.Answer = false
	}
	return out
}

func (s *State) tellHold(j *Job, cause Cause, d contract.Directive) Decision {
	j.Answer, j.Told = false, cause
	if j.Lease != nil {
		d.Lease = *j.Lease
	}
	return s.tell(j, d)
}

func (s *State) grant(now time.Time, j *Job, until time.Time) Decision {
	j.Lease = &contract.Lease{Token: s.nextToken(now), Until: until}
	s.LeasedUntil = later(s.LeasedUntil, until)
	return s.tellOpen(j)
}

func (s *State) tellOpen(j *Job) Decision {
	j.Held, j.Answer, j.Told = false, false, ""
	return s.tell(j, contract.Directive{Open: true, Lease: *j.Lease})
}

func (s *State) tell(j *Job, d contract.Directive) Decision {
	s.DirectiveSeq++
	d.Seq = s.DirectiveSeq
	ref := j.Ref
	return Decision{Job: &ref, Directive: d}
}

// leaseEnd is the end of a lease that is granted now.
func (s *State) leaseEnd(now time.Time) time.Time {
	end := now.Add(s.Params.Quantum)
	if _, until := s.openUntil(now); !until.IsZero() && until.Before(end) {
		end = until
	}
	return end
}

// renewAhead is RenewAhead, or less for a very short quantum, which would
// otherwise be renewed all the time.
func (s *State) renewAhead() time.Duration { return min(RenewAhead, s.Params.Quantum/4) }

// gateDue returns the gate when the device's present instance has not answered
// it and is not being asked.
func (s *State) gateDue() *contract.Gate {
	instance := "none"
	if s.Device != nil && s.Device.Instance != s.Gone {
		instance = s.Device.Instance
	}
	if s.GateAsked || s.GateTold == instance {
		return nil
	}
	s.GateAsked, s.GateTold = true, instance
	g := s.Gate
	if !s.Window.Open && s.Params.Peak != contract.PeakFill && s.Params.Peak != contract.PeakOpen {
		g.ClosedUntil = s.Window.NextChange
	}
	return &g
}

// wake is the next instant at which time alone changes something.
func (s *State) wake(now time.Time) time.Time {
	var at time.Time
	consider := func(t time.Time) {
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	consider(s.Window.NextChange)
	for _, o := range []contract.Order{s.Gate.Orders.Pause, s.Gate.Orders.Drain, s.Gate.Orders.Override} {
		if o.InForce(now) {
			consider(o.Until)
		}
	}
	consider(s.RealtimeEnded.Add(s.Params.ReopenAfter))
	if s.Params.Peak == contract.PeakFill && !s.realtimePresent() {
		consider(s.idleAt())
	}
	if s.GateInstance == "" {
		consider(s.StartedAt.Add(GateWait))
	}
	for _, j := range s.holders() {
		consider(j.Lease.Until)
		consider(j.Lease.Until.Add(-s.renewAhead()))
	}
	return at
}
