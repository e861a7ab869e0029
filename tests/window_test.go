package tests

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"signalbox/internal/calendar"
	"signalbox/internal/simgpu"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// nextMinute is the next full minute that leaves time to get ready.
func nextMinute() time.Time {
	const ready = 10 * time.Second
	return time.Now().UTC().Add(ready).Truncate(time.Minute).Add(time.Minute)
}

// TestAWindowBeginsAndEndsByItself, on the clock: batch begins at its start, and at
// its end stops after the model call that it is in, with the scheduler dead and the
// GPU worker restarted in that minute. People are answered all the time.
func TestAWindowBeginsAndEndsByItself(t *testing.T) {
	sim, gpu := simulatedGPU(t, func(c *simgpu.Config) { c.Speed = 4 }) // half a second for a document
	s := systemOn(t, sim, gpu)
	begins := nextMinute()
	ends := begins.Add(time.Minute)
	s.cfg.Schedule.Windows = []calendar.Window{{From: begins.Format("15:04"), To: ends.Format("15:04")}}
	s.run(workers.RoleAI)
	stopGPU := s.run(workers.RoleGPU)
	stopScheduler := s.run(workers.RoleScheduler)
	s.startBatch("b", s.documents("p", 500))
	require.Contains(t, s.phase("b", contract.PhaseHeld).Reason, "outside the batch window, until "+begins.Format(time.RFC3339))
	s.answer("before", "REQ-1")
	require.Equal(t, 1, s.quiet())

	s.documentOnGPU()
	late := time.Since(begins)
	require.Greater(t, late, -100*time.Millisecond, "not before its start")
	require.Less(t, late, 20*time.Second)
	t.Logf("the first document came %s after the window's start", late)

	s.answer("meanwhile", "REQ-2")
	s.eventually("its last twenty seconds", func() bool { return time.Until(ends) < 20*time.Second })
	stopScheduler()
	require.NoError(t, s.client.TerminateWorkflow(s.ctx, contract.SchedulerID(contract.DefaultGPU), "", "a test"))
	stopGPU()
	s.run(workers.RoleGPU)
	s.eventually("the window's end", func() bool { return !time.Now().Before(ends) })
	before := s.gpu.begun()
	s.answer("after", "REQ-3")
	s.eventually("what was queued has come back", func() bool {
		page, err := s.Documents(s.ctx, "b", contract.DocumentsQuery{State: contract.DocPending})
		return err == nil && !slices.ContainsFunc(page.Documents, func(d contract.DocumentStatus) bool { return d.OnQueue })
	})
	require.Equal(t, before+1, s.quiet(), "a request, and no document")
	p, err := s.Progress(s.ctx, "b")
	require.NoError(t, err)
	require.NotZero(t, p.Done)
	t.Logf("%d documents in the window", p.Done)

	// Another day, that is, another window: it goes on from where it was.
	s.cfg.Schedule.Windows = calendar.AllDay()
	s.run(workers.RoleScheduler)
	s.documentOnGPU()
	require.NoError(t, s.Cancel(s.ctx, "b"))
	_, err = s.Batch(s.ctx, "b")
	require.Error(t, err)
	for name, n := range s.gpu.finished() {
		require.Equal(t, 1, n, "%s was answered more than once", name)
	}
	require.Zero(t, s.gpu.overlapped())
}

// TestANewSchedulerFindsFiftyJobs that were registered with the one before, each
// with its place in line, and a pause that still holds.
func TestANewSchedulerFindsFiftyJobs(t *testing.T) {
	const jobs = 50
	sim, gpu := simulatedGPU(t, func(c *simgpu.Config) { c.Speed = 100 })
	s := systemOn(t, sim, gpu)
	s.run(workers.AllRoles()...)
	s.operate(contract.UpdatePauseBatch, contract.OperatorRequest{For: "1h", By: "ann"})
	docs := s.documents("p", jobs)
	for i, d := range docs {
		s.startBatch(fmt.Sprint("job-", i), []contract.Document{d})
	}
	registered := func(n int) func() bool {
		return func() bool {
			d, err := s.client.DescribeWorkflowExecution(s.ctx, contract.SchedulerID(contract.DefaultGPU), "")
			if err != nil || d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				return false
			}
			st, err := s.Status(s.ctx, contract.DefaultGPU)
			return err == nil && st.Waiting == n && strings.Contains(st.Reason, "paused by ann")
		}
	}
	s.eventually("all jobs are registered", registered(jobs))
	require.NoError(t, s.client.TerminateWorkflow(s.ctx, contract.SchedulerID(contract.DefaultGPU), "", "a test"))
	s.eventually("a new scheduler has them all, and the pause", registered(jobs))
	s.answer("r", "REQ-1")
	require.Equal(t, 1, s.quiet(), "a request, and no document")
	s.operate(contract.UpdateResumeBatch, contract.OperatorRequest{})
	for i := range docs {
		require.Equal(t, 1, s.endBatch(fmt.Sprint("job-", i)).Done)
	}
	require.Zero(t, s.gpu.overlapped())
}
