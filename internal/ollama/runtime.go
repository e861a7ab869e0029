package ollama

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/ollama/ollama/api"
)

// Limits of one model call. Each is a budget of its own, so that a cold load
// does not eat the generation's time.
type Limits struct {
	// Load until the model is in memory.
	Load time.Duration
	// Prompt until the first token.
	Prompt time.Duration
	// Generate from the first token to the last.
	Generate time.Duration
	// Stall is the longest pause between two tokens.
	Stall time.Duration
}

// Model is a model with the options that every call sends.
type Model struct {
	Name string
	// ContextTokens is the context window (num_ctx).
	ContextTokens int
	Temperature   float64
	// KeepAlive is how long it stays loaded after a call.
	KeepAlive time.Duration
	// Embedding is that it makes vectors and no text.
	Embedding bool
	// CPU keeps it off the card: it neither needs room there nor makes any.
	CPU bool
}

// Runtime is the client of one model server.
type Runtime struct {
	client *api.Client
	http   *http.Client
	base   *url.URL
	host   string
	limits Limits
	goesOn ability
}

// New makes the client of the model server at host, an http or https URL.
func New(host string, limits Limits) (*Runtime, error) {
	base, err := url.Parse(host)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("ollama host %q is no URL such as http://127.0.0.1:11434", host)
	}
	// No overall timeout: each call has its own budgets. Dialling has one, so
	// that a host that swallows packets is known to be gone.
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     30 * time.Second,
	}
	plain := &http.Client{Transport: transport}
	return &Runtime{
		client: api.NewClient(base, plain), http: plain, base: base, host: host, limits: limits,
	}, nil
}

// WithoutContinuation has aborted calls begin again.
func (r *Runtime) WithoutContinuation() *Runtime {
	r.goesOn.off = true
	return r
}

// Host is the model server's URL.
func (r *Runtime) Host() string { return r.host }

// options are what every call for m sends.
func (m Model) options(maxTokens int) map[string]any {
	o := map[string]any{"num_ctx": m.ContextTokens}
	if !m.Embedding {
		o["temperature"] = m.Temperature
	}
	if m.CPU {
		o["num_gpu"] = 0
	}
	if maxTokens > 0 {
		o["num_predict"] = maxTokens
	}
	return o
}

func (m Model) keepAlive() *api.Duration { return &api.Duration{Duration: m.KeepAlive} }
