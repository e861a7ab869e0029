package ollama_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/ollama"
	"signalbox/internal/simgpu"
)

var (
	text      = ollama.Model{Name: "gemma4:e4b", ContextTokens: 2048, KeepAlive: time.Minute}
	otherText = ollama.Model{Name: "other", ContextTokens: 2048, KeepAlive: time.Minute}
	embed     = ollama.Model{Name: "nomic-embed-text", ContextTokens: 2048, KeepAlive: time.Minute}
)

// simulated is a runtime on a simulated Ollama that is a thousand times faster.
func simulated(t *testing.T, limits ollama.Limits) (*ollama.Runtime, *simgpu.Server) {
	cfg := simgpu.Default()
	cfg.Speed = 1000
	other := cfg.Models[0]
	other.Name, other.Digest = otherText.Name+":latest", "another"
	cfg.Models = append(cfg.Models, other)
	sim := simgpu.New(cfg)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	r, err := ollama.New(server.URL, limits)
	require.NoError(t, err)
	return r, sim
}

var patient = ollama.Limits{Load: time.Minute, Prompt: time.Minute, Generate: time.Minute, Stall: time.Minute}

func TestGenerateSimulated(t *testing.T) {
	r, sim := simulated(t, patient)
	a, err := r.Generate(context.Background(), ollama.Call{Model: text, Prompt: "Say hello", MaxTokens: 5})
	require.NoError(t, err)
	require.Equal(t, "Simulated answer "+simgpu.Hash("Say hello")+" to: Say", a.Text)
	require.True(t, a.Cut)
	require.Equal(t, 5, a.Tokens.Output)
	require.Positive(t, a.Tokens.Prompt)

	a, err = r.Generate(context.Background(), ollama.Call{Model: text, Prompt: "x", Format: []byte(`{"type":"object","properties":{"ok":{"type":"boolean"}}}`)})
	require.NoError(t, err)
	require.JSONEq(t, `{"ok":true}`, a.Text)
	require.EqualValues(t, 1, sim.Stats().Loads, "the same options each time: one load")
}

func TestLoadAndUnloadSimulated(t *testing.T) {
	r, sim := simulated(t, patient)
	ctx := context.Background()
	took, err := r.Load(ctx, text)
	require.NoError(t, err)
	require.Positive(t, took)
	_, err = r.Load(ctx, otherText)
	require.NoError(t, err)
	loaded, err := r.Loaded(ctx)
	require.NoError(t, err)
	require.Len(t, loaded, 1)
	require.Equal(t, "other:latest", loaded[0].Name)
	require.NoError(t, r.Unload(ctx, otherText.Name))
	require.Eventually(t, func() bool { return sim.Card().UsedBytes == simgpu.Default().Card.ReservedBytes },
		10*time.Second, time.Millisecond, "the card's memory is given back")
}

func TestFaultsAreToldApartSimulated(t *testing.T) {
	short := ollama.Limits{Load: 300 * time.Millisecond, Prompt: time.Second, Generate: 500 * time.Millisecond, Stall: 200 * time.Millisecond}
	cases := map[string]struct {
		faults simgpu.Faults
		model  ollama.Model
		format string
		kind   ollama.Kind
		text   string
	}{
		"down":          {simgpu.Faults{Down: true}, text, "", ollama.KindUnavailable, "EOF"},
		"web page":      {simgpu.Faults{HTML: true}, text, "", ollama.KindUnavailable, "<html>"},
		"runner died":   {simgpu.Faults{DieAfter: 2}, text, "", ollama.KindUnavailable, "unexpected EOF"},
		"no progress":   {simgpu.Faults{StallAfter: 2}, text, "", ollama.KindUnavailable, "timeouts.stall"},
		"endless":       {simgpu.Faults{Endless: true}, text, "", ollama.KindUnavailable, "timeouts.generate"},
		"repeats":       {simgpu.Faults{RepeatAfter: 2}, text, "", ollama.KindOutput, "did not say done"},
		"out of memory": {simgpu.Faults{OutOfMemory: true}, text, "", ollama.KindLoad, "more system memory"},
		"slow load":     {simgpu.Faults{SlowLoad: 1000}, text, "", ollama.KindLoad, "timeouts.load"},
		"no model":      {simgpu.Faults{}, ollama.Model{Name: "nope:1b"}, "", ollama.KindModelMissing, "not found"},
		"wrong model":   {simgpu.Faults{}, embed, "", ollama.KindRequest, "does not support generate"},
		"bad format":    {simgpu.Faults{}, text, `"yaml"`, ollama.KindRequest, "invalid format"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, sim := simulated(t, short)
			sim.SetFaults(c.faults)
			_, err := r.Load(context.Background(), c.model)
			if err == nil {
				_, err = r.Generate(context.Background(), ollama.Call{Model: c.model, Prompt: "Hello", Format: []byte(c.format)})
			}
			require.ErrorContains(t, err, c.text)
			var e *ollama.Error
			require.True(t, errors.As(err, &e), "%T", err)
			if c.faults.Down || c.faults.HTML {
				return // seen at the load already
			}
			require.Equal(t, c.kind, e.Kind)

			// The next request works.
			sim.SetFaults(simgpu.Faults{})
			_, err = r.Generate(context.Background(), ollama.Call{Model: text, Prompt: "Hello", MaxTokens: 3})
			require.NoError(t, err)
		})
	}
}

