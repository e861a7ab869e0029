package simgpu

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

type generateRequest struct {
	Model     string          `json:"model"`
	System    string          `json:"system"`
	Prompt    string          `json:"prompt"`
	Stream    *bool           `json:"stream"`
	Images    [][]byte        `json:"images"`
	Format    json.RawMessage `json:"format"`
	Options   map[string]any  `json:"options"`
	KeepAlive keepAlive       `json:"keep_alive"`
	Truncate  *bool           `json:"truncate"`
	Raw       bool            `json:"raw"`
	Render    bool            `json:"_debug_render_only"`
}

type message struct {
	Role    string   `json:"role"`
	Content string   `json:"content"`
	Images  [][]byte `json:"images,omitempty"`
}

type chatRequest struct {
	generateRequest
	Messages []message `json:"messages"`
}

// wrap puts a piece of the answer into the shape of its endpoint.
type wrap func(text string) map[string]any

func (s *Server) generate(w http.ResponseWriter, r *http.Request) {
	var req generateRequest
	if !read(w, r, &req) {
		return
	}
	s.complete(w, r, req, "generate", func(text string) map[string]any { return map[string]any{"response": text} })
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	var req chatRequest
	if !read(w, r, &req) {
		return
	}
	for _, m := range req.Messages {
		if m.Role == "system" {
			req.System = m.Content
		} else {
			req.Prompt, req.Images = m.Content, m.Images
		}
	}
	s.complete(w, r, req.generateRequest, "chat", func(text string) map[string]any {
		return map[string]any{"message": message{Role: "assistant", Content: text}}
	})
}

// complete answers a prompt; an empty one loads or unloads the model.
func (s *Server) complete(w http.ResponseWriter, r *http.Request, req generateRequest, verb string, shape wrap) {
	m, ok := s.installed(req.Model)
	if !ok {
		refuse(w, notFound(req.Model))
		return
	}
	keep := req.KeepAlive.or(5 * time.Minute)
	if req.Prompt == "" && req.KeepAlive.d != nil && keep == 0 {
		go s.unload(m.Name) // asynchronous, as in Ollama: ps may still show it
		answer(w, last(m.Name, shape(""), "unload"))
		return
	}
	if m.Dimensions > 0 {
		refuse(w, &apiError{http.StatusBadRequest, fmt.Sprintf("%q does not support %s", req.Model, verb)})
		return
	}
	began := time.Now()
	l, loadTime, release, err := s.use(r.Context(), m, req.Options, keep)
	if err != nil {
		if r.Context().Err() == nil {
			refuse(w, err)
		}
		return
	}
	defer release()
	if req.Prompt == "" {
		answer(w, last(m.Name, shape(""), "load"))
		return
	}
	if req.Render && !s.cfg.NoRender {
		s.rendered(w, req)
		return
	}
	so := ""
	if req.Raw {
		if req.System != "" {
			refuse(w, &apiError{http.StatusBadRequest, "raw mode does not support template, system, or context"})
			return
		}
		req, so = unrender(req)
	}
	form, err := parseFormat(req.Format)
	if err != nil {
		refuse(w, &apiError{http.StatusInternalServerError, err.Error()})
		return
	}
	if len(req.Images) > 0 && !m.Vision {
		refuse(w, &apiError{http.StatusInternalServerError, "this model is missing data required for image input"})
		return
	}
	promptTokens := tokens(req.System) + tokens(req.Prompt) + imageTokens*len(req.Images) + tokens(so)
	if promptTokens > l.context {
		if req.Truncate != nil && !*req.Truncate {
			refuse(w, &apiError{http.StatusBadRequest, "the input length exceeds the context length"})
			return
		}
		promptTokens = l.context
	}
	s.calls.Add(1)
	faults := s.Faults()
	if strings.Contains(req.Prompt, directiveDie) {
		faults.DieAfter = 3
	}
	a := &run{
		s: s, model: m, w: w, stream: req.Stream == nil || *req.Stream, shape: shape, faults: faults,
		began: began, loadTime: loadTime, promptTokens: promptTokens,
		words: goOn(compose(req, form, m), so), limit: intOption(req.Options, "num_predict"), onCard: l.onCard,
	}
	a.serve(r.Context())
}

func intOption(options map[string]any, name string) int {
	n, ok := options[name].(float64)
	if !ok || n < 0 {
		return 0
	}
	return int(n)
}

func last(model string, shaped map[string]any, reason string) map[string]any {
	shaped["model"], shaped["created_at"] = model, time.Now().UTC()
	shaped["done"], shaped["done_reason"] = true, reason
	return shaped
}

// abort waits for as long as the GPU goes on after its client has gone.
func (s *Server) abort() { _ = s.work(context.Background(), s.cfg.AbortLatency) }
