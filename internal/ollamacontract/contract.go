// Package ollamacontract is one suite of tests for anything that speaks
// Ollama's API: the simulated Ollama has to pass it, and so has a real one. It
// asserts what real servers of several versions have in common.
package ollamacontract

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Target is a server with two models.
type Target struct {
	URL string
	// Text model and embedding model, as installed.
	Text, Embed string
	// Dimensions of the embedding model.
	Dimensions int
}

// patience bounds every call; each takes a tenth of it or less.
const patience = time.Minute

// Run runs the suite.
func Run(t *testing.T, target Target) {
	c := &suite{Target: target}
	for name, test := range map[string]func(*testing.T){
		"Version": c.version, "Tags": c.tags, "Generate": c.generate, "Stream": c.stream, "Limit": c.limit,
		"Schema": c.schema, "BadFormat": c.badFormat, "Chat": c.chat, "UnknownModel": c.unknownModel,
		"WrongCapability": c.wrongCapability, "Embed": c.embed, "LoadAndUnload": c.loadAndUnload,
		"OneModelAtATime": c.keepAlive, "CancelFreesTheRunner": c.cancel, "FirstComeFirstServed": c.order,
	} {
		t.Run(name, test)
	}
}

type suite struct{ Target }

// post sends JSON and returns the status and the body.
func (c *suite) post(ctx context.Context, t *testing.T, path string, body map[string]any) (int, map[string]any) {
	t.Helper()
	status, raw := c.raw(ctx, t, path, body)
	var out map[string]any
	require.NoError(t, json.Unmarshal(raw, &out), "%s", raw)
	return status, out
}

func (c *suite) raw(ctx context.Context, t *testing.T, path string, body map[string]any) (int, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := c.send(ctx, path, body)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, data
}

func (c *suite) send(ctx context.Context, path string, body map[string]any) (*http.Response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(req)
}

func (c *suite) get(t *testing.T, path string) map[string]any {
	t.Helper()
	var out map[string]any
	for range 2 { // a list of loaded models fails where one is just going
		resp, err := http.Get(c.URL + path)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode == http.StatusOK {
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
			return out
		}
	}
	require.FailNow(t, "it failed twice", path)
	return nil
}

func (c *suite) loaded(t *testing.T) []string {
	var names []string
	for _, m := range c.get(t, "/api/ps")["models"].([]any) {
		names = append(names, m.(map[string]any)["name"].(string))
	}
	return names
}

func ask(model, prompt string, more map[string]any) map[string]any {
	body := map[string]any{"model": model, "prompt": prompt, "stream": false}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func (c *suite) version(t *testing.T) { require.NotEmpty(t, c.get(t, "/api/version")["version"]) }

func (c *suite) tags(t *testing.T) {
	text := fmt.Sprint(c.get(t, "/api/tags")["models"])
	require.Contains(t, text, c.Text)
	require.Contains(t, text, c.Embed)
}

func (c *suite) generate(t *testing.T) {
	status, out := c.post(t.Context(), t, "/api/generate", ask(c.Text, "Say something", nil))
	require.Equal(t, http.StatusOK, status, out)
	require.Equal(t, true, out["done"])
	require.NotEmpty(t, out["response"])
	require.Positive(t, out["eval_count"])
	require.Positive(t, out["prompt_eval_count"])
	require.Positive(t, out["total_duration"])
}

func (c *suite) stream(t *testing.T) {
	resp, err := c.send(t.Context(), "/api/generate", map[string]any{"model": c.Text, "prompt": "Say something", "options": map[string]any{"num_predict": 5}})
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Contains(t, resp.Header.Get("Content-Type"), "ndjson")
	lines, done := 0, false
	for s := bufio.NewScanner(resp.Body); s.Scan(); lines++ {
		require.False(t, done, "nothing comes after done")
		var part map[string]any
		require.NoError(t, json.Unmarshal(s.Bytes(), &part))
		done = part["done"].(bool)
	}
	require.True(t, done)
	require.GreaterOrEqual(t, lines, 2)
}

func (c *suite) limit(t *testing.T) {
	_, out := c.post(t.Context(), t, "/api/generate", ask(c.Text, "Say much", map[string]any{"options": map[string]any{"num_predict": 3}}))
	require.Equal(t, "length", out["done_reason"])
	require.EqualValues(t, 3, out["eval_count"])
}

func (c *suite) schema(t *testing.T) {
	schema := map[string]any{
		"type": "object", "required": []string{"ok", "n"},
		"properties": map[string]any{"ok": map[string]any{"type": "boolean"}, "n": map[string]any{"type": "string", "enum": []string{"a", "b"}}},
	}
	_, out := c.post(t.Context(), t, "/api/generate", ask(c.Text, "Answer", map[string]any{"format": schema}))
	var answer struct {
		OK *bool  `json:"ok"`
		N  string `json:"n"`
	}
	require.NoError(t, json.Unmarshal([]byte(out["response"].(string)), &answer), out["response"])
	require.NotNil(t, answer.OK)
	require.Contains(t, []string{"a", "b"}, answer.N)
}

func (c *suite) badFormat(t *testing.T) {
	status, out := c.post(t.Context(), t, "/api/generate", ask(c.Text, "Answer", map[string]any{"format": "yaml"}))
	require.Equal(t, http.StatusInternalServerError, status)
	require.Contains(t, out["error"], "invalid format")
}

func (c *suite) chat(t *testing.T) {
	_, out := c.post(t.Context(), t, "/api/chat", map[string]any{
		"model": c.Text, "stream": false, "options": map[string]any{"num_predict": 5},
		"messages": []map[string]string{{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}},
	})
	require.Equal(t, true, out["done"])
	require.NotEmpty(t, out["message"].(map[string]any)["content"])
}

func (c *suite) unknownModel(t *testing.T) {
	for _, path := range []string{"/api/generate", "/api/chat", "/api/embed"} {
		status, out := c.post(t.Context(), t, path, map[string]any{
			"model": "nope:1b", "prompt": "x", "input": "x", "messages": []map[string]string{{"role": "user", "content": "x"}},
		})
		require.Equal(t, http.StatusNotFound, status, path)
		require.Contains(t, out["error"], "not found", path)
	}
}

func (c *suite) wrongCapability(t *testing.T) {
	status, out := c.post(t.Context(), t, "/api/generate", ask(c.Embed, "x", nil))
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, out["error"], "does not support generate")
}

