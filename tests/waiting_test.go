package tests

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"

	"signalbox/workflows/contract"
)

// askDetails asks for a workflow's current details, as the Web UI does.
func (s *system) askDetails(id string) (string, error) {
	answer, err := s.client.QueryWorkflow(s.ctx, id, "", "__temporal_workflow_metadata")
	if err != nil {
		return "", err
	}
	var m sdkpb.WorkflowMetadata
	err = answer.Get(&m)
	return m.GetCurrentDetails(), err
}

// details are a workflow's current details.
func (s *system) details(id string) string {
	s.t.Helper()
	text, err := s.askDetails(id)
	require.NoError(s.t, err)
	return text
}

// TestAJobSaysWhyItWaits and until when: in the query, at the command line, and in
// the Web UI's details, of the scheduler and of the job.
func TestAJobSaysWhyItWaits(t *testing.T) {
	s := running(t)
	s.startBatch("before", s.documents("p", 3)) // how long a document takes is learned
	s.endBatch("before")
	s.eventually("the scheduler knows how long a document takes", func() bool {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && st.GPU != nil && len(st.GPU.Paces) == 1 && st.GPU.Paces[0].Stage == contract.StageExtractMetadata
	})
	paused := s.operate(contract.UpdatePauseBatch, contract.OperatorRequest{For: "1h", By: "ann"}).Orders.Pause.Until
	docs := s.documents("q", 60)
	for i, id := range []string{"a", "b"} {
		in := batchOf("q", docs[30*i:30*i+30])
		_, err := s.StartBatch(s.ctx, id, in)
		require.NoError(t, err)
		s.eventually(id+" is in line", func() bool {
			j, err := s.Job(s.ctx, contract.DefaultGPU, id)
			return err == nil && j.Position == i+1
		})
	}
	a, err := s.Progress(s.ctx, "a")
	require.NoError(t, err)
	require.Equal(t, 1, a.Position)
	require.WithinDuration(t, paused, a.StartsAt, 2*time.Second, "it is the first")
	require.True(t, a.EndsAt.After(a.StartsAt))
	b, err := s.Progress(s.ctx, "b")
	require.NoError(t, err)
	require.Equal(t, contract.PhaseWaiting, b.Phase)
	require.Contains(t, b.Reason, "1 before it in line, and batch is on hold: paused by ann until ")
	require.WithinDuration(t, a.StartsAt, b.StartsAt, time.Minute)
	require.True(t, b.StartsAt.After(a.StartsAt) || b.EndsAt.After(a.StartsAt))

	code, out, stderr := s.command("status", "b")
	require.Zero(t, code, stderr)
	require.Contains(t, out, "position 2 in line\nstarts about ")
	require.Regexp(t, `starts about .*, ends about `, out)
	code, out, _ = s.command("status")
	require.Zero(t, code)
	require.Regexp(t, `(?m)b +priority 3 +waiting, position 2 \(1 before it.*starts about .*ends about`, out)
	require.Regexp(t, `- b: waiting \(1 before it in line.*starts about .*ends about`, s.details(contract.SchedulerID(contract.DefaultGPU)))
	require.Regexp(t, `held: 0 of 30.*\(paused by ann.*\), position 1 in line, starts about .*ends about`, s.details("a"))

	s.operate(contract.UpdateResumeBatch, contract.OperatorRequest{})
	require.Equal(t, 30, s.endBatch("a").Done)
	require.Equal(t, 30, s.endBatch("b").Done)
	require.NotContains(t, s.details("b"), "about", "nothing is expected of a job that has ended")
}

// TestARequestSaysWhyItWaits: position, and when it will start and end.
func TestARequestSaysWhyItWaits(t *testing.T) {
	s := running(t)
	s.answer("learn", "REQ-1")
	s.gpu.stays = func(c *call) bool { return c.Marker == "REQ-2" }
	for _, n := range []string{"REQ-2", "REQ-3"} {
		_, err := s.StartRevision(s.ctx, n, suggestion(n))
		require.NoError(t, err)
		s.gpu.await(s.ctx, t, "the first is on the GPU", func() bool { return len(s.gpu.onGPU("REQ-2")) == 1 })
	}
	var p contract.Progress
	s.eventually("the second knows its place", func() bool {
		var err error
		p, err = s.Progress(s.ctx, "REQ-3")
		return err == nil && p.Position == 1
	})
	require.Equal(t, contract.PhaseWaiting, p.Phase)
	require.Contains(t, p.Reason, "waiting for the GPU, position 1, about ")
	require.WithinDuration(t, time.Now(), p.StartsAt, 30*time.Second)
	require.True(t, p.EndsAt.After(p.StartsAt))
	require.Contains(t, s.details("REQ-3"), "waiting for the GPU, position 1, about ")
	data, err := json.Marshal(p)
	require.NoError(t, err)
	require.Contains(t, string(data), `"startsAt":"2`)
	require.NoError(t, s.Cancel(s.ctx, "REQ-2"))
	_, err = s.Revision(s.ctx, "REQ-3")
	require.NoError(t, err)
}
