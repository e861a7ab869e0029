package simgpu

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// loadedModel is a model in the simulated memory.
type loadedModel struct {
	Model
	options string // the runner options that it was loaded with
	context int
	onCard  bool
	expires time.Time
	users   int
}

// runnerOptions are those whose change makes Ollama load a model again.
var runnerOptions = []string{"num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread"}

// apiError is an error answer of Ollama.
type apiError struct {
	status int
	text   string
}

func (e *apiError) Error() string { return e.text }

func (s *Server) installed(name string) (Model, bool) {
	if !strings.Contains(name, ":") {
		name += ":latest"
	}
	for _, m := range s.cfg.Models {
		if m.Name == name {
			return m, true
		}
	}
	return Model{}, false
}

// use takes the GPU's slot with the model in memory, first come first served.
// release gives it back.
func (s *Server) use(ctx context.Context, m Model, options map[string]any, keep time.Duration) (l *loadedModel, loadTime time.Duration, release func(), err error) {
	select {
	case s.slot <- struct{}{}:
	case <-ctx.Done():
		return nil, 0, nil, ctx.Err()
	}
	began := time.Now()
	l, err = s.load(ctx, m, options)
	if err != nil {
		<-s.slot
		return nil, 0, nil, err
	}
	loadTime = time.Since(began)
	if s.onGPU.Add(1) > 1 {
		s.overlaps.Add(1)
	}
	return l, loadTime, func() {
		s.mu.Lock()
		l.users--
		l.expires = expiry(keep)
		s.expire()
		s.mu.Unlock()
		s.onGPU.Add(-1)
		<-s.slot
	}, nil
}

// load brings the model into memory, and out of it what has no room beside it
// (OLLAMA_MAX_LOADED_MODELS). The caller has the slot.
func (s *Server) load(ctx context.Context, m Model, options map[string]any) (*loadedModel, error) {
	key := optionKey(options)
	s.mu.Lock()
	s.expire()
	if l := s.loaded[m.Name]; l != nil && l.options == key && !s.faults.DeadEntries {
		l.users++
		s.mu.Unlock()
		return l, nil
	}
	s.forget(m.Name)
	for len(s.loaded) >= s.cfg.MaxLoaded {
		s.forget(s.oldest())
	}
	f := s.faults
	onCard := !f.CPU && !f.Lost && !offCard(options)
	free := s.cfg.Card.TotalBytes - s.usedBytes()
	s.mu.Unlock()
	if f.OutOfMemory || (free < m.Bytes && onCard) {
		return nil, &apiError{http.StatusInternalServerError, fmt.Sprintf(
			"model requires more system memory (%.1f GiB) than is available (%.1f GiB)", gib(m.Bytes), gib(free))}
	}
	if err := s.work(ctx, m.Load*time.Duration(max(1, f.SlowLoad))); err != nil {
		return nil, err // a client that goes during the load aborts the load
	}
	l := &loadedModel{Model: m, options: key, context: contextOf(m, options), onCard: onCard, expires: expiry(5 * time.Minute), users: 1}
	s.mu.Lock()
	s.loaded[m.Name], s.faults.DeadEntries = l, false
	s.mu.Unlock()
	s.loads.Add(1)
	return l, nil
}

// offCard reports that a request keeps its model off the card.
func offCard(options map[string]any) bool {
	n, ok := options["num_gpu"].(float64)
	return ok && n == 0
}

// oldest is the loaded model that would expire first. The caller holds mu.
func (s *Server) oldest() string {
	return slices.MinFunc(slices.Collect(maps.Keys(s.loaded)), func(a, b string) int {
		return s.loaded[a].expires.Compare(s.loaded[b].expires)
	})
}

// unload forgets a model, or lets it go when its user is done.
func (s *Server) unload(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.loaded[name]; l != nil && !s.faults.KeepsLoaded {
		l.expires = time.Now()
	}
}

// Restart forgets everything that is in memory, and what has leaked, as a restart of
// Ollama does.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded, s.leaked = map[string]*loadedModel{}, 0
}

// expire forgets models whose keep-alive is over. The caller holds mu.
func (s *Server) expire() {
	now := time.Now()
	for name, l := range s.loaded {
		if l.users == 0 && !l.expires.After(now) {
			s.forget(name)
		}
	}
}

// forget takes a model out of the memory. The caller holds mu.
func (s *Server) forget(name string) {
	if l := s.loaded[name]; l != nil && l.onCard {
		s.leaked += s.faults.LeakBytes
	}
	delete(s.loaded, name)
}

// usedBytes of the card. The caller holds mu.
func (s *Server) usedBytes() int64 {
	return s.cfg.Card.ReservedBytes + s.faults.ForeignBytes + s.ownBytes()
}

// ownBytes of the card are this Ollama's: models, and what they have left there. The
// caller holds mu.
func (s *Server) ownBytes() int64 {
	used := s.leaked
	for _, l := range s.loaded {
		if !s.faults.DeadEntries {
			used += l.cardBytes()
		}
	}
	return used
}

func (l *loadedModel) cardBytes() int64 {
	if l.onCard {
		return l.Bytes
	}
	return 0
}

func expiry(keep time.Duration) time.Time {
	if keep < 0 {
		return time.Now().AddDate(292, 0, 0)
	}
	return time.Now().Add(keep)
}

func optionKey(options map[string]any) string {
	picked := map[string]any{}
	for _, name := range runnerOptions {
		if v, ok := options[name]; ok {
			picked[name] = v
		}
	}
	data, err := json.Marshal(picked)
	if err != nil {
		return ""
	}
	return string(data)
}

func contextOf(m Model, options map[string]any) int {
	if n, ok := options["num_ctx"].(float64); ok && n > 0 {
		return int(n)
	}
	return m.ContextTokens
}

// names of the loaded models, in order.
func (s *Server) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	return slices.Sorted(maps.Keys(s.loaded))
}

func gib(n int64) float64 { return float64(n) / (1 << 30) }
