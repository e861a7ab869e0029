package simgpu

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

func (s *Server) routes() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Ollama is running") })
	m.HandleFunc("HEAD /{$}", func(http.ResponseWriter, *http.Request) {})
	m.HandleFunc("GET /api/version", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]string{"version": version}) })
	m.HandleFunc("GET /api/tags", s.tags)
	m.HandleFunc("GET /api/ps", s.ps)
	m.HandleFunc("POST /api/show", s.show)
	m.HandleFunc("POST /api/generate", s.generate)
	m.HandleFunc("POST /api/chat", s.chat)
	m.HandleFunc("POST /api/embed", s.embed)
	m.HandleFunc("GET /sim/faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Faults()) })
	m.HandleFunc("POST /sim/faults", s.postFaults)
	return m
}

// ServeHTTP answers as Ollama does, or as the fault that is switched on does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := s.Faults()
	control := len(r.URL.Path) > 5 && r.URL.Path[:5] == "/sim/"
	switch {
	case f.Down && !control:
		hangUp(w)
	case f.HTML && !control:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><body>It works!</body></html>")
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

func (s *Server) tags(w http.ResponseWriter, _ *http.Request) {
	list := []map[string]any{}
	for _, m := range s.cfg.Models {
		list = append(list, map[string]any{
			"name": m.Name, "model": m.Name, "size": m.Bytes, "digest": m.Digest,
			"modified_at": s.began, "details": details(m),
		})
	}
	answer(w, map[string]any{"models": list})
}

func (s *Server) ps(w http.ResponseWriter, _ *http.Request) {
	list := []map[string]any{}
	for _, name := range s.names() {
		s.mu.Lock()
		l := s.loaded[name]
		if l != nil {
			list = append(list, map[string]any{
				"name": l.Name, "model": l.Name, "size": l.Bytes, "digest": l.Digest, "details": details(l.Model),
				"expires_at": l.expires, "size_vram": l.cardBytes(), "context_length": l.context,
			})
		}
		s.mu.Unlock()
	}
	answer(w, map[string]any{"models": list})
}

func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	var req struct{ Model, Name string }
	if !read(w, r, &req) {
		return
	}
	if req.Model == "" {
		req.Model = req.Name
	}
	m, ok := s.installed(req.Model)
	if !ok {
		refuse(w, notFound(req.Model))
		return
	}
	capabilities := []string{"completion", "vision"}
	if m.Dimensions > 0 {
		capabilities = []string{"embedding"}
	}
	answer(w, map[string]any{"details": details(m), "capabilities": capabilities, "modified_at": s.began})
}

func details(m Model) map[string]any {
	family := "gemma4"
	if m.Dimensions > 0 {
		family = "nomic-bert"
	}
	return map[string]any{"format": "gguf", "family": family, "families": []string{family}, "quantization_level": "simulated"}
}

func notFound(model string) error {
	return &apiError{http.StatusNotFound, fmt.Sprintf("model '%s' not found", model)}
}

// read reads the request's JSON, or answers as Ollama does when it cannot.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<20)).Decode(v); err != nil {
		refuse(w, &apiError{http.StatusBadRequest, err.Error()})
		return false
	}
	return true
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // the client has gone: nobody to tell
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var api *apiError
	if errors.As(err, &api) {
		status = api.status
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

// keepAlive reads keep_alive: seconds as a number, negative for ever, or a
// duration as a string.
type keepAlive struct{ d *time.Duration }

func (k *keepAlive) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	var d time.Duration
	switch t := v.(type) {
	case nil:
		return nil
	case float64:
		if d = time.Duration(t * float64(time.Second)); t < 0 {
			d = -1
		}
	case string:
		parsed, err := time.ParseDuration(t)
		if err != nil {
			return err
		}
		d = parsed
	default:
		return fmt.Errorf("invalid keep_alive %v", v)
	}
	k.d = &d
	return nil
}

func (k keepAlive) or(d time.Duration) time.Duration {
	if k.d == nil {
		return d
	}
	return *k.d
}
