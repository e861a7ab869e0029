package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"signalbox/internal/device"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

var workerServes = regexp.MustCompile(`msg=serving roles=`)

// worker starts a signalbox worker of its own process, as production does, and
// waits until it serves. Workers of one home are on one host: they share the
// folder for locks.
func (s *system) worker(home, roles string) *process {
	s.t.Helper()
	path, err := buildSignalbox()
	require.NoError(s.t, err)
	file := filepath.Join(home, "signalbox.yaml")
	data, err := yaml.Marshal(s.cfg)
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(file, data, 0o600))
	cmd := exec.Command(path, "worker", "--config", file, "--roles", roles, "--address", s.address)
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, "SIGNALBOX_TELEMETRY_LISTEN=127.0.0.1:0")
	p, _ := startProcess(s.ctx, s.t, cmd, workerServes)
	return p
}

// checkAfterFault: all is done, nothing twice but what was in flight at a fault.
func (s *system) checkAfterFault(batch string, docs []contract.Document, inFlight map[string]bool) {
	s.t.Helper()
	r := s.endBatch(batch)
	require.Equal(s.t, len(docs), r.Done)
	s.checkDocuments("p", batch, docs)
	s.checkReport("p", r, docs)
	for name, n := range s.gpu.finished() {
		if strings.HasPrefix(name, "DOC-") && !inFlight[name] {
			require.Equal(s.t, 1, n, "%s was finished before the fault and done again", name)
		}
		require.LessOrEqual(s.t, n, 2, name)
	}
	require.Zero(s.t, s.gpu.overlapped(), "two runs on the GPU at once")
}

// inFlight adds the markers of the calls that run now, of which there has to be one.
func (s *system) inFlight(into map[string]bool) {
	s.t.Helper()
	s.gpu.await(s.ctx, s.t, "a model call in flight", func() bool { return len(s.gpu.running) == 1 })
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	for c := range s.gpu.running {
		into[c.Marker] = true
	}
}

// TestTheGPUWorkerIsFrozen: as by sleep. People get an answer meanwhile; when it
// goes on nothing has run twice.
func TestTheGPUWorkerIsFrozen(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	gpu := s.worker(t.TempDir(), "gpu")
	docs := s.documents("p", 10)
	s.startBatch("b", docs)
	s.documentOnGPU()
	frozen := map[string]bool{}
	s.inFlight(frozen)
	require.NoError(t, gpu.cmd.Process.Signal(syscall.SIGSTOP))
	s.unavailable("r1", contract.ReasonHostGone)
	s.eventually("the scheduler knows that the host is gone", func() bool {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && st.HostGone
	})
	s.unavailable("r2", contract.ReasonHostGone)
	require.NoError(t, gpu.cmd.Process.Signal(syscall.SIGCONT))
	s.checkAfterFault("b", docs, frozen)
	s.answer("r3", "REQ-3")
	gpu.stop(t)
}

// TestAWorkerThatWasFrozenForAMomentDoesNotAnswerWhatIsOver: the request that it was
// given in its sleep has been answered, although its claim has survived.
func TestAWorkerThatWasFrozenForAMomentDoesNotAnswerWhatIsOver(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	gpu := s.worker(t.TempDir(), "gpu")
	s.answer("r0", "REQ-0")
	require.NoError(t, gpu.cmd.Process.Signal(syscall.SIGSTOP))
	s.unavailable("r1", contract.ReasonHostGone) // its prompt has the marker REQ-1
	require.NoError(t, gpu.cmd.Process.Signal(syscall.SIGCONT))
	s.answer("r2", "REQ-2")
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	for _, c := range s.gpu.calls {
		require.NotEqual(t, "REQ-1", c.Marker)
	}
}

// TestTheGPUWorkerIsKilled, again and again, with a model call in flight.
func TestTheGPUWorkerIsKilled(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleAI, workers.RoleScheduler)
	home := t.TempDir()
	docs := s.documents("p", 8+4*rounds(t))
	s.startBatch("b", docs)
	killed := map[string]bool{}
	for i := range rounds(t) {
		gpu := s.worker(home, "gpu")
		// Not the same document each time: one that costs five workers is given up.
		before := s.gpu.begun()
		s.gpu.await(s.ctx, t, "a second document on the GPU", func() bool {
			return len(s.gpu.calls) > before+1 && len(s.gpu.onGPU("DOC-")) == 1
		})
		s.inFlight(killed)
		gpu.kill(t)
		t.Logf("round %d: killed after %d calls", i, s.gpu.begun())
	}
	began := time.Now()
	last := s.worker(home, "gpu")
	if took := time.Since(began); took < device.ClaimTimeout-time.Second {
		require.Contains(t, last.output.String(), "ending the claim that a dead worker of this host has left", "it does not wait for that to time out")
	}
	s.checkAfterFault("b", docs, killed)
}

// TestTheOtherWorkersAreKilled: what is on the GPU goes on, and batch goes on by
// itself when they are back. A request waits for them, and is answered.
func TestTheOtherWorkersAreKilled(t *testing.T) {
	s := newSystem(t)
	home := t.TempDir()
	docs := s.documents("p", 8+4*rounds(t))
	others := s.worker(home, "ai,scheduler")
	s.run(workers.RoleGPU)
	s.startBatch("b", docs)
	for i := range rounds(t) {
		s.documentOnGPU()
		others.kill(t)
		request := fmt.Sprintf("REQ-%d", i)
		_, err := s.StartRevision(s.ctx, request, suggestion(request))
		require.NoError(t, err)
		others = s.worker(home, "ai,scheduler")
		r, err := s.Revision(s.ctx, request)
		require.NoError(t, err)
		checkFields(t, r.Output, request)
	}
	s.checkAfterFault("b", docs, nil)
}
