package tests

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"signalbox/internal/cli"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// operate makes an update for operators.
func (s *system) operate(update string, r contract.OperatorRequest) contract.OperatorResult {
	s.t.Helper()
	out, err := s.Operate(s.ctx, contract.DefaultGPU, update, r)
	require.NoError(s.t, err)
	return out
}

// quiet waits until no document is on the GPU, and returns how many calls began.
func (s *system) quiet() int {
	s.t.Helper()
	s.gpu.await(s.ctx, s.t, "nothing on the GPU", func() bool { return len(s.gpu.running) == 0 })
	return s.gpu.begun()
}

// TestAPauseHoldsWhateverDies: people are answered meanwhile, a new scheduler
// hears of it from the device, and batch goes on from its checkpoint.
func TestAPauseHoldsWhateverDies(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	stopGPU := s.run(workers.RoleGPU)
	docs := s.documents("p", 12)
	s.startBatch("b", docs)
	s.documentOnGPU()
	out := s.operate(contract.UpdatePauseBatch, contract.OperatorRequest{For: "1h", Reason: "a demo", By: "ann"})
	require.False(t, out.Pending)
	require.False(t, out.Open)
	require.Contains(t, s.phase("b", contract.PhaseHeld).Reason, "paused by ann")
	before := s.quiet()
	s.answer("r1", "REQ-1")

	require.NoError(t, s.client.TerminateWorkflow(s.ctx, contract.SchedulerID(contract.DefaultGPU), "", "a test"))
	stopGPU()
	s.run(workers.RoleGPU)
	s.eventually("a new scheduler knows of the pause", func() bool {
		d, err := s.client.DescribeWorkflowExecution(s.ctx, contract.SchedulerID(contract.DefaultGPU), "")
		if err != nil || d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return false // the one that was terminated answers too
		}
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && st.Orders.Pause.State == contract.OrderOn && st.Orders.Pause.By == "ann"
	})
	s.answer("r2", "REQ-2")
	require.Equal(t, before+2, s.quiet(), "two requests, and no document")

	out = s.operate(contract.UpdateResumeBatch, contract.OperatorRequest{})
	require.False(t, out.Pending)
	require.Equal(t, 12, s.endBatch("b").Done)
	for name, n := range s.gpu.finished() {
		require.Equal(t, 1, n, "%s was answered more than once", name)
	}
	require.Zero(t, s.gpu.overlapped())
}

func TestADrainAnswersWithItsReason(t *testing.T) {
	s := running(t)
	s.operate(contract.UpdateDrain, contract.OperatorRequest{Reason: "new driver", By: "bob"})
	s.unavailable("r1", contract.ReasonDrained)
	_, err := s.Revision(s.ctx, "r1")
	u, _ := contract.AsUnavailable(err)
	require.Contains(t, u.Detail, "new driver")
	s.startBatch("b", s.documents("p", 2))
	require.Contains(t, s.phase("b", contract.PhaseHeld).Reason, "drained by bob")
	require.Zero(t, s.gpu.begun())
	s.operate(contract.UpdateUndrain, contract.OperatorRequest{})
	s.answer("r2", "REQ-2")
	require.Equal(t, 2, s.endBatch("b").Done)
}

func TestAnOverrideOpensTheWindowAndItsEndClosesIt(t *testing.T) {
	s := running(t, closedWindow)
	s.startBatch("b", s.documents("p", 12))
	s.phase("b", contract.PhaseHeld)
	out := s.operate(contract.UpdateOverrideWindow, contract.OperatorRequest{For: "1h"})
	require.True(t, out.Open)
	s.documentOnGPU()
	out = s.operate(contract.UpdateEndOverride, contract.OperatorRequest{})
	require.False(t, out.Open)
	s.phase("b", contract.PhaseHeld)
	before := s.quiet()
	s.answer("r", "REQ-1")
	require.Equal(t, before+1, s.quiet())
	s.operate(contract.UpdateOverrideWindow, contract.OperatorRequest{})
	require.Equal(t, 12, s.endBatch("b").Done)
}

