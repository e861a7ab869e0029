package tests

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/calendar"
	"signalbox/internal/config"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// TestSchedulerContinuesAsNew: a run of the scheduler ends before the server
// would refuse its signals, and nothing is lost across it.
func TestSchedulerContinuesAsNew(t *testing.T) {
	const signals = 2100 // the run ends at 2,000
	s := running(t, closedWindow)
	id := contract.SchedulerID(contract.DefaultGPU)
	before, err := s.client.DescribeWorkflowExecution(s.ctx, id, "")
	require.NoError(t, err)
	docs := s.documents("p", 3)
	_, err = s.StartBatch(s.ctx, "b", batchOf("p", docs))
	require.NoError(t, err)
	s.phase("b", contract.PhaseHeld)
	for range signals {
		stray := contract.Registration{Job: contract.JobRef{WorkflowID: "nobody"}}
		require.NoError(t, s.client.SignalWorkflow(s.ctx, id, "", contract.SignalFinishing, stray))
	}
	s.eventually("another run", func() bool {
		now, err := s.client.DescribeWorkflowExecution(s.ctx, id, "")
		return err == nil && now.GetWorkflowExecutionInfo().GetExecution().GetRunId() !=
			before.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	})
	st, err := s.Status(s.ctx, contract.DefaultGPU)
	require.NoError(t, err)
	require.Len(t, st.Jobs, 1, "the job is still registered")
	require.NotNil(t, st.GPU)

	// A configuration that comes now opens the window, and batch begins.
	s.cfg.Schedule.Windows = calendar.AllDay()
	s.run(workers.RoleScheduler)
	r, err := s.Batch(s.ctx, "b")
	require.NoError(t, err)
	require.Equal(t, 3, r.Done)
}

// TestAConfigurationThatIsPutBack: the same file once more is news again.
func TestAConfigurationThatIsPutBack(t *testing.T) {
	s := newSystem(t)
	windows := [][]calendar.Window{calendar.AllDay(), {}, calendar.AllDay()}
	for i, w := range windows {
		s.cfg.Schedule.Windows = w
		stop := s.run(workers.RoleScheduler)
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		require.NoError(t, err)
		require.Equal(t, len(w) > 0, st.WindowOpen, "configuration %d", i)
		stop()
	}
}

// TestPeakHoursAreFilled: with the window closed, batch runs when nobody has asked
// for a while, and makes way.
func TestPeakHoursAreFilled(t *testing.T) {
	s := running(t, closedWindow, func(c *config.Config) {
		c.Schedule.Peak, c.Schedule.PeakIdle = contract.PeakFill, time.Second
	})
	s.startBatch("b", s.documents("p", 6))
	s.documentOnGPU()
	s.answer("r", "REQ-1")
	require.Equal(t, 6, s.endBatch("b").Done)
	require.Zero(t, s.gpu.overlapped())
}

// TestJobsThatCameTogetherShareTheModel: small jobs of two models, started in turn,
// do not change the model each time.
func TestJobsThatCameTogetherShareTheModel(t *testing.T) {
	s := running(t)
	docs := s.documents("p", 7)
	start := func(id string, doc contract.Document, stages ...string) {
		in := batchOf("p", []contract.Document{doc})
		in.Stages = stages
		_, err := s.StartBatch(s.ctx, id, in)
		require.NoError(t, err)
	}
	start("learn", docs[6], contract.StageExtractMetadata, contract.StageEmbedDocument)
	s.endBatch("learn")
	s.eventually("it is known which model each stage takes", func() bool {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && st.GPU != nil && len(st.GPU.Paces) == 2
	})
	s.operate(contract.UpdatePauseBatch, contract.OperatorRequest{For: "1h"})
	first := time.Now()
	for i, doc := range docs[:6] {
		id := fmt.Sprint("j", i)
		start(id, doc, []string{contract.StageExtractMetadata, contract.StageEmbedDocument}[i%2])
		s.eventually(id+" is in line", func() bool {
			st, err := s.Status(s.ctx, contract.DefaultGPU)
			return err == nil && len(st.Jobs) == i+1
		})
	}
	together := time.Now().Unix()/60 == first.Unix()/60
	before := s.gpu.switches()
	s.operate(contract.UpdateResumeBatch, contract.OperatorRequest{})
	for i := range 6 {
		require.Equal(t, 1, s.endBatch(fmt.Sprint("j", i)).Done)
	}
	most := 1 // in the order of their arrival it would be six
	if !together {
		most = 3
	}
	require.LessOrEqual(t, s.gpu.switches()-before, most)
	require.Zero(t, s.gpu.overlapped())
}