func TestCancellingReachesTheGPUSimulated(t *testing.T) {
	r, sim := simulated(t, patient)
	sim.SetFaults(simgpu.Faults{Endless: true})
	ctx, cancel := context.WithCancel(context.Background())
	cause := make(chan error, 1)
	go func() {
		_, err := r.Generate(ctx, ollama.Call{Model: text, Prompt: "Hello"})
		cause <- err
	}()
	require.Eventually(t, func() bool { return sim.Stats().Calls == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-cause, context.Canceled, "nobody failed")
	sim.SetFaults(simgpu.Faults{})
	_, err := r.Generate(context.Background(), ollama.Call{Model: text, Prompt: "Hello", MaxTokens: 3})
	require.NoError(t, err, "the GPU is free")
	require.Zero(t, sim.Stats().Overlaps)
}

func TestProbeSimulated(t *testing.T) {
	r, sim := simulated(t, patient)
	s, err := r.Probe(context.Background())
	require.NoError(t, err)
	require.True(t, s.Simulated)
	missing, err := r.Missing(context.Background(), "gemma4:e4b", "nomic-embed-text", "nope")
	require.NoError(t, err)
	require.Equal(t, []string{"nope"}, missing)
	sim.SetFaults(simgpu.Faults{Down: true})
	_, err = r.Probe(context.Background())
	require.Error(t, err)
}

var longText = strings.Repeat("long text ", 5_000)

var trim = strings.TrimSpace

// TestAListThatFailsInsideTheServer: Ollama's list races with a model that goes.
func TestAListThatFailsInsideTheServer(t *testing.T) {
	sim := simgpu.New(simgpu.Default())
	failures, seen := 0, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/api/ps" {
			if seen++; seen <= failures {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
		}
		sim.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	r, err := ollama.New(server.URL, patient)
	require.NoError(t, err)
	for failures = range 4 {
		seen = 0
		_, err = r.Loaded(t.Context())
		require.NoError(t, err)
		require.Equal(t, failures+1, seen)
	}
	failures, seen = 100, 0
	_, err = r.Loaded(t.Context())
	require.Equal(t, ollama.KindUnavailable, ollama.KindOf(err))
	require.Equal(t, 4, seen, "a server that always fails is reported")
}

func TestEmbedSimulated(t *testing.T) {
	r, _ := simulated(t, patient)
	ctx := t.Context()
	vectors := embed
	vectors.Embedding = true
	_, err := r.Load(ctx, vectors)
	require.NoError(t, err)
	v, err := r.Embed(ctx, ollama.EmbedCall{Model: vectors, Texts: []string{"one", "two", "one"}})
	require.NoError(t, err)
	require.Len(t, v.Vectors, 3)
	require.Equal(t, v.Vectors[0], v.Vectors[2])
	require.NotEqual(t, v.Vectors[0], v.Vectors[1])
	_, err = r.Embed(ctx, ollama.EmbedCall{Model: vectors, Texts: []string{longText}})
	require.Equal(t, ollama.KindTooLong, ollama.KindOf(err), "%v", err)
}

// TestAModelOffTheCardStaysSimulated: what has placement cpu neither leaves for
// another model nor makes one leave.
func TestAModelOffTheCardStaysSimulated(t *testing.T) {
	cfg := simgpu.Default()
	cfg.Speed, cfg.MaxLoaded = 1000, 2
	server := httptest.NewServer(simgpu.New(cfg))
	t.Cleanup(server.Close)
	r, err := ollama.New(server.URL, patient)
	require.NoError(t, err)
	ctx := t.Context()
	vectors := embed
	vectors.Embedding, vectors.CPU = true, true
	for _, m := range []ollama.Model{text, vectors, text, vectors} {
		_, err := r.Load(ctx, m)
		require.NoError(t, err)
	}
	loaded, err := r.Loaded(ctx)
	require.NoError(t, err)
	require.Len(t, loaded, 2)
	for _, l := range loaded {
		require.Equal(t, l.Name == "gemma4:e4b", l.CardBytes > 0, l.Name)
	}
}
