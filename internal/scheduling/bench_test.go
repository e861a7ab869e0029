package scheduling_test

import (
	"fmt"
	"testing"
	"time"

	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// BenchmarkTwoThousandJobs is what one decision costs with 2,000 jobs in line, which
// hold half a million documents.
func BenchmarkTwoThousandJobs(b *testing.B) {
	now := time.Date(2026, 11, 25, 20, 0, 0, 0, time.UTC)
	s := scheduling.New(now, scheduling.Params{Quantum: time.Minute, ReopenAfter: time.Second, LongestWait: 4 * time.Hour})
	night := scheduling.Window{Open: true, NextChange: now.Add(13 * time.Hour)}
	s.SetWindow(night)
	s.Paces = map[string]contract.StagePace{}
	for _, stage := range contract.Stages() {
		s.Paces[stage] = contract.StagePace{Stage: stage, Model: "model-of-" + stage, Ms: 30_000}
	}
	s.DeviceNews(now, contract.GPUState{Instance: "a", Model: "model-of-" + contract.StageEmbedDocument})
	for i := range 2000 {
		s.Register(now, contract.Registration{
			Job:      contract.JobRef{WorkflowID: fmt.Sprintf("batch-%06d", i), RunID: "019ab3c4-5d6e-7f80-9123-456789abcdef"},
			Priority: 1 + i%contract.LowestPriority, Left: contract.StagesLeft{i % 100, 100, 100}, Next: contract.Stages()[i%3],
		})
	}
	// Some nights are open and the days between them closed.
	calendar := func(at time.Time) scheduling.Window {
		from := night.NextChange.AddDate(0, 0, -1)
		day := at.Sub(from) % (24 * time.Hour)
		if day < 9*time.Hour {
			return scheduling.Window{NextChange: at.Add(9*time.Hour - day)}
		}
		return scheduling.Window{Open: true, NextChange: at.Add(24*time.Hour - day)}
	}
	b.Run("decide", func(b *testing.B) {
		for b.Loop() {
			s.Decide(now)
		}
	})
	b.Run("forecast", func(b *testing.B) { // with each decision
		for b.Loop() {
			s.Estimates(now)
		}
	})
	last := time.Duration(0)
	for _, e := range s.Estimates(now) {
		last = max(last, e.End)
	}
	b.Run("say when the last job ends", func(b *testing.B) { // for each job that is shown
		for b.Loop() {
			s.When(now, last, calendar)
		}
	})
}
