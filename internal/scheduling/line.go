package scheduling

import (
	"sort"
	"time"

	"signalbox/workflows/contract"
)

// Line returns the jobs that wait without a lease, the next one first: those that
// have waited longest, then by priority, then in the order of their arrival.
func (s *State) Line() []*Job {
	var line []*Job
	for _, j := range s.Jobs {
		if j.Lease == nil && !j.IsPaused() {
			line = append(line, j)
		}
	}
	sort.SliceStable(line, func(a, b int) bool { return s.before(line[a], line[b]) })
	return line
}

func (s *State) before(a, b *Job) bool {
	if over := s.overdue(a); over != s.overdue(b) {
		return over
	} else if !over && a.Priority != b.Priority {
		return a.Priority < b.Priority
	}
	return a.Arrival < b.Arrival
}

// overdue reports that a job has been in line for as long as any may be while batch
// was open: it goes first whatever its priority.
func (s *State) overdue(j *Job) bool {
	return s.Params.LongestWait > 0 && s.OpenFor-j.InLine >= s.Params.LongestWait
}

// openFor is how long batch has been open up to now. Only that counts as waiting:
// after a day at which nothing may run everybody would be overdue.
func (s *State) openFor(now time.Time) time.Duration {
	if s.WasOpen && now.After(s.Decided) {
		return s.OpenFor + now.Sub(s.Decided)
	}
	return s.OpenFor
}

// IsPaused reports that an operator keeps this job off the GPU.
func (j *Job) IsPaused() bool { return j.Paused.State == contract.OrderOn }

// holders returns the jobs that hold a lease, the oldest token first.
func (s *State) holders() []*Job {
	var held []*Job
	for _, j := range s.Jobs {
		if j.Lease != nil {
			held = append(held, j)
		}
	}
	sort.Slice(held, func(a, b int) bool { return held[a].Lease.Token < held[b].Lease.Token })
	return held
}

// Position of a job in the line, from 1; 0 for one that has begun or is not there.
func (s *State) Position(id string) int {
	for i, j := range s.Line() {
		if j.Ref.WorkflowID == id {
			return i + 1
		}
	}
	return 0
}
