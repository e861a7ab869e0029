package device_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/internal/realollama"
	"signalbox/workflows/contract"
)

// TestKeeperReal: one model at a time on a real Ollama, whoever has loaded it, and the
// next run works after its runner was killed. There is no card: its memory is unknown,
// which keeps nothing from running.
func TestKeeperReal(t *testing.T) {
	server := realollama.Start(t)
	require.NoError(t, server.AddStory(t.Context(), t.TempDir()))
	limits := ollama.Limits{Load: time.Minute, Prompt: time.Minute, Generate: time.Minute, Stall: time.Minute}
	r, err := ollama.New(server.URL, limits)
	require.NoError(t, err)
	words := ollama.Model{Name: realollama.Text, ContextTokens: 2048, KeepAlive: time.Minute}
	vectors := ollama.Model{Name: realollama.Embed, ContextTokens: 2048, KeepAlive: time.Minute, Embedding: true}
	k, err := device.NewKeeper(device.KeeperOptions{Server: r, Models: []ollama.Model{words, vectors}})
	require.NoError(t, err)
	one := func(name string) {
		t.Helper()
		loaded, err := r.Loaded(t.Context())
		require.NoError(t, err)
		require.Len(t, loaded, 1)
		require.Equal(t, ollama.Name(name), loaded[0].Name)
	}
	for i := range 6 {
		m := []ollama.Model{words, vectors}[i%2]
		took, err := k.Prepare(t.Context(), contract.Batch, m)
		require.NoError(t, err)
		require.Positive(t, took)
		took, err = k.Prepare(t.Context(), contract.Batch, m)
		require.NoError(t, err)
		require.Zero(t, took, "it is there")
		one(m.Name)
		c := k.Clean(t.Context(), contract.Batch, m)
		require.Equal(t, contract.Cleanup{Kept: ollama.Name(m.Name), KeptWhy: "for the next document", TookMs: c.TookMs}, c)
	}
	_, err = r.Load(t.Context(), ollama.Model{Name: realollama.Story, ContextTokens: 2048, KeepAlive: time.Minute})
	require.NoError(t, err)
	one(realollama.Story) // it had room for one
	_, err = k.Prepare(t.Context(), contract.Realtime, words)
	require.NoError(t, err)
	one(words.Name)

	require.Positive(t, server.SignalRunners(syscall.SIGKILL))
	_, err = k.Prepare(t.Context(), contract.Realtime, words)
	require.NoError(t, err)
	_, err = r.Generate(t.Context(), ollama.Call{Model: words, Prompt: "x", MaxTokens: 3})
	require.NoError(t, err)
	// KeepWarm is 0: the cleanup after a request unloads it.
	c := k.Clean(t.Context(), contract.Realtime, words)
	require.Empty(t, c.Kept)
	require.Empty(t, c.Problem)
	loaded, err := r.Loaded(t.Context())
	require.NoError(t, err)
	require.Empty(t, loaded)
}
