package tests

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"signalbox/internal/cli"
	"signalbox/starter"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// TestAKeyThatAnotherClientHasUsed: the inputs are compared, whoever started it.
func TestAKeyThatAnotherClientHasUsed(t *testing.T) {
	s := running(t)
	in := suggestion("REQ-1")
	plain := map[string]any{"text": in.Text, "task": in.Task, "documentId": in.DocumentID} // no defaults, in another order
	_, err := s.client.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{ID: "k", TaskQueue: contract.QueueAIRealtime},
		contract.WorkflowAIRevision, plain)
	require.NoError(t, err)
	run, err := s.StartRevision(s.ctx, "k", in)
	require.NoError(t, err)
	require.True(t, run.Joined)
	_, err = s.StartRevision(s.ctx, "k", suggestion("REQ-2"))
	require.ErrorIs(t, err, starter.ErrKeyReused)
	_, err = s.StartBatch(s.ctx, "k", batchOf("p", s.documents("p", 1)))
	require.ErrorIs(t, err, starter.ErrKeyReused)
	r, err := s.Revision(s.ctx, "k")
	require.NoError(t, err)
	checkFields(t, r.Output, "REQ-1")
}

// TestWithoutAnAIWorker: a request that nobody takes up is answered, and is not
// made when it is no longer wanted.
func TestWithoutAnAIWorker(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleGPU, workers.RoleScheduler)
	in := suggestion("REQ-1")
	in.MaxWait = "1s"
	_, err := s.StartRevision(s.ctx, "r", in)
	require.NoError(t, err)
	_, err = s.Revision(s.ctx, "r")
	u, ok := contract.AsUnavailable(err)
	require.True(t, ok, "%v", err)
	require.Contains(t, u.Detail, "no worker with the ai role")
	code, _, stderr := s.command("status", "r")
	require.Equal(t, cli.ExitError, code)
	require.Contains(t, stderr, "no worker with the ai role answers for r")

	s.run(workers.RoleAI)
	_, err = s.Revision(s.ctx, "r")
	u, ok = contract.AsUnavailable(err)
	require.True(t, ok, "%v", err)
	require.Equal(t, contract.ReasonWaitExceeded, u.Reason)
	require.Zero(t, s.gpu.begun())
}

// TestDocumentsAreCopiedIntoTheWorkersStoreAlone: a folder of the same name on
// another machine is another one.
func TestDocumentsAreCopiedIntoTheWorkersStoreAlone(t *testing.T) {
	s := running(t)
	other := filepath.Join(t.TempDir(), "store")
	examples := filepath.Join("..", "examples", "documents")
	for _, place := range []string{other, "file://" + other} {
		code, _, stderr := s.command("start", "batch", "--project", "p", "--from", examples, "--store", place)
		require.Equal(t, cli.ExitUsage, code, stderr)
		require.Contains(t, stderr, "is not the workers' document store")
	}
	require.NoDirExists(t, other)
	code, out, stderr := s.command("start", "batch", "--project", "p", "--from", examples, "--id", "b", "--wait", "-o", "json")
	require.Zero(t, code, stderr)
	var r contract.BatchResult
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.Equal(t, 8, r.Done)
}
