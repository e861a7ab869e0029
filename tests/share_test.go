package tests

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/workflows/contract"
)

// TestSharedGPUSimulated is the main job on the simulated Ollama and card.
func TestSharedGPUSimulated(t *testing.T) { shareTheGPU(t, running(t)) }

// TestSharedGPUReal is the main job on a real Ollama.
func TestSharedGPUReal(t *testing.T) { shareTheGPU(t, runningReal(t)) }

// shareTheGPU lets 12 realtime requests arrive while a batch of 60 documents
// runs.
func shareTheGPU(t *testing.T, s *system) {
	const requests, documents = 12, 60
	docs := s.documents("bridge/7", documents)
	_, err := s.StartBatch(s.ctx, "night", s.batchOf("bridge/7", docs))
	require.NoError(t, err)

	var all sync.WaitGroup
	results := make([]contract.RevisionResult, requests)
	errs := make([]error, requests)
	whileWaiting := 0
	for i := range requests {
		// Each request comes in the middle of a document of its own.
		begun := s.gpu.begun()
		s.gpu.await(s.ctx, t, "a document on the GPU", func() bool {
			return len(s.gpu.onGPU("DOC-")) == 1 && len(s.gpu.calls) > begun
		})
		if p, err := s.Progress(s.ctx, "night"); err == nil && p.Done < documents {
			whileWaiting++
		}
		number := fmt.Sprintf("REQ-%d", i)
		_, err := s.StartRevision(s.ctx, number, s.suggestion(number))
		require.NoError(t, err)
		all.Go(func() { results[i], errs[i] = s.Revision(s.ctx, number) })
		if i%2 == 0 {
			all.Wait() // some come alone, some while another is answered
		}
	}
	all.Wait()
	for i, r := range results {
		require.NoError(t, errs[i])
		require.Equal(t, s.sim != nil, r.Simulated)
		s.checkFields(r.Output, fmt.Sprintf("REQ-%d", i))
	}
	require.GreaterOrEqual(t, whileWaiting, 8, "requests that came while documents waited")

	// Batch goes on by itself, to the end.
	r, err := s.Batch(s.ctx, "night")
	require.NoError(t, err)
	require.Equal(t, documents, r.Done)
	require.Positive(t, r.Preemptions)
	s.checkDocuments("bridge/7", "night", docs)
	s.checkReport("bridge/7", r, docs)
	holds, opens := s.directives("night")
	require.Positive(t, holds)
	require.GreaterOrEqual(t, opens, 2, "the first one and a reopening")

	require.Zero(t, s.gpu.overlapped(), "two runs on the GPU at once")
	for name, n := range s.gpu.finished() {
		require.Equal(t, 1, n, "%s was answered more than once", name)
	}
	t.Logf("preemptions %d, bounces %d, holds %d, opens %d, GPU %d ms, lost %d ms, calls %d",
		r.Preemptions, r.Bounces, holds, opens, r.GPUMs, r.LostGPUMs, s.gpu.begun())
}

// TestRealtimeAloneSimulated is the same without batch.
func TestRealtimeAloneSimulated(t *testing.T) { realtimeAlone(t, running(t)) }

func TestRealtimeAloneReal(t *testing.T) { realtimeAlone(t, runningReal(t)) }

func realtimeAlone(t *testing.T, s *system) {
	for i := range 12 {
		number := fmt.Sprintf("REQ-%d", i)
		_, err := s.StartRevision(s.ctx, number, s.suggestion(number))
		require.NoError(t, err)
	}
	for i := range 12 {
		r, err := s.Revision(s.ctx, fmt.Sprintf("REQ-%d", i))
		require.NoError(t, err)
		s.checkFields(r.Output, fmt.Sprintf("REQ-%d", i))
	}
	require.Zero(t, s.gpu.overlapped())
	require.Equal(t, 12, s.gpu.begun())
}

func TestGenerateSimulated(t *testing.T) {
	s := running(t)
	ask := func(key string, in contract.RevisionInput) (contract.RevisionResult, error) {
		in.Task = contract.TaskGenerate
		_, err := s.StartRevision(s.ctx, key, in)
		require.NoError(t, err)
		return s.Revision(s.ctx, key)
	}
	r, err := ask("free", contract.RevisionInput{Prompt: "Say hello to REQ-1"})
	require.NoError(t, err)
	require.Contains(t, string(r.Output), "Say hello to REQ-1")

	schema := []byte(`{"type":"object","properties":{"title":{"type":"string"},"pages":{"type":"integer","minimum":3}},"required":["title","pages"]}`)
	r, err = ask("schema", contract.RevisionInput{Prompt: "Title: A letter", Schema: schema})
	require.NoError(t, err)
	require.JSONEq(t, `{"title":"A letter","pages":3}`, string(r.Output))

	_, err = ask("broken", contract.RevisionInput{Prompt: "[[sim badjson]] [[sim tokens=20]] REQ-2", Schema: schema})
	require.ErrorContains(t, err, "broke the schema twice")
	require.Equal(t, 2, s.gpu.finished()["REQ-2"], "it is asked once more, and not again")
}

// TestTheSameKeyIsOneRequest: starting a key again joins the request or returns
// its result.
func TestTheSameKeyIsOneRequest(t *testing.T) {
	s := running(t)
	for range 3 {
		_, err := s.StartRevision(s.ctx, "order-4711", suggestion("REQ-1"))
		require.NoError(t, err)
	}
	_, err := s.Revision(s.ctx, "order-4711")
	require.NoError(t, err)
	_, err = s.StartRevision(s.ctx, "order-4711", suggestion("REQ-1"))
	require.NoError(t, err)
	_, err = s.StartRevision(s.ctx, "order-4711", suggestion("REQ-2"))
	require.ErrorContains(t, err, "used before with another input")
	require.Equal(t, 1, s.gpu.begun())
}
