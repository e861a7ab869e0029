package tests

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"signalbox/internal/config"
	"signalbox/internal/simgpu"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// unavailable starts a realtime request and expects it to be answered that the
// AI service is temporarily unavailable.
func (s *system) unavailable(key string, reason contract.Reason) {
	s.t.Helper()
	_, err := s.StartRevision(s.ctx, key, suggestion("REQ-1"))
	require.NoError(s.t, err)
	_, err = s.Revision(s.ctx, key)
	u, ok := contract.AsUnavailable(err)
	require.True(s.t, ok, "%v", err)
	require.Equal(s.t, reason, u.Reason, "%+v", u)
	require.Positive(s.t, u.RetryAfterSeconds)
	var failed *temporal.WorkflowExecutionError
	require.ErrorAs(s.t, err, &failed)
	var cause *temporal.ApplicationError
	require.True(s.t, errors.As(errors.Unwrap(failed), &cause), "it is the workflow's direct cause")
	require.Equal(s.t, contract.MessageUnavailable, cause.Message())
	require.True(s.t, cause.NonRetryable())
}

// eventually waits for a condition that nothing announces.
func (s *system) eventually(what string, holds func() bool) {
	s.t.Helper()
	require.Eventually(s.t, holds, patience, 50*time.Millisecond, what)
}

// phase waits until a job is in a phase.
func (s *system) phase(id, phase string) contract.Progress {
	s.t.Helper()
	var p contract.Progress
	s.eventually("phase "+phase, func() bool {
		var err error
		p, err = s.Progress(s.ctx, id)
		return err == nil && p.Phase == phase
	})
	return p
}

func TestNoGPUHost(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	s.unavailable("r", contract.ReasonHostGone)

	docs := s.documents("p", 3)
	s.startBatch("b", docs)
	s.eventually("the job is registered", func() bool {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && len(st.Jobs) == 1
	})
	s.run(workers.RoleGPU) // and when it comes, batch begins by itself
	r := s.endBatch("b")
	require.Equal(t, 3, r.Done)
}

// TestOllamaDownSimulated: realtime is refused at once, batch waits and spends
// no document's attempt, and both go on when Ollama is back.
func TestOllamaDownSimulated(t *testing.T) {
	s := newSystem(t)
	s.sim.SetFaults(simgpu.Faults{Down: true})
	s.run(workers.AllRoles()...)
	s.eventually("the GPU is known to be unhealthy", func() bool {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && st.GPU != nil && st.GPU.Health.Admits == contract.AdmitNothing
	})
	s.unavailable("r", contract.ReasonUnhealthy)
	docs := s.documents("p", 5)
	s.startBatch("b", docs)
	p := s.phase("b", contract.PhaseHeld)
	require.Contains(t, p.Reason, "does not answer")

	s.sim.SetFaults(simgpu.Faults{})
	r := s.endBatch("b")
	require.Equal(t, 5, r.Done)
	s.checkDocuments("p", "b", docs)
}

// TestOutageInTheMiddleSimulated: the GPU's failure under a running document
// makes the job wait with AwaitGPU, and the return of health ends the wait.
func TestOutageInTheMiddleSimulated(t *testing.T) {
	s := running(t)
	docs := s.documents("p", 8)
	s.startBatch("b", docs)
	s.documentOnGPU()
	s.sim.SetFaults(simgpu.Faults{DieAfter: 3})
	s.phase("b", contract.PhaseGPUUnavailable)
	waiting, err := s.client.DescribeWorkflowExecution(s.ctx, "b", "")
	require.NoError(t, err)
	var types []string
	for _, a := range waiting.GetPendingActivities() {
		types = append(types, a.GetActivityType().GetName())
	}
	require.Contains(t, types, contract.ActivityAwaitGPU, "the wait is visible as a pending activity")

	s.sim.SetFaults(simgpu.Faults{})
	r := s.endBatch("b")
	require.Equal(t, 8, r.Done)
	require.Zero(t, r.Failed)
}

// TestGPUWorkerComesAndGoes: a worker that stops makes way with its checkpoint,
// and the next one claims the GPU.
func TestGPUWorkerComesAndGoes(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	stop := s.run(workers.RoleGPU)
	docs := s.documents("p", 8)
	s.startBatch("b", docs)
	s.documentOnGPU()
	stop()
	s.eventually("the scheduler knows that the host is gone", func() bool {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && st.HostGone
	})
	s.unavailable("r", contract.ReasonHostGone)
	s.run(workers.RoleGPU)
	r := s.endBatch("b")
	require.Equal(t, 8, r.Done)
	require.Zero(t, s.gpu.overlapped())
}

// TestSecondGPUWorker: one GPU has one worker. A second one on the same host is
// refused by the lock; one as if on another host waits for the claim.
func TestSecondGPUWorker(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	stop := s.run(workers.RoleGPU)
	same := &workers.Process{Client: s.client, Namespace: "default", Config: s.cfg, Logger: logger(), LockDir: s.cfg.State.Dir}
	require.ErrorContains(t, same.Run(s.ctx, []workers.Role{workers.RoleGPU}, nil), "runs on this host already (pid")

	var before contract.SchedulerStatus
	s.eventually("the GPU worker has reported", func() bool {
		var err error
		before, err = s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && before.GPU != nil
	})
	other := *s
	other.cfg.State.Dir = t.TempDir() // another folder for the lock: as if on another host
	served := make(chan func())
	go func() { served <- other.run(workers.RoleGPU) }()
	s.answer("r1", "REQ-1")
	select {
	case <-served:
		require.FailNow(t, "two workers serve one GPU")
	default:
	}
	stop()
	stopOther := <-served
	defer stopOther()
	s.eventually("the other one has taken over", func() bool {
		now, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && now.GPU.Instance != before.GPU.Instance && !now.HostGone
	})
	s.answer("r2", "REQ-2")
}

