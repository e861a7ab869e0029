// Package simgpu is a simulated Ollama with a simulated 8 GB card: an HTTP
// server that speaks Ollama's API with its statuses and error texts, for where
// there is no GPU. Nothing in it is a real model; its version ends in
// "-simulated", and everything that shows its results says so.
//
// Its answers are made of the prompt, so that a test can tell whether an answer
// belongs to its request. A prompt may steer them:
//
//	[[sim tokens=400]]   the answer has 400 tokens
//	[[sim die]]          the runner dies after three tokens
//	[[sim badjson]]      the answer is no JSON, whatever the schema
//	[[sim reply=…]]      the answer is this text, up to the end of the line
package simgpu

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"signalbox/internal/ollama"
)

// Config of a simulated Ollama and card.
type Config struct {
	Card CardConfig
	// Models that are installed.
	Models []Model
	// Speed is how many times faster than a real card it works; 1 unless given.
	Speed float64
	// MaxLoaded models in memory at once (OLLAMA_MAX_LOADED_MODELS); 1 unless given.
	MaxLoaded int
	// AbortLatency is how long the GPU goes on after a client has gone.
	AbortLatency time.Duration
	// NoRender is that it cannot render a prompt, like Ollama before v0.11.10: it
	// answers instead.
	NoRender bool
}

// CardConfig is the simulated card.
type CardConfig struct {
	Name string
	// TotalBytes, and of them used by others.
	TotalBytes, ReservedBytes int64
	// Nameless is that its driver names no processes, as under WSL2.
	Nameless bool
}

// Model is an installed model.
type Model struct {
	Name   string
	Digest string
	// Bytes that it takes when loaded.
	Bytes int64
	// Load is how long loading takes.
	Load time.Duration
	// PromptRate and TokenRate are in tokens per second.
	PromptRate, TokenRate float64
	// AnswerTokens is the length of an answer that nothing else determines;
	// PageTokens that of what is said of an image, at least.
	AnswerTokens, PageTokens int
	// ContextTokens of the model unless a request says otherwise.
	ContextTokens int
	// Dimensions of an embedding model; 0 for a text model.
	Dimensions int
	// Vision is that it takes images.
	Vision bool
}

// Default is the card and the models of the specification: an RTX 2060 SUPER
// with 8 GB, gemma4:e4b at 4.5 GB and nomic-embed-text at 0.5 GB. The rates
// give answers of about 10 s, within the 5 to 30 s that it names.
func Default() Config {
	return Config{
		Card: CardConfig{Name: "Simulated RTX 2060 SUPER", TotalBytes: 8 << 30, ReservedBytes: 400 << 20},
		Models: []Model{
			{
				Name: "gemma4:e4b", Digest: "51701de0000000000000000000000000000000000000000000000000gemma4e4", Bytes: 4_500_000_000,
				Load: 4 * time.Second, PromptRate: 800, TokenRate: 40, AnswerTokens: 200, ContextTokens: 4096, Vision: true,
			},
			{
				Name: "nomic-embed-text:latest", Digest: "51701de00000000000000000000000000000000000000000000000000nomicet",
				Bytes: 500_000_000, Load: time.Second, PromptRate: 8000, ContextTokens: 2048, Dimensions: 768,
			},
		},
		Speed: 1,
	}
}

// Card is a snapshot of the simulated card.
type Card struct {
	Name                             string
	TotalBytes, UsedBytes, FreeBytes int64
}

// Stats counts what the simulated GPU has done.
type Stats struct {
	// Calls that began, and of them ended with an answer.
	Calls, Answers int64
	// Loads of a model into memory.
	Loads int64
	// Overlaps of two calls on the GPU; the server itself prevents them.
	Overlaps int64
}

// Server is a simulated Ollama. It is an http.Handler.
type Server struct {
	cfg   Config
	mux   *http.ServeMux
	slot  chan struct{} // OLLAMA_NUM_PARALLEL=1, first come first served
	began time.Time

	mu     sync.Mutex
	loaded map[string]*loadedModel
	leaked int64 // bytes that unloaded models have left on the card
	faults Faults

	calls, answers, loads, overlaps, onGPU atomic.Int64

	listener net.Listener
	http     *http.Server
}

// New makes a simulated Ollama. It serves when it is given requests, or started.
func New(cfg Config) *Server {
	if cfg.Speed <= 0 {
		cfg.Speed = 1
	}
	cfg.MaxLoaded = max(1, cfg.MaxLoaded)
	s := &Server{cfg: cfg, slot: make(chan struct{}, 1), loaded: map[string]*loadedModel{}, began: time.Now()}
	s.mux = s.routes()
	return s
}

// Start serves at addr, such as 127.0.0.1:0, and returns the URL.
func (s *Server) Start(addr string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	s.listener, s.http = l, &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(fmt.Sprintf("simulated Ollama: %v", err))
		}
	}()
	return "http://" + l.Addr().String(), nil
}

// Close stops serving and aborts what runs.
func (s *Server) Close() error {
	if s.http == nil {
		return nil
	}
	return s.http.Close()
}

// Card is a snapshot of the card.
func (s *Server) Card() Card {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	c := Card{Name: s.cfg.Card.Name, TotalBytes: s.cfg.Card.TotalBytes, UsedBytes: s.usedBytes()}
	c.FreeBytes = c.TotalBytes - c.UsedBytes
	return c
}

// Stats counts what the simulated GPU has done.
func (s *Server) Stats() Stats {
	return Stats{Calls: s.calls.Load(), Answers: s.answers.Load(), Loads: s.loads.Load(), Overlaps: s.overlaps.Load()}
}

// version marks every answer of /api/version as simulated.
const version = "0.32.15" + ollama.SimulatedVersionSuffix

// work lets simulated time pass, or ends early with ctx.
func (s *Server) work(ctx context.Context, d time.Duration) error {
	if d = time.Duration(float64(d) / s.cfg.Speed); d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
