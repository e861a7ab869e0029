package ollama_test

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/ollama"
	"signalbox/internal/realollama"
)

// broken is a real Ollama that tests break, with a client of small budgets.
type broken struct {
	t      *testing.T
	server *realollama.Server
	wire   *cutter // counts what is answered
	r      *ollama.Runtime
	model  ollama.Model
}

// Each fault ends as the right error within its budget, and the next request works.
func TestFaultsReal(t *testing.T) {
	server := realollama.Start(t)
	wire := newCutter(t, server.URL)
	r, err := ollama.New(wire.url, ollama.Limits{
		Load: 30 * time.Second, Prompt: time.Minute, Generate: time.Minute, Stall: time.Second,
	})
	require.NoError(t, err)
	b := &broken{t: t, server: server, wire: wire, r: r, model: ollama.Model{Name: realollama.Text, ContextTokens: 4096, KeepAlive: time.Minute}}
	for name, fault := range map[string]func(*broken){
		"the runner is killed in an answer":     (*broken).killInAnswer,
		"the runner is killed while it loads":   (*broken).killInLoad,
		"the runner is killed while it is idle": (*broken).killIdle,
		"the runner freezes in an answer":       (*broken).freezeInAnswer,
		"the runner freezes while it is idle":   (*broken).freezeIdle,
		"the runner freezes before vectors":     (*broken).freezeBeforeVectors,
		"the model is removed":                  (*broken).removeModel,
		"the answer has no end":                 (*broken).endless,
		"the model folder has no room":          (*broken).noRoom,
		"a web page in its place":               (*broken).webPage,
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			b.works()
			fault(b)
			b.works()
		})
	}
}

// works makes a call that has to work, however the server was left.
func (b *broken) works() {
	b.t.Helper()
	a, err := b.r.Generate(b.t.Context(), ollama.Call{Model: b.model, Prompt: "Say something", MaxTokens: 100})
	require.NoError(b.t, err)
	require.Equal(b.t, realollama.Answer, trim(a.Text))
}

// long begins an answer that takes seconds, waits until it is on its way, and returns
// how it ended.
func (b *broken) long() <-chan error {
	b.t.Helper()
	before := b.wire.parts.Load()
	ended := make(chan error, 1)
	go func() {
		_, err := b.r.Generate(context.Background(), b.endlessly(4000))
		ended <- err
	}()
	require.Eventually(b.t, func() bool { return b.wire.parts.Load() > before }, time.Minute, time.Millisecond)
	return ended
}

// endlessly is a call whose answer ends with its tokens alone.
func (b *broken) endlessly(tokens int) ollama.Call {
	return ollama.Call{
		Model: b.model, Prompt: "x", MaxTokens: tokens,
		Format: []byte(`{"type":"array","items":{"type":"string"},"minItems":2000}`),
	}
}

// endless ends with maxOutputTokens, or with timeouts.generate where that is first.
func (b *broken) endless() {
	a, err := b.r.Generate(b.t.Context(), b.endlessly(50))
	require.NoError(b.t, err)
	require.True(b.t, a.Cut)
	short, err := ollama.New(b.wire.url, ollama.Limits{
		Load: 30 * time.Second, Prompt: time.Minute, Generate: 100 * time.Millisecond, Stall: time.Minute,
	})
	require.NoError(b.t, err)
	_, err = short.Generate(b.t.Context(), b.endlessly(4000))
	b.fails(err, ollama.KindUnavailable, "timeouts.generate")
}

func (b *broken) fails(err error, kind ollama.Kind, says string) {
	b.t.Helper()
	require.ErrorContains(b.t, err, says)
	require.Equal(b.t, kind, ollama.KindOf(err))
}

// signal sends a signal to the runners, of which there has to be one.
func (b *broken) signal(s syscall.Signal) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return b.server.SignalRunners(s) > 0 }, time.Minute, time.Millisecond)
}

func (b *broken) killInAnswer() {
	ended := b.long()
	b.signal(syscall.SIGKILL)
	b.fails(<-ended, ollama.KindUnavailable, "")
}

func (b *broken) killInLoad() {
	require.NoError(b.t, b.r.Unload(b.t.Context(), b.model.Name))
	require.Eventually(b.t, func() bool { return len(b.server.Runners()) == 0 }, time.Minute, time.Millisecond)
	ended := make(chan error, 1)
	go func() {
		_, err := b.r.Load(context.Background(), b.model)
		ended <- err
	}()
	b.signal(syscall.SIGKILL)
	b.fails(<-ended, ollama.KindLoad, "terminated")
}