// TestAnOrderWithoutAGPUWorkerIsPending, and is there when one comes.
func TestAnOrderWithoutAGPUWorkerIsPending(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	require.True(t, s.operate(contract.UpdateDrain, contract.OperatorRequest{}).Pending)
	s.run(workers.RoleGPU)
	s.eventually("the GPU worker has it", func() bool {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && st.GPU != nil && st.GPU.Gate.Orders.Drain.State == contract.OrderOn
	})
	s.unavailable("r", contract.ReasonDrained)
}

// TestOperatorsAtTheCommandLine: with signalbox, and with the plain temporal CLI.
func TestOperatorsAtTheCommandLine(t *testing.T) {
	s := running(t)
	code, out, stderr := s.command("pause", "--for", "90m", "--reason", "a demo", "--by", "ann")
	require.Zero(t, code, stderr)
	require.Contains(t, out, "batch is paused by ann until ")
	require.Contains(t, out, "batch is on hold: paused by ann")
	code, out, _ = s.command("status")
	require.Zero(t, code)
	require.Regexp(t, `(?m)^Batch +on hold: paused by ann until .*: a demo`, out)
	code, _, stderr = s.command("pause", "--for", "9000h")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "invalid input: for: 9000h is outside 1s to 168h0m0s")

	temporal := temporalCLI(t)
	update := func(name, input string) (string, error) {
		out, said, err := s.temporal(temporal, "workflow", "update", "execute", "--workflow-id", "gpu-scheduler",
			"--name", name, "--input", input, "--output", "json")
		return out + said, err
	}
	out, err := update(contract.UpdateResumeBatch, `{}`)
	require.NoError(t, err, out)
	var result struct{ Result contract.OperatorResult }
	require.NoError(t, json.Unmarshal([]byte(out), &result), out)
	require.True(t, result.Result.Open)
	for input, want := range map[string]string{
		`{"for":"soon"}`:    "is no duration; write for example",
		`{"during":"2h"}`:   "during: is no field of this input",
		`{"reason":7}`:      "reason: must be a string, not number",
		`{"by":"a\u0007b"}`: "by: contains the control character",
	} {
		out, err := update(contract.UpdateDrain, input)
		require.Error(t, err)
		require.Contains(t, out, want)
	}
	st, err := s.Status(s.ctx, contract.DefaultGPU)
	require.NoError(t, err)
	require.Equal(t, contract.OrderUnchanged, st.Orders.Drain.State, "what was refused left nothing")
}

// TestAPriorityIsTheJobsOwn: the line changes at once, and a new scheduler hears
// of it from the job.
func TestAPriorityIsTheJobsOwn(t *testing.T) {
	s := running(t, closedWindow)
	for _, id := range []string{"first", "second", "third"} {
		s.startBatch(id, s.documents("p", 1))
		s.eventually("it is in line", func() bool {
			st, err := s.Status(s.ctx, contract.DefaultGPU)
			return err == nil && len(st.Jobs) > 0 && st.Jobs[len(st.Jobs)-1].ID == id
		})
	}
	order := func() (ids []string) {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		require.NoError(t, err)
		for _, j := range st.Jobs {
			ids = append(ids, j.ID)
		}
		return ids
	}
	code, out, stderr := s.command("priority", "third", "1")
	require.Zero(t, code, stderr)
	require.Equal(t, "third: priority 1, was 3; position 1 in line\n", out)
	require.Equal(t, []string{"third", "first", "second"}, order())

	require.NoError(t, s.client.TerminateWorkflow(s.ctx, contract.SchedulerID(contract.DefaultGPU), "", "a test"))
	s.eventually("a new scheduler has the same line", func() bool {
		d, err := s.client.DescribeWorkflowExecution(s.ctx, contract.SchedulerID(contract.DefaultGPU), "")
		return err == nil && d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING &&
			len(order()) == 3 && order()[0] == "third"
	})
	for args, want := range map[[2]string]string{
		{"nobody", "1"}: "job: no job nobody is registered", {"first", "9"}: "priority: is 9; allowed are 1 (first) to 5",
	} {
		code, _, stderr := s.command("priority", args[0], args[1])
		require.Equal(t, cli.ExitUsage, code, stderr)
		require.Contains(t, stderr, want)
	}
}
