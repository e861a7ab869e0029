package ollama_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/ollama"
	"signalbox/internal/realollama"
)

// TestRuntimeReal drives a real Ollama through what production asks of it.
func TestRuntimeReal(t *testing.T) {
	server := realollama.Start(t)
	r, err := ollama.New(server.URL, patient)
	require.NoError(t, err)
	ctx := t.Context()
	words := ollama.Model{Name: realollama.Text, ContextTokens: 4096, KeepAlive: time.Minute}
	vectors := ollama.Model{Name: realollama.Embed, ContextTokens: 2048, KeepAlive: time.Minute, Embedding: true}

	missing, err := r.Missing(ctx, words.Name, vectors.Name, "nope")
	require.NoError(t, err)
	require.Equal(t, []string{"nope"}, missing)
	status, err := r.Probe(ctx)
	require.NoError(t, err)
	require.False(t, status.Simulated)

	took, err := r.Load(ctx, words)
	require.NoError(t, err)
	require.Positive(t, took)
	a, err := r.Generate(ctx, ollama.Call{Model: words, Prompt: "Say something", MaxTokens: 100})
	require.NoError(t, err)
	require.Equal(t, realollama.Answer, trim(a.Text))
	require.Zero(t, a.Timings.LoadMs/1000, "the call's options are those of the load: no second load")

	_, err = r.Load(ctx, vectors)
	require.NoError(t, err)
	loaded, err := r.Loaded(ctx)
	require.NoError(t, err)
	require.Len(t, loaded, 1, "the other model has gone")
	v, err := r.Embed(ctx, ollama.EmbedCall{Model: vectors, Texts: []string{"one", "two", "one"}})
	require.NoError(t, err)
	require.Len(t, v.Vectors[0], realollama.Dimensions)
	require.Equal(t, v.Vectors[0], v.Vectors[2])
	require.NotEqual(t, v.Vectors[0], v.Vectors[1])
	require.Positive(t, v.Tokens.Prompt)
	_, err = r.Embed(ctx, ollama.EmbedCall{Model: vectors, Texts: []string{longText}})
	require.Equal(t, ollama.KindTooLong, ollama.KindOf(err), "%v", err)
	_, err = r.Generate(ctx, ollama.Call{Model: vectors, Prompt: "x"})
	require.Equal(t, ollama.KindRequest, ollama.KindOf(err), "%v", err)
	_, err = r.Generate(ctx, ollama.Call{Model: ollama.Model{Name: "nope"}, Prompt: "x"})
	require.Equal(t, ollama.KindModelMissing, ollama.KindOf(err), "%v", err)
	require.NoError(t, r.Unload(ctx, vectors.Name))

	// A server that has gone.
	_, err = r.Load(ctx, words)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := r.Generate(context.WithoutCancel(ctx), ollama.Call{
			Model: words, Prompt: "x", Format: []byte(`{"type":"array","items":{"type":"string"},"minItems":2000}`),
		})
		ended <- err
	}()
	server.Stop()
	require.Equal(t, ollama.KindUnavailable, ollama.KindOf(<-ended))
}