func (b *broken) killIdle() {
	b.signal(syscall.SIGKILL)
	require.Eventually(b.t, func() bool { return len(b.server.Runners()) == 0 }, time.Minute, time.Millisecond)
}

func (b *broken) freezeInAnswer() {
	ended := b.long()
	b.signal(syscall.SIGSTOP)
	b.fails(<-ended, ollama.KindUnavailable, "timeouts.stall")
}

// freezeIdle is found by Ollama itself, as a rule: it asks a runner whether it is there
// before each call, for 10 s twice, and then starts another. Now and then, on a busy
// machine, it does not, and the budget finds it.
func (b *broken) freezeIdle() {
	b.signal(syscall.SIGSTOP)
	_, err := b.r.Generate(b.t.Context(), ollama.Call{Model: b.model, Prompt: "Say something", MaxTokens: 100})
	b.worksOr(err, "timeouts.prompt")
}

// worksOr accepts a call that has worked, or one that has ended with its budget.
func (b *broken) worksOr(err error, budget string) {
	b.t.Helper()
	if err != nil {
		b.fails(err, ollama.KindUnavailable, budget)
	}
}

func (b *broken) freezeBeforeVectors() {
	vectors := ollama.EmbedCall{
		Model: ollama.Model{Name: realollama.Embed, ContextTokens: 2048, KeepAlive: time.Minute, Embedding: true}, Texts: []string{"one"},
	}
	_, err := b.r.Load(b.t.Context(), vectors.Model)
	require.NoError(b.t, err)
	b.signal(syscall.SIGSTOP)
	_, err = b.r.Embed(b.t.Context(), vectors)
	b.worksOr(err, "timeouts.")
}

func (b *broken) removeModel() {
	b.do(http.MethodPost, "/api/copy", `{"source":"`+b.model.Name+`","destination":"kept"}`)
	b.do(http.MethodDelete, "/api/delete", `{"model":"`+b.model.Name+`"}`)
	_, err := b.r.Generate(b.t.Context(), ollama.Call{Model: b.model, Prompt: "x"})
	b.fails(err, ollama.KindModelMissing, "not found")
	missing, err := b.r.Missing(b.t.Context(), b.model.Name)
	require.NoError(b.t, err)
	require.Equal(b.t, []string{b.model.Name}, missing)
	b.do(http.MethodPost, "/api/copy", `{"source":"kept","destination":"`+b.model.Name+`"}`)
}

// noRoom: the models that are there load and answer; one that could not be stored is
// missing, which is what the health says, and is there when there is room again.
func (b *broken) noRoom() {
	const another = "another"
	copied := `{"source":"` + b.model.Name + `","destination":"` + another + `"}`
	require.NoError(b.t, b.server.LimitFiles(b.t.Context(), "0"))
	b.t.Cleanup(func() { _ = b.server.LimitFiles(context.Background(), realollama.Unlimited) })
	require.NotEqual(b.t, http.StatusOK, b.status(http.MethodPost, "/api/copy", copied))
	require.NoError(b.t, b.r.Unload(b.t.Context(), b.model.Name))
	b.works()
	call := ollama.Call{Model: ollama.Model{Name: another, ContextTokens: 4096}, Prompt: "x", MaxTokens: 10}
	_, err := b.r.Generate(b.t.Context(), call)
	b.fails(err, ollama.KindUnavailable, "500") // of a model that is half there Ollama says EOF
	missing, err := b.r.Missing(b.t.Context(), another)
	require.NoError(b.t, err)
	require.Equal(b.t, []string{another}, missing)

	require.NoError(b.t, b.server.LimitFiles(b.t.Context(), realollama.Unlimited))
	b.do(http.MethodPost, "/api/copy", copied)
	_, err = b.r.Generate(b.t.Context(), call)
	require.NoError(b.t, err)
	b.do(http.MethodDelete, "/api/delete", `{"model":"`+another+`"}`)
}

// webPage is what a proxy, or another program on the port, answers.
func (b *broken) webPage() {
	b.wire.page.Store(true)
	defer b.wire.page.Store(false)
	_, err := b.r.Generate(b.t.Context(), ollama.Call{Model: b.model, Prompt: "x", MaxTokens: 10})
	b.fails(err, ollama.KindUnavailable, "<html>")
	_, err = b.r.Probe(b.t.Context())
	require.Error(b.t, err)
}

func (b *broken) do(method, path, body string) {
	b.t.Helper()
	require.Equal(b.t, http.StatusOK, b.status(method, path, body), path)
}

func (b *broken) status(method, path, body string) int {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(body))
	require.NoError(b.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b.t, err)
	require.NoError(b.t, resp.Body.Close())
	return resp.StatusCode
}