func (c *suite) embed(t *testing.T) {
	status, out := c.post(t.Context(), t, "/api/embed", map[string]any{"model": c.Embed, "input": []string{"one", "two", "one"}})
	require.Equal(t, http.StatusOK, status)
	vectors := out["embeddings"].([]any)
	require.Len(t, vectors, 3)
	require.Len(t, vectors[0], c.Dimensions)
	require.Equal(t, vectors[0], vectors[2])
	require.NotEqual(t, vectors[0], vectors[1])
	status, out = c.post(t.Context(), t, "/api/embed", map[string]any{
		"model": c.Embed, "input": strings.Repeat("long text ", 10_000), "truncate": false,
	})
	require.Equal(t, http.StatusBadRequest, status)
	require.Regexp(t, "input length exceeds (the|maximum) context length", out["error"])
	status, out = c.post(t.Context(), t, "/api/embed", map[string]any{"model": c.Embed, "input": []string{}})
	require.Equal(t, http.StatusOK, status, "no input loads the model")
	require.Empty(t, out["embeddings"])
	require.Contains(t, strings.Join(c.loaded(t), " "), c.Embed)
}

func (c *suite) loadAndUnload(t *testing.T) {
	_, out := c.post(t.Context(), t, "/api/generate", map[string]any{"model": c.Text})
	require.Equal(t, "load", out["done_reason"])
	require.Contains(t, c.loaded(t), c.Text)
	status, _ := c.post(t.Context(), t, "/api/generate", map[string]any{"model": c.Text, "keep_alive": 0})
	require.Equal(t, http.StatusOK, status)
	c.gone(t, c.Text)
	status, _ = c.post(t.Context(), t, "/api/generate", map[string]any{"model": c.Text, "keep_alive": 0})
	require.Equal(t, http.StatusOK, status, "unloading what is not loaded is no error")
}

func (c *suite) gone(t *testing.T, model string) {
	t.Helper()
	require.Eventually(t, func() bool { return !strings.Contains(fmt.Sprint(c.loaded(t)), model) },
		patience, 20*time.Millisecond, "unloading is asynchronous, and happens")
}

func (c *suite) keepAlive(t *testing.T) {
	c.post(t.Context(), t, "/api/generate", ask(c.Text, "x", map[string]any{"keep_alive": "50ms", "options": map[string]any{"num_predict": 1}}))
	c.gone(t, c.Text)
	c.post(t.Context(), t, "/api/generate", ask(c.Text, "x", map[string]any{"keep_alive": -1, "options": map[string]any{"num_predict": 1}}))
	for _, m := range c.get(t, "/api/ps")["models"].([]any) {
		entry := m.(map[string]any)
		expires, err := time.Parse(time.RFC3339Nano, entry["expires_at"].(string))
		require.NoError(t, err)
		require.Greater(t, time.Until(expires), 1000*time.Hour, "a negative keep_alive is for ever")
		require.Contains(t, entry, "size_vram")
		require.Contains(t, entry, "size")
	}
	c.post(t.Context(), t, "/api/generate", map[string]any{"model": c.Text, "keep_alive": 0})
	c.gone(t, c.Text)
}

// cancel drops the connection in an answer that would go on for long.
func (c *suite) cancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := c.send(ctx, "/api/generate", map[string]any{
		"model": c.Text, "prompt": "[[sim tokens=100000]] Go on and on", "options": map[string]any{"num_predict": 100_000},
	})
	require.NoError(t, err)
	_, err = bufio.NewReader(resp.Body).ReadString('\n')
	require.NoError(t, err)
	cancel()
	_ = resp.Body.Close()
	status, _ := c.post(t.Context(), t, "/api/generate", ask(c.Text, "x", map[string]any{"options": map[string]any{"num_predict": 1}}))
	require.Equal(t, http.StatusOK, status)
}

// order sends requests one after another and expects the answers in order.
func (c *suite) order(t *testing.T) {
	const n = 4
	ended := make(chan int, n)
	short := map[string]any{"options": map[string]any{"num_predict": 20}}
	c.post(t.Context(), t, "/api/generate", ask(c.Text, "load", short))
	for i := range n {
		began := make(chan struct{})
		go func() {
			resp, err := c.send(t.Context(), "/api/generate", map[string]any{
				"model": c.Text, "prompt": fmt.Sprint("number ", i), "options": short["options"],
			})
			if i == 0 {
				close(began) // the headers come with the first token: it has the runner
			}
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			ended <- i
		}()
		if i == 0 {
			<-began
		}
	}
	first := <-ended
	require.Equal(t, 0, first, "the one that came first")
	for range n - 1 {
		<-ended
	}
}
