package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"signalbox/internal/config"
	"signalbox/internal/devserver"
	"signalbox/internal/store"
	"signalbox/starter"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// bench is a Signalbox with a model server that notes when it is called.
type bench struct {
	client client.Client
	*starter.Starter
	docs  *store.Store
	model *modelServer
	ready time.Duration
	stop  func()
}

func start(ctx context.Context) (*bench, error) {
	dir, err := os.MkdirTemp("", "signalbox-bench")
	if err != nil {
		return nil, err
	}
	model, url, err := startModel()
	if err != nil {
		return nil, err
	}
	cfg := config.Simulated()
	cfg.Ollama.Host, cfg.State.Dir = url, dir
	if cfg.Store.URL, err = config.StoreURL(filepath.Join(dir, "store")); err != nil {
		return nil, err
	}
	docs, err := store.Open(ctx, cfg.Store.URL)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	logger := slog.New(slog.DiscardHandler)
	server, err := devserver.Start(ctx, devserver.Options{
		StateDir: filepath.Join(dir, "temporal"), FrontendPort: 0, UIPort: devserver.NoPort, Logger: logger,
		SearchAttributes: contract.SearchAttributes(),
	})
	if err != nil {
		return nil, err
	}
	c, err := client.Dial(client.Options{HostPort: server.Address(), Logger: log.NewStructuredLogger(logger)})
	if err != nil {
		return nil, err
	}
	work, cancel := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	p := &workers.Process{Client: c, Namespace: "default", Config: cfg, Logger: logger, LockDir: dir, LoadedAt: time.Now()}
	go func() { ended <- p.Run(work, workers.AllRoles(), func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		return nil, fmt.Errorf("the workers ended: %w", err)
	}
	b := &bench{client: c, Starter: starter.New(c), docs: docs, model: model, ready: time.Since(began)}
	b.stop = func() {
		cancel()
		<-ended
		c.Close()
		_ = server.Stop()
		_ = os.RemoveAll(dir)
	}
	return b, nil
}

// call is one model call as the model server saw it.
type call struct {
	name       string
	begin, end time.Time
}

// modelServer answers every prompt with {} at once, or after a delay.
type modelServer struct {
	mu    sync.Mutex
	calls []call
	began chan call
	delay map[string]time.Duration // by prefix of the name
}

var nameInPrompt = regexp.MustCompile(`(?:DOC|REQ)-\d+`)

const fields = `"title","documentNumber","revision","documentType","discipline","issueDate","originator","language"`

func startModel() (*modelServer, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	m := &modelServer{began: make(chan call, 100_000), delay: map[string]time.Duration{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"version":"0-simulated"}`) })
	mux.HandleFunc("/api/tags", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"models":[{"name":"gemma4:e4b"},{"name":"nomic-embed-text:latest"}]}`)
	})
	mux.HandleFunc("/api/ps", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"models":[{"name":"gemma4:e4b"}]}`) })
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
	m.mu.Lock()
	delay := time.Duration(0)
	if len(c.name) > 3 {
		delay = m.delay[c.name[:3]]
	}
	m.mu.Unlock()
	m.began <- c
	select {
	case <-r.Context().Done():
	case <-time.After(delay):
		fmt.Fprintf(w, `{"response":%q,"done":true,"done_reason":"stop","prompt_eval_count":100,"eval_count":1}`+"\n", reply())
	}
	c.end = time.Now()
	m.mu.Lock()
	m.calls = append(m.calls, c)
	m.mu.Unlock()
}

// reply is an answer that obeys the schema of suggest.
func reply() string {
	var names []string
	if json.Unmarshal([]byte("["+fields+"]"), &names) != nil {
		return "{}"
	}
	out := map[string]any{}
	for _, n := range names {
		out[n] = map[string]any{"value": "x", "confidence": 0.9, "evidence": ""}
	}
	data, err := json.Marshal(out)
	if err != nil {
		return "{}"
	}
	return string(data)
}

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
