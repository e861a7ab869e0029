package ollama

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ollama/ollama/api"

	"signalbox/workflows/contract"
)

// Times of unloading; Ollama's own wait for freed memory ends after 5 s.
const (
	unloadDeadline = 10 * time.Second
	unloadPoll     = 50 * time.Millisecond
)

// Loaded is one model in the server's memory.
type Loaded struct {
	Name string `json:"name"`
	// Bytes in all, and of them on the card, as the server counts them.
	Bytes     int64 `json:"bytes"`
	CardBytes int64 `json:"cardBytes"`
}

// String says where it is, for people.
func (l Loaded) String() string {
	where := fmt.Sprintf("%.0f %% of it on the card", 100*float64(l.CardBytes)/float64(max(1, l.Bytes)))
	switch {
	case l.CardBytes == 0:
		where = "on the CPU"
	case l.CardBytes >= l.Bytes:
		where = "all of it on the card"
	}
	return fmt.Sprintf("%s %s, %s", l.Name, contract.GiB(l.Bytes), where)
}

// Loaded lists the models in the server's memory.
func (r *Runtime) Loaded(ctx context.Context) ([]Loaded, error) {
	ps, err := r.client.ListRunning(ctx)
	if err != nil {
		return nil, classify(ctx, "", err)
	}
	list := make([]Loaded, 0, len(ps.Models))
	for _, m := range ps.Models {
		list = append(list, Loaded{Name: m.Name, Bytes: m.Size, CardBytes: m.SizeVRAM})
	}
	return list, nil
}

// Load makes m the one model in memory: others are unloaded first, and that
// they are gone is verified. It returns how long it took; 0 when m was there.
func (r *Runtime) Load(ctx context.Context, m Model) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Load,
		&limitError{fmt.Sprintf("the model was not loaded within timeouts.load (%s)", r.limits.Load)})
	defer cancel()
	began := time.Now()
	there, err := r.makeRoom(ctx, m)
	if err != nil {
		return 0, err
	}
	if there {
		return 0, nil
	}
	if m.Embedding { // which refuses generate
		_, err = r.client.Embed(ctx, &api.EmbedRequest{
			Model: m.Name, Input: []string{}, KeepAlive: m.keepAlive(), Options: m.options(0),
		})
	} else {
		err = r.client.Generate(ctx, &api.GenerateRequest{
			Model: m.Name, KeepAlive: m.keepAlive(), Options: m.options(0),
		}, func(api.GenerateResponse) error { return nil })
	}
	if err != nil {
		err = classify(ctx, m.Name, err)
		var e *Error
		if errors.As(err, &e) && e.Kind == KindUnavailable {
			e.Kind = KindLoad
		}
		return 0, err
	}
	return time.Since(began), nil
}

// makeRoom unloads every other model that is on the card and waits until they
// are gone; a model off the card needs no room. It reports whether m is loaded.
func (r *Runtime) makeRoom(ctx context.Context, m Model) (there bool, err error) {
	keep := m.Name
	deadline := time.Now().Add(unloadDeadline)
	asked := map[string]bool{}
	for {
		loaded, err := r.Loaded(ctx)
		if err != nil {
			return false, err
		}
		there = false
		var others []string
		for _, l := range loaded {
			switch {
			case sameModel(l.Name, keep):
				there = true
			case !m.CPU && !r.isOffCard(l.Name):
				others = append(others, l.Name)
			}
		}
		if len(others) == 0 {
			return there, nil
		}
		if time.Now().After(deadline) {
			return there, &Error{Kind: KindLoad, Model: keep, Err: fmt.Errorf("%v did not leave the memory within %s", others, unloadDeadline)}
		}
		for _, name := range others {
			if !asked[name] {
				asked[name] = true
				if err := r.Unload(ctx, name); err != nil {
					return there, err
				}
			}
		}
		select {
		case <-ctx.Done():
			return there, classify(ctx, keep, ctx.Err())
		case <-time.After(unloadPoll):
		}
	}
}

// Unload asks the server to forget a model; it does so a little later.
func (r *Runtime) Unload(ctx context.Context, name string) error {
	err := r.client.Generate(ctx, &api.GenerateRequest{
		Model: name, KeepAlive: &api.Duration{Duration: 0},
	}, func(api.GenerateResponse) error { return nil })
	return classify(ctx, name, err)
}

// reviveWithin bounds the unloading of a model whose runner hangs.
const reviveWithin = 5 * time.Second

// revive unloads a model that has exceeded a budget: its runner may hang, and the
// next call gets another one. Ollama leaves a runner locked when a client goes in
// the very moment in which a token is on its way (seen on v0.10.1, where the
// stream's reader has gone and its writer holds the runner's only place).
func (r *Runtime) revive(name string, err error) {
	var limit *limitError
	if !errors.As(err, &limit) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), reviveWithin)
	defer cancel()
	_ = r.Unload(ctx, name) // the next call says what is wrong
}

func (r *Runtime) isOffCard(name string) bool {
	for _, off := range r.offCard {
		if sameModel(name, off) {
			return true
		}
	}
	return false
}

// sameModel compares names as Ollama does: no tag means latest.
func sameModel(a, b string) bool { return withTag(a) == withTag(b) }

func withTag(name string) string {
	for i := len(name) - 1; i >= 0 && name[i] != '/'; i-- {
		if name[i] == ':' {
			return name
		}
	}
	return name + ":latest"
}
