package simgpu

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"
)

type embedRequest struct {
	Model     string          `json:"model"`
	Input     json.RawMessage `json:"input"`
	Options   map[string]any  `json:"options"`
	KeepAlive keepAlive       `json:"keep_alive"`
	Truncate  *bool           `json:"truncate"`
}

func (s *Server) embed(w http.ResponseWriter, r *http.Request) {
	var req embedRequest
	if !read(w, r, &req) {
		return
	}
	m, ok := s.installed(req.Model)
	if !ok {
		refuse(w, &apiError{http.StatusNotFound, fmt.Sprintf("model %q not found, try pulling it first", req.Model)})
		return
	}
	var texts []string
	if json.Unmarshal(req.Input, &texts) != nil {
		var one string
		if json.Unmarshal(req.Input, &one) != nil {
			refuse(w, &apiError{http.StatusBadRequest, "invalid input type"})
			return
		}
		texts = []string{one}
	}
	began := time.Now()
	l, loadTime, release, err := s.use(r.Context(), m, req.Options, req.KeepAlive.or(5*time.Minute))
	if err != nil {
		if r.Context().Err() == nil {
			refuse(w, err)
		}
		return
	}
	defer release()
	s.calls.Add(1)
	vectors, count := [][]float32{}, 0
	for _, text := range texts {
		n := tokens(text)
		if n > l.context && req.Truncate != nil && !*req.Truncate {
			refuse(w, &apiError{http.StatusBadRequest, "the input length exceeds the context length"})
			return
		}
		if s.work(r.Context(), seconds(float64(n)/m.PromptRate)) != nil {
			s.abort()
			return
		}
		count += n
		vectors = append(vectors, vector(text, max(m.Dimensions, 64)))
	}
	s.answers.Add(1)
	answer(w, map[string]any{
		"model": m.Name, "embeddings": vectors, "total_duration": time.Since(began),
		"load_duration": loadTime, "prompt_eval_count": count,
	})
}

// vector is a unit vector that depends on the text alone.
func vector(text string, dimensions int) []float32 {
	v := make([]float32, dimensions)
	sum := 0.0
	for i := range v {
		h := sha256.Sum256(fmt.Appendf(nil, "%d:%s", i, text))
		x := float64(binary.LittleEndian.Uint32(h[:]))/math.MaxUint32 - 0.5
		v[i] = float32(x)
		sum += x * x
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}
