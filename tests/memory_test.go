package tests

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/config"
	"signalbox/internal/simgpu"
	"signalbox/workflows/contract"
)

// gpuSays waits until the status says something of the GPU's health.
func (s *system) gpuSays(admits contract.Admits, reason string) {
	s.t.Helper()
	s.eventually("the GPU admits "+string(admits)+": "+reason, func() bool {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && st.GPU != nil && st.GPU.Health.Admits == admits && strings.Contains(st.GPU.Health.Reason, reason)
	})
}

// TestWhatKeepsBatchAloneAwaySimulated: batch waits, requests are answered, and batch
// goes on by itself when it is over.
func TestWhatKeepsBatchAloneAwaySimulated(t *testing.T) {
	for name, c := range map[string]struct {
		faults simgpu.Faults
		reason string
	}{
		"another program takes memory": {simgpu.Faults{ForeignBytes: 3 << 30}, "another-program (process 1717) 3.0 GiB"},
		"the card is hot":              {simgpu.Faults{Celsius: 90}, "too hot for batch"},
	} {
		t.Run(name, func(t *testing.T) {
			s := running(t)
			docs := s.documents("p", 60) // more than are done before a look at the card
			s.gpuSays(contract.AdmitAll, "")
			s.startBatch("b", docs)
			s.documentOnGPU()
			s.sim.SetFaults(c.faults)
			s.gpuSays(contract.AdmitRealtime, c.reason)
			s.answer("r", "REQ-1")
			s.eventually("the job says why it waits", func() bool {
				p, err := s.Progress(s.ctx, "b")
				return err == nil && strings.Contains(p.Reason, c.reason)
			})
			s.sim.SetFaults(simgpu.Faults{})
			r := s.endBatch("b")
			require.Equal(t, len(docs), r.Done)
			s.checkDocuments("p", "b", docs)
			require.Zero(t, s.gpu.overlapped())
		})
	}
}

// TestTheCardIsGoneSimulated: requests are refused, no document fails for it, and both
// go on when it is back. The silent way to be gone, that a model is on the CPU
// suddenly, is one too.
func TestTheCardIsGoneSimulated(t *testing.T) {
	for name, c := range map[string]struct {
		faults simgpu.Faults
		reason contract.Reason
	}{
		"lost":       {simgpu.Faults{Lost: true}, contract.ReasonUnhealthy},
		"on the CPU": {simgpu.Faults{CPU: true}, contract.ReasonLoadFailed},
	} {
		t.Run(name, func(t *testing.T) {
			s := running(t, func(c *config.Config) { c.KeepWarm = 0 })
			s.answer("before", "REQ-1")
			docs := s.documents("p", 4)
			s.sim.SetFaults(c.faults)
			if c.reason == contract.ReasonUnhealthy {
				s.gpuSays(contract.AdmitNothing, "the card is lost")
			}
			s.unavailable("r", c.reason)
			s.startBatch("b", docs)
			s.eventually("batch waits", func() bool {
				p, err := s.Progress(s.ctx, "b")
				return err == nil && (p.Phase == contract.PhaseHeld || p.Phase == contract.PhaseGPUUnavailable)
			})
			s.sim.SetFaults(simgpu.Faults{})
			s.gpuSays(contract.AdmitAll, "")
			s.answer("after", "REQ-2")
			r := s.endBatch("b")
			require.Equal(t, 4, r.Done)
			require.Zero(t, r.Failed)
		})
	}
}

// TestALeakKeepsBatchAwaySimulated until Ollama is restarted; results say what was
// freed, kept and leaked.
func TestALeakKeepsBatchAwaySimulated(t *testing.T) {
	s := running(t, func(c *config.Config) { c.KeepWarm = 0 })
	r := s.revision("before")
	require.Equal(t, &contract.Cleanup{FreedBytes: 4_500_000_000, TookMs: r.Cleanup.TookMs}, r.Cleanup)
	s.sim.SetFaults(simgpu.Faults{LeakBytes: 200 << 20})
	r = s.revision("leaks")
	require.Contains(t, r.Cleanup.Leaked, "ollama (process 4242) 0.2 GiB; restart Ollama")
	s.sim.SetFaults(simgpu.Faults{})
	s.gpuSays(contract.AdmitRealtime, "restart Ollama")
	s.startBatch("b", s.documents("p", 2))
	s.phase("b", contract.PhaseHeld)
	s.revision("meanwhile")
	s.sim.Restart()
	require.Equal(t, 2, s.endBatch("b").Done)
}

func (s *system) revision(key string) contract.RevisionResult {
	s.t.Helper()
	_, err := s.StartRevision(s.ctx, key, s.suggestion("REQ-1"))
	require.NoError(s.t, err)
	r, err := s.Revision(s.ctx, key)
	require.NoError(s.t, err)
	return r
}

// TestStatusSaysWhatIsOnTheCardSimulated: declared beside learned, the share on the
// card, how fast it is, and how warm the card.
func TestStatusSaysWhatIsOnTheCardSimulated(t *testing.T) {
	s := running(t)
	s.answer("r", "REQ-1")
	want := []string{
		"of 8.0 GiB used (simulated)", "45 °C, slows down at 93 °C",
		"gemma4:e4b: 4.2 GiB loaded, all of it on the card, 4.2 GiB declared, 4.2 GiB on the card learned",
		"tokens/s", "nomic-embed-text: not loaded, 0.5 GiB declared",
	}
	var out string
	require.Eventually(t, func() bool {
		_, out, _ = s.command("status")
		for _, text := range want {
			if !strings.Contains(out, text) {
				return false
			}
		}
		return true
	}, patience, 100*time.Millisecond, "%v", want)
	t.Log(out)
}
