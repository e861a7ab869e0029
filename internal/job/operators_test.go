package job_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/job"
	"signalbox/workflows/contract"
)

func paused(lasts time.Duration) contract.Order {
	return contract.Order{State: contract.OrderOn, By: "ann", Until: now.Add(lasts)}
}

// TestAPauseGivesTheLeaseUp: what is queued ends, nothing else is queued, and the
// scheduler is told; a lease that was on its way is given up too.
func TestAPauseGivesTheLeaseUp(t *testing.T) {
	s, d := leased(t, 5)
	require.Len(t, d.Queue, 2)
	s.PauseUntil(paused(time.Hour))
	d2 := s.Decide(now, self, false)
	require.Equal(t, int64(1), d2.Register.Over)
	require.Equal(t, contract.OrderOn, d2.Register.Paused.State)
	s.Registered(now, true)
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomePreempted))
	require.Empty(t, s.Decide(now, self, false).Queue)
	require.Equal(t, contract.PhasePaused, s.Progress().Phase)
	require.Contains(t, s.Progress().Reason, "paused by ann")

	s.Directed(now, open(2))
	d3 := s.Decide(now, self, false)
	require.Empty(t, d3.Queue)
	require.Equal(t, int64(2), d3.Register.Over)
}

func TestAPauseEndsByItself(t *testing.T) {
	s, _ := leased(t, 5)
	s.PauseUntil(paused(time.Minute))
	s.Decide(now, self, false)
	s.Registered(now, true)
	require.Equal(t, now.Add(time.Minute), s.Decide(now, self, false).Wake)
	d := s.Decide(now.Add(time.Minute), self, false)
	require.NotNil(t, d.Register)
	require.NotEqual(t, contract.OrderOn, d.Register.Paused.State)
	s.Registered(now, true)
	s.Directed(now, open(2))
	require.NotEqual(t, contract.PhasePaused, s.Progress().Phase)
}

func TestAResumeRegisters(t *testing.T) {
	s, d := leased(t, 5)
	s.PauseUntil(paused(time.Hour))
	s.Decide(now, self, false)
	s.Registered(now, true)
	s.Resume(contract.Order{State: contract.OrderOff})
	require.NotNil(t, s.Decide(now, self, false).Register)
	s.Registered(now, true)
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeDone))
	s.Directed(now, open(2))
	require.Len(t, s.Decide(now, self, false).Queue, 1, "the other one is still queued")
}

// TestWhatFailedIsWorkedOnAgain when the documents in hand have ended, and the
// counts add up in the end.
func TestWhatFailedIsWorkedOnAgain(t *testing.T) {
	s, d := leased(t, 3)
	failed := outcome(contract.OutcomeFailed)
	failed.Reason = "bad"
	require.Zero(t, s.Requeue(), "nothing has failed yet")
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, failed)
	require.Equal(t, 1, s.Requeue())
	s.Finished(now, d.Queue[1].Doc, d.Queue[1].Lease, failed)
	d = s.Decide(now, self, false)
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeDone))
	d = s.Decide(now, self, false)
	require.True(t, d.Record)
	require.Nil(t, d.Prepare, "what is not recorded yet cannot be found")
	s.Recorded()
	require.Len(t, s.Failures, 2)

	d = s.Decide(now, self, false)
	require.False(t, d.End)
	require.Equal(t, &job.Prepare{Until: 3, Failed: true}, d.Prepare)
	s.Prepared(contract.ChunkResult{Documents: docs(1), Total: 3, Failed: true, Next: 1})
	require.Len(t, s.Failures, 1)
	d = s.Decide(now, self, false)
	require.Equal(t, &job.Prepare{From: 1, Until: 3, Failed: true}, d.Prepare, "the rest is looked for ahead of the GPU")
	require.Equal(t, "d0", d.Queue[0].Doc.ID)
	s.Prepared(contract.ChunkResult{Documents: docs(2)[1:], Total: 3, Failed: true, Next: 3})
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeDone))
	d = s.Decide(now, self, false)
	require.True(t, d.Record)
	require.Equal(t, "d1", d.Queue[0].Doc.ID)
	s.Recorded()
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, failed)
	require.True(t, s.Decide(now, self, false).Record)
	s.Recorded()
	require.True(t, s.Decide(now, self, false).End)
	require.Equal(t, contract.Progress{Phase: contract.PhaseDone, Done: 2, Failed: 1, Total: 3}, s.Progress())
	require.Equal(t, "d1", s.Failures[0].ID)
}

// TestACancelledJobLooksForNothing: what had failed stays failed.
func TestACancelledJobLooksForNothing(t *testing.T) {
	s, d := leased(t, 1)
	s.Finished(now, d.Queue[0].Doc, d.Queue[0].Lease, outcome(contract.OutcomeFailed))
	s.Requeue()
	require.True(t, s.Decide(now, self, false).Record)
	s.Recorded()
	require.True(t, s.Decide(now, self, false).Prepare.Failed)
	s.Cancel()
	require.False(t, s.Decide(now, self, false).End, "the search is under way")
	s.Prepared(contract.ChunkResult{Documents: docs(1), Total: 1, Failed: true, Next: 1})
	require.True(t, s.Decide(now, self, false).End)
	require.Equal(t, 1, s.Counts.Failed)
}

// TestANewPriorityIsRegistered: what was said before may overtake the operator.
func TestANewPriorityIsRegistered(t *testing.T) {
	s, _ := leased(t, 3)
	s.SetPriority(3)
	require.Nil(t, s.Decide(now, self, false).Register, "it has that already")
	s.SetPriority(1)
	require.Equal(t, 1, s.Decide(now, self, false).Register.Priority)
}
