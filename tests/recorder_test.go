package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/simgpu"
)

// recorder is a proxy in front of the model server. It alone says what was on
// the GPU: a counter of our own would prove nothing.
type recorder struct {
	*httptest.Server

	mu       sync.Mutex
	running  map[*call]bool
	calls    []*call
	overlaps int
	changed  chan struct{}
	// stays, if set, picks calls that are not answered until they are aborted.
	// It is asked once for each, with the lock held.
	stays func(c *call) bool
}

// call is one model call as the model server saw it.
type call struct {
	Model string
	// Marker is the document number or request marker in the prompt, or the
	// hash of an image.
	Marker string
	// Done is that the whole answer went by.
	Done bool
	// parts of the answer that went by.
	parts int
}

var marker = regexp.MustCompile(`(?:DOC|REQ)-\d+`)

func record(t *testing.T, target string) *recorder {
	to, err := url.Parse(target)
	require.NoError(t, err)
	r := &recorder{running: map[*call]bool{}, changed: make(chan struct{})}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.FlushInterval = -1
	proxy.ErrorLog = nil
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c := r.begin(req)
		if c == nil {
			proxy.ServeHTTP(w, req)
			return
		}
		// The client's going is the end of the run, even before the model
		// server has noticed it.
		stop := context.AfterFunc(req.Context(), func() { r.end(c, false) })
		seen := &watched{ResponseWriter: w, part: func() { r.part(c) }}
		defer func() {
			stop()
			r.end(c, seen.done)
		}()
		if r.held(c) {
			<-req.Context().Done()
			return
		}
		proxy.ServeHTTP(seen, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// begin notes a model call; anything else is nil.
func (r *recorder) begin(req *http.Request) *call {
	if req.URL.Path != "/api/generate" && req.URL.Path != "/api/chat" && req.URL.Path != "/api/embed" {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	var asked struct {
		Model, Prompt string
		Input         []string
		Images        [][]byte
		Render        bool `json:"_debug_render_only"`
	}
	if json.Unmarshal(body, &asked) != nil || asked.Render || asked.Prompt == "" && len(asked.Input) == 0 {
		return nil
	}
	c := &call{Model: asked.Model, Marker: marker.FindString(asked.Prompt + strings.Join(asked.Input, "\n"))}
	for _, image := range asked.Images {
		c.Marker = "IMAGE-" + simgpu.Hash(string(image))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.running) > 0 {
		r.overlaps++
	}
	r.running[c] = true
	r.calls = append(r.calls, c)
	r.wake()
	return c
}

func (r *recorder) held(c *call) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stays != nil && r.stays(c)
}

func (r *recorder) end(c *call, done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Done = c.Done || done
	delete(r.running, c)
	r.wake()
}

func (r *recorder) part(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.parts++
	r.wake()
}

func (r *recorder) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// await waits until a condition on the calls holds. The condition is asked with
// the lock held, and again whenever a call begins or ends.
func (r *recorder) await(ctx context.Context, t *testing.T, what string, holds func() bool) {
	t.Helper()
	for {
		r.mu.Lock()
		ok, changed := holds(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			require.FailNow(t, "gave up waiting: "+what)
		}
	}
}

// onGPU returns the markers of the calls that run, with a prefix.
func (r *recorder) onGPU(prefix string) []string {
	var list []string
	for c := range r.running {
		if strings.HasPrefix(c.Marker, prefix) {
			list = append(list, c.Marker)
		}
	}
	return list
}

// finished counts the whole answers by marker.
func (r *recorder) finished() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[string]int{}
	for _, c := range r.calls {
		if c.Done {
			n[c.Marker]++
		}
	}
	return n
}

// begun counts the calls, finished or not.
func (r *recorder) begun() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls)
}

// switches counts how often the model changed from one call to the next.
func (r *recorder) switches() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for i := 1; i < len(r.calls); i++ {
		if r.calls[i].Model != r.calls[i-1].Model {
			n++
		}
	}
	return n
}

func (r *recorder) overlapped() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.overlaps
}

// watched looks for the end of an answer in what goes by.
type watched struct {
	http.ResponseWriter
	done bool
	part func()
}

func (w *watched) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(`"done":true`)) || bytes.Contains(p, []byte(`"embeddings":[[`)) {
		w.done = true
	}
	w.part()
	return w.ResponseWriter.Write(p)
}

func (w *watched) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}
