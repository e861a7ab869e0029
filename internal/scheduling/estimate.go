package scheduling

import (
	"sort"
	"time"

	"signalbox/workflows/contract"
)

// Estimate is when a job is expected to start and to end, in time that batch has
// the GPU from now on. Requests in between make it later.
type Estimate struct {
	// Position in line, from 1; 0 for a job that has begun.
	Position int
	// Start is 0 for a job that has begun.
	Start time.Duration
	End   time.Duration
	// Unknown is that nothing like what is left has been done yet.
	StartUnknown, EndUnknown bool
}

// Estimates are those of all jobs that are not paused, by workflow id.
func (s *State) Estimates(now time.Time) map[string]Estimate {
	out := make(map[string]Estimate, len(s.Jobs))
	held, line := s.holders(), s.Line()
	var before time.Duration
	unknown := false
	take := func(j *Job, most time.Duration) {
		work, known := s.work(j)
		if !known {
			work = most // it will not have the GPU for longer
		}
		before += min(work, most)
	}
	for _, j := range held {
		out[j.Ref.WorkflowID] = Estimate{}
		take(j, max(0, j.Lease.Until.Sub(now)))
	}
	for i, j := range line {
		out[j.Ref.WorkflowID] = Estimate{Position: i + 1, Start: before, StartUnknown: unknown}
		take(j, s.Params.Quantum)
	}
	s.estimateEnds(append(held, line...), out)
	return out
}

// estimateEnds: jobs of a priority take turns, so that one that has w left ends when
// each of the others has had as much, or all that it needs; those of a higher
// priority go first.
func (s *State) estimateEnds(jobs []*Job, out map[string]Estimate) {
	type need struct {
		job   *Job
		work  time.Duration
		known bool
	}
	levels := map[int][]need{}
	for _, j := range jobs {
		work, known := s.work(j)
		levels[j.Priority] = append(levels[j.Priority], need{j, work, known})
	}
	var before time.Duration
	unknown := false
	for p := 1; p <= contract.LowestPriority; p++ {
		level := levels[p]
		sort.SliceStable(level, func(a, b int) bool { return level[a].work < level[b].work })
		var sum time.Duration // of those that need less
		for i, n := range level {
			e := out[n.job.Ref.WorkflowID]
			e.End = max(e.Start+n.work, before+sum+time.Duration(len(level)-i)*n.work)
			e.EndUnknown = unknown || !n.known
			out[n.job.Ref.WorkflowID] = e
			sum += n.work
		}
		for _, n := range level {
			unknown = unknown || !n.known
		}
		before += sum
	}
}

// work is what a job still needs of the GPU, by what stages have taken so far.
func (s *State) work(j *Job) (w time.Duration, known bool) {
	for i, stage := range contract.Stages() {
		if j.Left[i] == 0 {
			continue
		}
		pace, ok := s.Paces[stage]
		if !ok {
			return 0, false
		}
		w += time.Duration(j.Left[i]) * time.Duration(pace.Ms) * time.Millisecond
	}
	if j.Lease != nil {
		w -= s.OpenFor - j.LeftSince
	}
	return max(0, w), true
}

// When is the instant at which batch will have had the GPU for so long from now on,
// by the calendar and the operators' orders; zero where that is not known.
func (s *State) When(now time.Time, need time.Duration, calendar func(time.Time) Window) time.Time {
	if v := s.Verdict(now); v.Cause == CauseHost || v.Cause == CauseHealth {
		return time.Time{}
	}
	t, orders := now, s.Gate.Orders
	for _, o := range []contract.Order{orders.Pause, orders.Drain} {
		if o.InForce(now) {
			t = later(t, o.Until)
		}
	}
	if s.Params.Peak == contract.PeakOpen {
		return t.Add(need)
	}
	const most = 1000 // windows: three years of nights
	for range most {
		w := calendar(t)
		open, end := w.Open, w.NextChange
		if o := orders.Override; o.InForce(t) {
			if open && end.IsZero() {
				return t.Add(need)
			}
			if !open || o.Until.After(end) {
				open, end = true, o.Until
			}
		}
		switch {
		case open && (end.IsZero() || need <= end.Sub(t)):
			return t.Add(need)
		case open:
			need -= end.Sub(t)
		case end.IsZero():
			return time.Time{}
		}
		t = end
	}
	return time.Time{}
}

// learn takes the device's word for how long stages take. What a new device has not
// seen yet, the one before it has.
func (s *State) learn(paces []contract.StagePace) {
	if s.Paces == nil {
		s.Paces = map[string]contract.StagePace{}
	}
	for _, p := range paces {
		s.Paces[p.Stage] = p
	}
}
