package tests

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"signalbox/internal/config"
	"signalbox/internal/simgpu"
	"signalbox/internal/store"
	"signalbox/starter"
	"signalbox/workflows/contract"
)

// rounds of the kill test: 2 unless SIGNALBOX_KILL_ROUNDS says otherwise.
func rounds(t *testing.T) int {
	text := os.Getenv("SIGNALBOX_KILL_ROUNDS")
	if text == "" {
		return 2
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

var (
	buildDev       = sync.OnceValues(func() (string, error) { return build("signalbox-dev") })
	buildSignalbox = sync.OnceValues(func() (string, error) { return build("signalbox") })
)

// build builds one of the programs.
func build(name string) (string, error) {
	dir, err := os.MkdirTemp("", "signalbox-test")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	out, err := exec.Command("go", "build", "-o", path, "signalbox/cmd/"+name).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w: %s", name, err, out)
	}
	return path, nil
}

// devProcess is a signalbox-dev of its own process.
type devProcess struct {
	*process
	address string
}

var devReady = regexp.MustCompile(`(?s)Temporal \S+ at (\S+:\d+),.*Signalbox is ready`)

// startDev starts signalbox-dev on a state folder and waits until it is ready.
func startDev(ctx context.Context, t *testing.T, env []string, args ...string) *devProcess {
	t.Helper()
	path, err := buildDev()
	require.NoError(t, err)
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir = t.TempDir() // no signalbox.yaml lies there
	p, match := startProcess(ctx, t, cmd, devReady)
	return &devProcess{process: p, address: match[1]}
}

func (d *devProcess) connect(t *testing.T) *starter.Starter {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: d.address, Logger: log.NewStructuredLogger(logger())})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return starter.New(c)
}

// TestKillEverythingSimulated kills the whole process (server, workers, device)
// with a model call in flight, starts it again, and counts.
func TestKillEverythingSimulated(t *testing.T) {
	for round := range rounds(t) {
		// Every other round is killed with a document on the GPU, the rest with
		// a request on it.
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			_, gpu := simulatedGPU(t)
			killRound(t, &system{t: t, gpu: gpu, sim: &simgpu.Server{}}, "", 4*(round%2))
		})
	}
}

// TestKillEverythingReal is the same on a real Ollama, which outlives the kill
// as it does in production.
func TestKillEverythingReal(t *testing.T) {
	for round := range rounds(t) {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			s := &system{t: t, gpu: realGPU(t), fields: realFields}
			killRound(t, s, realModelsYAML, 4*(round%2))
		})
	}
}

// killRound kills and starts again. s has the model server; the rest of it is
// filled in.
func killRound(t *testing.T, s *system, models string, requests int) {
	gpu := s.gpu
	const documents = 20
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	state := t.TempDir()
	storeURL, err := config.StoreURL(filepath.Join(state, "store"))
	require.NoError(t, err)
	docs, err := store.Open(ctx, storeURL)
	require.NoError(t, err)
	defer func() { _ = docs.Close() }()
	file := filepath.Join(state, "signalbox.yaml")
	require.NoError(t, os.WriteFile(file, []byte("schedule: {timeZone: UTC, windows: [{from: \"00:00\", to: \"24:00\"}]}\n"+models), 0o600))
	args := []string{"--config", file, "--state", state, "--port", "0", "--ui-port", "-1", "--metrics-port", "-1"}
	env := []string{"OLLAMA_HOST=" + gpu.URL, "SIGNALBOX_STORE_URL=" + storeURL}

	dev := startDev(ctx, t, env, args...)
	client := dev.connect(t)
	s.Starter, s.ctx, s.docs = client, ctx, docs
	list := s.documents("p", documents)
	_, err = client.StartBatch(ctx, "b", s.batchOf("p", list))
	require.NoError(t, err)
	after := 2 + rand.IntN(documents/2)
	gpu.await(ctx, t, "some documents are done and one is on the GPU", func() bool {
		return len(gpu.calls) > after && len(gpu.onGPU("DOC-")) == 1
	})
	for i := range requests {
		_, err := client.StartRevision(ctx, fmt.Sprint("r", i), s.suggestion(fmt.Sprint("REQ-", i)))
		require.NoError(t, err)
	}
	gpu.await(ctx, t, "a model call in flight", func() bool { return len(gpu.running) == 1 })
	inFlight := map[string]bool{}
	gpu.mu.Lock()
	for c := range gpu.running {
		inFlight[c.Marker] = true
	}
	gpu.mu.Unlock()
	dev.kill(t)
	t.Logf("killed after %d calls with %v in flight", gpu.begun(), inFlight)
	if len(inFlight) == 0 {
		t.Fatal("no model call was in flight at the kill: the round does not count")
	}

	// Nobody does anything but start it again.
	dev = startDev(ctx, t, env, args...)
	client = dev.connect(t)
	for i := range requests {
		r, err := client.Revision(ctx, fmt.Sprint("r", i))
		if _, unavailable := contract.AsUnavailable(err); unavailable {
			continue // answered, if not as hoped for
		}
		require.NoError(t, err)
		s.checkFields(r.Output, fmt.Sprint("REQ-", i))
	}
	result, err := client.Batch(ctx, "b")
	require.NoError(t, err)
	require.Equal(t, documents, result.Done)
	s.checkDocuments("p", "b", list)
	s.checkReport("p", result, list)
	for name, n := range gpu.finished() {
		if strings.HasPrefix(name, "DOC-") && !inFlight[name] {
			require.Equal(t, 1, n, "%s was finished before the kill and done again", name)
		}
		require.LessOrEqual(t, n, 2, name)
	}
	require.Zero(t, gpu.overlapped(), "two runs on the GPU at once")

	// And it stops cleanly.
	dev.stop(t)
	require.Contains(t, dev.output.String(), "the next start goes on where this one ends")
}
