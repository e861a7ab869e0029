package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// call is one model call as the model server saw it.
type call struct {
	name       string
	begin, end time.Time
}

// modelServer answers every prompt at once, or after a delay.
type modelServer struct {
	mu    sync.Mutex
	calls []call
	began chan call
	delay map[string]time.Duration // by prefix of the name
}

// nameInPrompt finds the name that a benchmark gave a document or a request.
var nameInPrompt = regexp.MustCompile(`(?:DOC|REQ|JOB\d+)-\d+`)

// newModel serves at the URL.
func newModel() (m *modelServer, url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	m = &modelServer{began: make(chan call, 100_000), delay: map[string]time.Duration{}}
	mux := http.NewServeMux()
	for path, says := range map[string]string{
		"/api/version": `{"version":"0-simulated"}`,
		"/api/tags":    `{"models":[{"name":"gemma4:e4b"},{"name":"nomic-embed-text:latest"}]}`,
		"/api/ps":      `{"models":[{"name":"gemma4:e4b"}]}`,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, says) })
	}
	mux.HandleFunc("/api/generate", m.generate)
	go func() { _ = http.Serve(l, mux) }()
	return m, "http://" + l.Addr().String(), nil
}

func (m *modelServer) generate(w http.ResponseWriter, r *http.Request) {
	c := call{begin: time.Now()}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var asked struct{ Prompt string }
	if json.Unmarshal(body, &asked) != nil {
		return
	}
	c.name = nameInPrompt.FindString(asked.Prompt)
	prefix, _, _ := strings.Cut(c.name, "-")
	m.mu.Lock()
	delay := m.delay[prefix]
	m.mu.Unlock()
	select {
	case m.began <- c:
	default: // nobody listens
	}
	select {
	case <-r.Context().Done():
	case <-time.After(delay):
		fmt.Fprintf(w, `{"response":%q,"done":true,"done_reason":"stop","prompt_eval_count":100,"eval_count":1}`+"\n", reply)
	}
	c.end = time.Now()
	m.mu.Lock()
	m.calls = append(m.calls, c)
	m.mu.Unlock()
}

// reply is an answer that obeys the schema of suggest.
var reply = func() string {
	out := map[string]any{}
	for _, field := range []string{"title", "documentNumber", "revision", "documentType", "discipline", "issueDate", "originator", "language"} {
		out[field] = map[string]any{"value": "x", "confidence": 0.9, "evidence": ""}
	}
	data, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	return string(data)
}()

// take returns the calls that have ended, in order, and forgets them.
func (m *modelServer) take() []call {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := m.calls
	m.calls = nil
	return calls
}

func (m *modelServer) slow(prefix string, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delay[prefix] = d
}

// next waits for the next call whose name begins like this.
func (m *modelServer) next(ctx context.Context, prefix string) (call, error) {
	for {
		select {
		case c := <-m.began:
			if strings.HasPrefix(c.name, prefix) {
				return c, nil
			}
		case <-ctx.Done():
			return call{}, ctx.Err()
		}
	}
}
