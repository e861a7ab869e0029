package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"signalbox/internal/simgpu"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// Limits that no workflow may come near: the server ends a history at 51,200
// events or 50 MB, and refuses a payload of 2 MB.
const (
	mostEvents  = 10_000
	mostHistory = 5 << 20
	mostPayload = 512 << 10
)

// size is a number from the environment: small in CI, large in `make soak`.
func size(t *testing.T, name string, small int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return small
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// fast is a system whose simulated card takes next to no time.
func fast(t *testing.T) *system {
	t.Helper()
	sim, gpu := simulatedGPU(t, func(c *simgpu.Config) { c.Speed = 100_000 })
	s := systemOn(t, sim, gpu)
	s.run(workers.AllRoles()...)
	return s
}

// checkHistories looks at every run of a workflow.
func (s *system) checkHistories(id string) (runs, events int) {
	s.t.Helper()
	d, err := s.client.DescribeWorkflowExecution(s.ctx, id, "")
	require.NoError(s.t, err)
	run := d.GetWorkflowExecutionInfo().GetFirstRunId()
	for run != "" {
		runs++
		n, bytes, next := 0, 0, ""
		for it := s.client.GetWorkflowHistory(s.ctx, id, run, false, 0); it.HasNext(); {
			e, err := it.Next()
			require.NoError(s.t, err)
			size := proto.Size(e)
			require.Less(s.t, size, mostPayload, "%s, run %d, event %d (%s)", id, runs, e.GetEventId(), e.GetEventType())
			n, bytes = n+1, bytes+size
			next = e.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		}
		require.Less(s.t, n, mostEvents, "%s, run %d", id, runs)
		require.Less(s.t, bytes, mostHistory, "%s, run %d", id, runs)
		run, events = next, events+n
	}
	return runs, events
}

// TestALongJob: SIGNALBOX_DOCUMENTS in one job, 20,000 in `make soak`.
func TestALongJob(t *testing.T) {
	s := fast(t)
	n := size(t, "SIGNALBOX_DOCUMENTS", 300)
	var manifest bytes.Buffer
	for i := range n {
		key := fmt.Sprintf("in/%d.txt", i)
		require.NoError(t, s.docs.WriteDocument(s.ctx, "p", key, []byte(letter(fmt.Sprintf("DOC-%d", i)))))
		line, err := json.Marshal(contract.Document{ID: fmt.Sprint(i), Key: key})
		require.NoError(t, err)
		manifest.Write(append(line, '\n'))
	}
	require.NoError(t, s.docs.WriteDocument(s.ctx, "p", "list.jsonl", manifest.Bytes()))
	in := batchOf("p", nil)
	in.Manifest = "list.jsonl"
	began := time.Now()
	_, err := s.StartBatch(s.ctx, "b", in)
	require.NoError(t, err)
	r := s.endBatch("b")
	took := time.Since(began)
	require.Equal(t, n, r.Done)
	require.Equal(t, map[contract.DocumentState]int{contract.DocDone: n}, s.reportStates("p", "b"))
	require.Equal(t, n, s.gpu.begun(), "each was read once")
	runs, events := s.checkHistories("b")
	s.checkHistories(contract.SchedulerID(contract.DefaultGPU))
	t.Logf("%d documents in %s (%.0f a second), %d runs, %.1f events a document", n, took.Round(time.Second),
		float64(n)/took.Seconds(), runs, float64(events)/float64(n))
}

// TestManyJobs: SIGNALBOX_JOBS of one document each, started twenty a second;
// 2,000 in `make soak`.
func TestManyJobs(t *testing.T) {
	s := fast(t)
	n := size(t, "SIGNALBOX_JOBS", 60)
	docs := s.documents("p", n)
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i, d := range docs {
		<-tick.C
		_, err := s.StartBatch(s.ctx, fmt.Sprint("b", i), batchOf("p", []contract.Document{d}))
		require.NoError(t, err)
	}
	started := time.Since(began)
	for i := range docs {
		require.Equal(t, 1, s.endBatch(fmt.Sprint("b", i)).Done)
	}
	took := time.Since(began)
	require.Equal(t, n, s.gpu.begun())
	require.Zero(t, s.gpu.overlapped())
	runs, events := s.checkHistories(contract.SchedulerID(contract.DefaultGPU))
	t.Logf("%d jobs, the last started after %s and done %s later; the scheduler: %d runs, %.1f events a job", n,
		started.Round(time.Second), (took - started).Round(time.Millisecond), runs, float64(events)/float64(n))
}