// TestSchedulerTerminated: realtime does not need it, and batch goes on by
// itself when the keeper has started another.
func TestSchedulerTerminated(t *testing.T) {
	s := running(t)
	docs := s.documents("p", 20)
	s.startBatch("b", docs)
	s.documentOnGPU()
	require.NoError(t, s.client.TerminateWorkflow(s.ctx, contract.SchedulerID(contract.DefaultGPU), "", "a test"))
	s.answer("r", "REQ-1")
	r := s.endBatch("b")
	require.Equal(t, 20, r.Done)
}

// TestTerminatedRequests: requests that are terminated while they wait and while
// they run hold batch up for no longer than their last ring.
func TestTerminatedRequests(t *testing.T) {
	s := running(t)
	docs := s.documents("p", 10)
	s.startBatch("b", docs)
	s.documentOnGPU()
	for i := range 3 {
		_, err := s.StartRevision(s.ctx, fmt.Sprint("r", i), suggestion(fmt.Sprint("REQ-", i)))
		require.NoError(t, err)
	}
	s.gpu.await(s.ctx, t, "a request on the GPU", func() bool { return len(s.gpu.onGPU("REQ-")) == 1 })
	for i := range 3 {
		// One may have been answered by now; that is as well.
		_ = s.client.TerminateWorkflow(s.ctx, fmt.Sprint("r", i), "", "a test")
	}
	r := s.endBatch("b")
	require.Equal(t, 10, r.Done)
	require.Zero(t, s.gpu.overlapped())
}

func TestCancelledBatchReportsEverything(t *testing.T) {
	s := running(t)
	docs := s.documents("p", 30)
	s.startBatch("b", docs)
	s.eventually("some documents are done", func() bool {
		p, err := s.Progress(s.ctx, "b")
		return err == nil && p.Done >= 2
	})
	require.NoError(t, s.Cancel(s.ctx, "b"))
	_, err := s.Batch(s.ctx, "b")
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	states := s.reportStates("p", "b")
	require.GreaterOrEqual(t, states[contract.DocDone], 2)
	require.Positive(t, states[contract.DocCancelled])
	require.Equal(t, 30, states[contract.DocDone]+states[contract.DocCancelled])

	// The GPU is free for the next job.
	s.startBatch("next", docs[:2])
	require.Equal(t, 2, s.endBatch("next").Done)
}

// TestBadDocumentsEndOnTheirOwn: a document that is missing or no text fails,
// and the others do not.
func TestBadDocumentsEndOnTheirOwn(t *testing.T) {
	s := running(t)
	docs := s.documents("p", 2)
	require.NoError(t, s.docs.WriteDocument(s.ctx, "p", "in/binary.txt", []byte("\x00\xff")))
	require.NoError(t, s.docs.WriteDocument(s.ctx, "p", "in/empty.txt", nil))
	require.NoError(t, s.docs.WriteDocument(s.ctx, "p", "in/broken.txt", []byte("[[sim badjson]] [[sim tokens=10]]")))
	for _, name := range []string{"missing", "binary", "empty", "broken"} {
		docs = append(docs, contract.Document{ID: name, Key: "in/" + name + ".txt"})
	}
	docs = append(docs, docs[0]) // the same document again is done once
	s.startBatch("b", docs)
	r := s.endBatch("b")
	require.Equal(t, 3, r.Done)
	require.Equal(t, 4, r.Failed)
	require.Equal(t, 1, r.Duplicates)
	require.Equal(t, 1, s.gpu.finished()["DOC-0000"])
}

// TestADocumentThatKillsTheRunnerSimulated: it ends as failed after three
// faults, and the others are done meanwhile. Between two faults one or two of
// them go first: there are enough for three.
func TestADocumentThatKillsTheRunnerSimulated(t *testing.T) {
	s := running(t)
	require.NoError(t, s.docs.WriteDocument(s.ctx, "p", "in/poison.txt", []byte("[[sim die]]")))
	docs := append([]contract.Document{{ID: "poison", Key: "in/poison.txt"}}, s.documents("p", 12)...)
	s.startBatch("b", docs)
	r := s.endBatch("b")
	require.Equal(t, 12, r.Done)
	require.Equal(t, 1, r.Failed)
	s.checkDocuments("p", "b", docs[1:])
}

func TestOutsideTheWindowSimulated(t *testing.T) {
	s := running(t, closedWindow)
	docs := s.documents("p", 2)
	s.startBatch("b", docs)
	p := s.phase("b", contract.PhaseHeld)
	require.Contains(t, p.Reason, "outside the batch window")
	s.answer("r", "REQ-1")
	require.Equal(t, 1, s.gpu.begun(), "no document was touched")
}

// TestRolesThatDoNotShareAStore: work waits, with the reason, until they do.
func TestRolesThatDoNotShareAStoreSimulated(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	shared := s.cfg.Store.URL
	var err error
	s.cfg.Store.URL, err = config.StoreURL(t.TempDir())
	require.NoError(t, err)
	stop := s.run(workers.RoleGPU)
	s.startBatch("b", s.documents("p", 2))
	p := s.phase("b", contract.PhaseGPUUnavailable)
	require.Contains(t, p.Reason, "let store.url name the same one on both")
	require.Zero(t, s.gpu.begun())

	stop()
	s.cfg.Store.URL = shared
	s.run(workers.RoleGPU)
	require.Equal(t, 2, s.endBatch("b").Done)
}
