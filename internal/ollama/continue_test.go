package ollama_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/ollama"
	"signalbox/internal/realollama"
	"signalbox/internal/simgpu"
)

// callLimit bounds a call and the one after it; they take a tenth of a second.
const callLimit = 20 * time.Second

// places at which an answer is interrupted.
const places = 10

// cutter is a proxy that ends an answer's connection after some of its parts, counts
// the parts of all, and may answer everything with a web page.
type cutter struct {
	after atomic.Int64 // 0 for never
	page  atomic.Bool
	parts atomic.Int64
	url   string
}

func newCutter(t *testing.T, target string) *cutter {
	to, err := url.Parse(target)
	require.NoError(t, err)
	c := &cutter{}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.FlushInterval = -1
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if c.page.Load() {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html><body>It works!</body></html>")
			return
		}
		proxy.ServeHTTP(&cutting{ResponseWriter: w, c: c}, req)
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	c.url = server.URL
	return c
}

type cutting struct {
	http.ResponseWriter
	c *cutter
	n int64
}

func (w *cutting) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	said := int64(strings.Count(string(p), `"response":"`) - strings.Count(string(p), `"response":""`))
	w.n += said
	w.c.parts.Add(said)
	if after := w.c.after.Load(); after > 0 && w.n >= after {
		w.Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func (w *cutting) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// interrupted asks, and is interrupted after a number of parts each time, with
// another prompt in between, until the answer is whole.
func interrupted(t *testing.T, r *ollama.Runtime, c *cutter, call ollama.Call, after int64) ollama.Answer {
	t.Helper()
	for range 10 * places {
		c.after.Store(after)
		ctx, cancel := context.WithTimeout(t.Context(), callLimit)
		defer cancel()
		a, err := r.Generate(ctx, call)
		c.after.Store(0)
		if err == nil {
			return a
		}
		if hung(t, err) {
			continue
		}
		require.NotNil(t, a.Partial, "interrupted after %d parts: %v", after, err)
		if call.From != nil {
			require.Greater(t, len(a.Partial.Text), len(call.From.Text), "nothing begins again")
		}
		call.From = a.Partial
		other := call
		other.Prompt, other.From, other.MaxTokens = "Something else, in between", nil, 3
		if _, err = r.Generate(ctx, other); !hung(t, err) {
			require.NoError(t, err)
		}
	}
	t.Fatal("the answer is never whole")
	return ollama.Answer{}
}

// hung reports that a call has had no answer in time: Ollama may lock a runner when
// a client goes. The next call gets another one.
func hung(t *testing.T, err error) bool {
	if err == nil || !strings.Contains(err.Error(), "timeouts.prompt") {
		return false
	}
	t.Log("OLLAMA HAS HUNG after an aborted call; its model was unloaded")
	return true
}

// goesOn is the contract of going on: interrupted at any of ten places, once or
// again and again, the text is what it is without.
func goesOn(t *testing.T, r *ollama.Runtime, c *cutter, call ollama.Call) {
	call.Resumable = true
	whole, err := r.Generate(t.Context(), call)
	require.NoError(t, err)
	require.False(t, whole.Continued)
	require.Contains(t, r.Continuation(), "on:")
	parts := c.parts.Swap(0)
	require.Greater(t, parts, int64(3*places), "the answer is long enough")
	for i := range int64(places) {
		at := 3 + i*(parts-4)/places
		a := interrupted(t, r, c, call, at)
		require.Equal(t, whole.Text, a.Text, "interrupted after %d of %d parts", at, parts)
		require.True(t, a.Continued)
		require.InDelta(t, whole.Tokens.Output, a.Tokens.Output, float64(parts)/2)
	}
	// It is bounded like one that was not interrupted.
	call.MaxTokens = int(parts) / 2
	cut := interrupted(t, r, c, call, parts/4)
	require.True(t, cut.Cut)
	require.True(t, strings.HasPrefix(whole.Text, cut.Text))
	require.LessOrEqual(t, cut.Tokens.Output, int(parts)/2)
}

// cutSimulated is a runtime on a simulated Ollama behind a cutter.
func cutSimulated(t *testing.T) (*ollama.Runtime, *cutter) {
	_, sim := simulated(t, patient)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	c := newCutter(t, server.URL)
	r, err := ollama.New(c.url, patient)
	require.NoError(t, err)
	return r, c
}

func TestAnAbortedCallGoesOnSimulated(t *testing.T) {
	r, c := cutSimulated(t)
	goesOn(t, r, c, ollama.Call{Model: text, System: "You read.", Prompt: "Tell a story", MaxTokens: 400})
}

// TestWhatChangesBeginsAgain: another prompt, image, bound or model.
func TestWhatChangesBeginsAgain(t *testing.T) {
	r, c := cutSimulated(t)
	call := ollama.Call{Model: text, System: "You read.", Prompt: "Tell a story", MaxTokens: 100, Resumable: true}
	c.after.Store(20)
	a, err := r.Generate(t.Context(), call)
	require.Error(t, err)
	c.after.Store(0)
	call.From = a.Partial
	for name, change := range map[string]func(*ollama.Call){
		"prompt": func(c *ollama.Call) { c.Prompt = "Tell another" }, "system": func(c *ollama.Call) { c.System = "x" },
		"image": func(c *ollama.Call) { c.Images = [][]byte{[]byte("x")} }, "bound": func(c *ollama.Call) { c.MaxTokens = 99 },
		"temperature": func(c *ollama.Call) { c.Model.Temperature = 0.7 }, "model": func(c *ollama.Call) { c.Model = otherText },
		"often": func(c *ollama.Call) { p := *c.From; p.Continuations = 1000; c.From = &p },
	} {
		changed := call
		change(&changed)
		a, err := r.Generate(t.Context(), changed)
		require.NoError(t, err, name)
		require.False(t, a.Continued, name)
	}
	a, err = r.Generate(t.Context(), call)
	require.NoError(t, err)
	require.True(t, a.Continued)
}

// TestAServerThatCannotRender is called as ever, and says so; so is one that is not
// to go on.
func TestAServerThatCannotRender(t *testing.T) {
	cfg := simgpu.Default()
	cfg.Speed, cfg.NoRender = 1000, true
	sim := simgpu.New(cfg)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	r, err := ollama.New(server.URL, patient)
	require.NoError(t, err)
	require.Empty(t, r.Continuation())
	call := ollama.Call{Model: text, Prompt: "Tell a story", MaxTokens: 20, Resumable: true}
	for range 3 {
		a, err := r.Generate(t.Context(), call)
		require.NoError(t, err)
		require.Contains(t, a.Text, simgpu.Hash("Tell a story"))
	}
	require.Contains(t, r.Continuation(), "cannot render a prompt: aborted calls begin again")
	require.EqualValues(t, 4, sim.Stats().Calls, "it was asked once")

	call.Format = json.RawMessage(`{"type":"object"}`)
	_, err = r.Generate(t.Context(), call)
	require.NoError(t, err)
	r, err = ollama.New(server.URL, patient)
	require.NoError(t, err)
	r.WithoutContinuation()
	_, err = r.Generate(t.Context(), ollama.Call{Model: text, Prompt: "x", Resumable: true})
	require.NoError(t, err)
	require.EqualValues(t, 6, sim.Stats().Calls)
	require.Contains(t, r.Continuation(), "by configuration")
}

// TestAnAbortedCallGoesOnReal is the same contract on a real Ollama. The one of the
// tests cannot render a prompt, so that part, and it alone, is done beside it, with
// the model's template; a newer one renders it itself.
func TestAnAbortedCallGoesOnReal(t *testing.T) {
	server := realollama.Start(t)
	require.NoError(t, server.AddStory(t.Context(), t.TempDir()))
	c := newCutter(t, rendering(t, server.URL))
	limits := patient
	limits.Prompt = 2 * time.Second
	r, err := ollama.New(c.url, limits)
	require.NoError(t, err)
	goesOn(t, r, c, ollama.Call{
		Model: ollama.Model{Name: realollama.Story, ContextTokens: 4096, KeepAlive: time.Minute}, Prompt: "Tell a story", MaxTokens: 200,
	})
}

// rendering is a proxy before a real Ollama that answers what wants a prompt
// rendered, where the server has answered something else.
func rendering(t *testing.T, target string) string {
	to, err := url.Parse(target)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.FlushInterval = -1
	var said sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		var asked struct {
			Render         bool `json:"_debug_render_only"`
			System, Prompt string
		}
		again := func() *http.Request {
			out := req.Clone(req.Context())
			out.Body, out.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
			return out
		}
		if json.Unmarshal(body, &asked) != nil || !asked.Render {
			req.Body = io.NopCloser(strings.NewReader(string(body)))
			proxy.ServeHTTP(w, req)
			return
		}
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, again())
		if !strings.Contains(answer.Body.String(), "_debug_info") {
			said.Do(func() { t.Log("RENDERED BY THE TEST: this Ollama cannot") })
			rendered := strings.NewReplacer("{{ .System }}", asked.System, "{{ .Prompt }}", asked.Prompt).Replace(realollama.Template)
			answer.Body.Reset()
			_ = json.NewEncoder(answer.Body).Encode(map[string]any{"_debug_info": map[string]any{"rendered_template": rendered}})
		}
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}
