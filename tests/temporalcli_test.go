package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/workers"
	"signalbox/workflows/contract"
)

// envTemporal names the environment variable with the path of a temporal CLI.
const envTemporal = "SIGNALBOX_TEST_TEMPORAL"

// temporalCLI finds the plain temporal CLI, or skips, loudly.
func temporalCLI(t *testing.T) string {
	t.Helper()
	if path := os.Getenv(envTemporal); path != "" {
		return path
	}
	path, err := exec.LookPath("temporal")
	if err != nil {
		t.Skip("SKIPPED, THE PLAIN TEMPORAL CLI IS NOT TESTED: none in " + envTemporal + " or on the PATH; `make tools` installs one")
	}
	return path
}

// temporal runs the plain CLI against this system.
func (s *system) temporal(cli string, args ...string) (stdout, stderr string, err error) {
	s.t.Helper()
	cmd := exec.CommandContext(s.ctx, cli, append(args, "--address", s.address)...)
	cmd.Env = append(os.Environ(), "HOME="+s.t.TempDir()) // nobody's profile
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(s.t, err)
	}
	return out.String(), said.String(), err
}

// execute starts a workflow by name and JSON, and waits for its end.
func (s *system) execute(cli, id, workflow, queue, input string) (string, error) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "input.json")
	require.NoError(s.t, os.WriteFile(file, []byte(input), 0o600))
	out, said, err := s.temporal(cli, "workflow", "execute", "--workflow-id", id, "--type", workflow,
		"--task-queue", queue, "--input-file", file, "--output", "json")
	return out + said, err
}

// TestThePlainTemporalCLI: name and JSON are all that a start needs.
func TestThePlainTemporalCLI(t *testing.T) {
	cli := temporalCLI(t)
	s := running(t)

	input, err := json.Marshal(suggestion("REQ-1"))
	require.NoError(t, err)
	out, err := s.execute(cli, "r", contract.WorkflowAIRevision, contract.QueueAIRealtime, string(input))
	require.NoError(t, err, out)
	var ended struct{ Result contract.RevisionResult }
	require.NoError(t, json.Unmarshal([]byte(out), &ended), out)
	checkFields(t, ended.Result.Output, "REQ-1")

	docs := s.documents("p", 3)
	list, err := json.Marshal(docs)
	require.NoError(t, err)
	out, err = s.execute(cli, "b", contract.WorkflowAIRevisionBatch, contract.QueueAIBatch,
		fmt.Sprintf(`{"projectId":"p","stages":["extract-metadata"],"documents":%s}`, list))
	require.NoError(t, err, out)
	var batch struct{ Result contract.BatchResult }
	require.NoError(t, json.Unmarshal([]byte(out), &batch), out)
	require.Equal(t, 3, batch.Result.Done)
	s.checkDocuments("p", "b", docs)

	for _, args := range [][]string{
		{"--workflow-id", "gpu-scheduler", "--type", "status"},
		{"--workflow-id", "b", "--type", "progress"},
		{"--workflow-id", "b", "--type", "documents"},
		{"--workflow-id", "b", "--type", "documents", "--input", `{"state":"failed","limit":5}`},
	} {
		out, said, err := s.temporal(cli, append([]string{"workflow", "query"}, args...)...)
		require.NoError(t, err, "%v: %s%s", args, out, said)
	}
	_, said, err := s.temporal(cli, "workflow", "query", "--workflow-id", "b", "--type", "documents", "--input", `{"limit":5000}`)
	require.Error(t, err)
	require.Contains(t, said, "limit: is 5000; allowed are 1 to 1000")
}

// TestBadInputFromThePlainTemporalCLI: the type and the field are what the CLI
// prints.
func TestBadInputFromThePlainTemporalCLI(t *testing.T) {
	cli := temporalCLI(t)
	s := newSystem(t)
	s.run(workers.RoleAI)
	for i, c := range badInputs(s) {
		t.Run(c.name, func(t *testing.T) {
			out, err := s.execute(cli, fmt.Sprint("bad-", i), c.workflow, c.queue(), c.input)
			require.Error(t, err)
			require.Contains(t, out, contract.ErrTypeInvalidInput)
			require.Contains(t, out, c.field+": ")
		})
	}
}
