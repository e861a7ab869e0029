package tests

import (
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/config"
	"signalbox/internal/simgpu"
	"signalbox/internal/testdoc"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// longPages is a simulated Ollama whose answers to an image take two seconds.
func longPages(c *simgpu.Config) { c.Models[0].PageTokens = 1600 }

// pageHasCome waits until so many parts of the answer to an image went by.
func (s *system) pageHasCome(parts int) {
	s.t.Helper()
	s.gpu.await(s.ctx, s.t, "a page half read", func() bool {
		for c := range s.gpu.running {
			if strings.HasPrefix(c.Marker, "IMAGE-") && c.parts >= parts {
				return true
			}
		}
		return false
	})
}

func (s *system) startScan(id string) {
	s.t.Helper()
	doc := s.put("scan", "in/a.png", testdoc.PNG(1))
	_, err := s.StartBatch(s.ctx, id, contract.BatchInput{ProjectID: "p", Stages: []string{contract.StageOCR}, Documents: []contract.Document{doc}})
	require.NoError(s.t, err)
}

// answers counts the parts of all answers to images.
func (s *system) answers() (parts int) {
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	for _, c := range s.gpu.calls {
		if strings.HasPrefix(c.Marker, "IMAGE-") {
			parts += c.parts
		}
	}
	return parts
}

// TestAPreemptedPageGoesOn from where it was, whoever asks in between and whatever
// GPU worker it is: no more than the prompt is done again.
func TestAPreemptedPageGoesOn(t *testing.T) {
	sim, gpu := simulatedGPU(t, longPages)
	s := systemOn(t, sim, gpu)
	s.run(workers.RoleAI, workers.RoleScheduler)
	stop := s.run(workers.RoleGPU)
	s.startScan("b")
	for i := range 4 {
		s.pageHasCome(200)
		if i == 2 { // one that stops keeps it for the next
			stop()
			s.run(workers.RoleGPU)
			continue
		}
		s.answer(fmt.Sprint("r", i), fmt.Sprint("REQ-", i))
	}
	require.Len(t, s.partials(), 1)
	r := s.endBatch("b")
	require.Equal(t, 1, r.Done)
	require.Equal(t, 4, r.Preemptions)
	require.Equal(t, 1, r.OftenPreempted)
	require.Equal(t, 1, r.Continued)
	require.Less(t, r.LostGPUMs, r.GPUMs/4, "the text was not generated again")
	var read contract.OCROutput
	s.output("b", "scan", contract.StageOCR, &read)
	require.True(t, strings.HasPrefix(read.Text, imageText(testdoc.PNG(1))))
	require.Len(t, strings.Fields(read.Text), 1600)
	require.Less(t, s.answers(), 1600+4*40, "words are said once, but for the last of each")
	s.saysOfContinuation("on: aborted calls")
	require.Equal(t, 4, s.report("b")[0].Preemptions)
	require.Empty(t, s.partials(), "what was kept is not needed any more")
	require.Zero(t, s.gpu.overlapped())
}

// saysOfContinuation waits until the status says whether aborted calls go on.
func (s *system) saysOfContinuation(what string) {
	s.t.Helper()
	s.eventually("the status says "+what, func() bool {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && st.GPU != nil && strings.Contains(st.GPU.Continuation, what)
	})
}

// partials lists the texts that are kept of aborted calls.
func (s *system) partials() (files []string) {
	s.t.Helper()
	store, err := url.Parse(s.cfg.Store.URL)
	require.NoError(s.t, err)
	require.NoError(s.t, filepath.WalkDir(store.Path, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, ".partial.") {
			files = append(files, path)
		}
		return err
	}))
	return files
}

// TestAPreemptedPageBeginsAgain where Ollama cannot render, and where it is not
// wanted; the status says which.
func TestAPreemptedPageBeginsAgain(t *testing.T) {
	for name, c := range map[string]struct {
		sim    func(*simgpu.Config)
		change func(*config.Config)
		says   string
	}{
		"old Ollama": {func(c *simgpu.Config) { c.NoRender = true }, func(*config.Config) {}, "cannot render a prompt: aborted calls begin again"},
		"off":        {func(*simgpu.Config) {}, func(c *config.Config) { c.Models.Text.Continuation = config.ContinuationOff }, "off, by configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			sim, gpu := simulatedGPU(t, longPages, c.sim)
			s := systemOn(t, sim, gpu, c.change)
			s.run(workers.AllRoles()...)
			s.startScan("b")
			s.pageHasCome(200)
			s.answer("r", "REQ-1")
			r := s.endBatch("b")
			require.Equal(t, 1, r.Done)
			require.Zero(t, r.Continued)
			require.Greater(t, s.answers(), 1700, "it was said again")
			s.saysOfContinuation(c.says)
		})
	}
}
