package tests

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/starter"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// TestTheExampleOfAnAppBackend builds examples/backend, a module of its own, and
// uses it as a browser does.
func TestTheExampleOfAnAppBackend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = filepath.Join("..", "examples", "backend")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	cmd := exec.Command(path, "-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TEMPORAL_ADDRESS="+s.address)
	_, match := startProcess(s.ctx, t, cmd, regexp.MustCompile(`serving at (http://\S+)\n`))
	ask := func(method, path, key, body string) (*http.Response, map[string]any) {
		req, err := http.NewRequestWithContext(s.ctx, method, match[1]+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Idempotency-Key", key)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		var answer map[string]any
		require.NoError(t, json.Unmarshal(data, &answer), "%s", data)
		return resp, answer
	}
	const suggestions = "/projects/p/documents/REQ-1/suggestions"

	resp, answer := ask("POST", suggestions, "k0", letter("REQ-1"))
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "%v", answer)
	require.Equal(t, contract.MessageUnavailable, answer["error"])
	require.NotEmpty(t, resp.Header.Get("Retry-After"))

	s.run(workers.RoleGPU)
	resp, answer = ask("POST", suggestions, "k1", letter("REQ-1"))
	require.Equal(t, http.StatusOK, resp.StatusCode, "%v", answer)
	raw, err := json.Marshal(answer["output"])
	require.NoError(t, err)
	checkFields(t, raw, "REQ-1")
	calls := s.gpu.begun()
	resp, _ = ask("POST", suggestions, "k1", letter("REQ-1"))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, calls, s.gpu.begun(), "pressed twice, it is answered once")
	resp, _ = ask("POST", suggestions, "k1", letter("REQ-2"))
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	resp, answer = ask("POST", suggestions, "k2", " ")
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	require.Equal(t, "text", answer["field"])

	job, err := json.Marshal(batchOf("p", s.documents("p", 2)))
	require.NoError(t, err)
	resp, answer = ask("PUT", "/jobs/b", "", string(job))
	require.Equal(t, http.StatusAccepted, resp.StatusCode, "%v", answer)
	require.Equal(t, 2, s.endBatch("backend-job/b").Done)
	_, answer = ask("GET", "/jobs/b", "", "")
	require.Equal(t, "done", answer["phase"])
	for _, other := range []string{"/jobs/nobody", "/jobs/" + contract.SchedulerID(contract.DefaultGPU)} {
		resp, _ = ask("GET", other, "", "")
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
		resp, _ = ask("DELETE", other, "", "")
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
	}
	_, err = s.StartRevision(s.ctx, contract.SchedulerID(contract.DefaultGPU), suggestion("REQ-9"))
	require.ErrorIs(t, err, starter.ErrKeyReused)
	require.ErrorIs(t, s.Cancel(s.ctx, contract.SchedulerID(contract.DefaultGPU)), starter.ErrOther)
}
