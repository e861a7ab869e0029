package scheduling

import (
	"slices"
	"sort"
	"strings"
	"time"

	"signalbox/workflows/contract"
)

// Line returns the jobs that wait without a lease, the next one first: those that
// have waited longest, then by priority, then in the order of their arrival, where of
// those that came in the same minute the ones that need the loaded model go first.
func (s *State) Line() []*Job {
	var line []*Job
	for _, j := range s.Jobs {
		if j.Lease == nil && !j.IsPaused() {
			line = append(line, j)
		}
	}
	warm := s.warmStages()
	sort.SliceStable(line, func(a, b int) bool { return s.before(line[a], line[b], warm) })
	return line
}

func (s *State) before(a, b *Job, warm []string) bool {
	if over := s.overdue(a); over != s.overdue(b) {
		return over
	} else if !over && a.Priority != b.Priority {
		return a.Priority < b.Priority
	}
	if a.Joined == b.Joined && len(warm) > 0 {
		if fits := slices.Contains(warm, a.Next); fits != slices.Contains(warm, b.Next) {
			return fits
		}
	}
	return a.Arrival < b.Arrival
}

// warmStages are those that need the model that will be loaded when the next lease
// is granted, as far as that has been seen: a stage's model is the one that it was
// last run with.
func (s *State) warmStages() (warm []string) {
	models := s.warmModels()
	for _, stage := range contract.Stages() {
		if pace, ok := s.Paces[stage]; ok && slices.Contains(models, bare(pace.Model)) {
			warm = append(warm, stage)
		}
	}
	return warm
}

// bare is a model's name without what Ollama adds to one that has no tag.
func bare(model string) string { return strings.TrimSuffix(model, ":latest") }

// warmModels are that of the last stage of a job that is nearly done, or else those
// that are loaded now: more than one where one of them is kept off the card.
func (s *State) warmModels() (models []string) {
	if held := s.holders(); len(held) > 0 {
		if left := held[len(held)-1].Left; left.Sum() <= AheadLeft {
			for i, stage := range slices.Backward(contract.Stages()) {
				if left[i] > 0 {
					return []string{bare(s.Paces[stage].Model)}
				}
			}
		}
	}
	if s.Device != nil {
		for model := range strings.SplitSeq(s.Device.Model, ", ") {
			models = append(models, bare(model))
		}
	}
	return models
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
