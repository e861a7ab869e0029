package ollama

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ollama/ollama/api"

	"signalbox/workflows/contract"
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

// listTries and listPause bound the repeating of a list that failed inside the server.
const (
	listTries = 4
	listPause = 10 * time.Millisecond
)

// Loaded lists the models in the server's memory.
func (r *Runtime) Loaded(ctx context.Context) ([]Loaded, error) {
	ps, err := r.client.ListRunning(ctx)
	for try := 1; try < listTries && failedInside(err); try++ {
		// The list races with a model that goes: its handler panics, and the
		// next list is whole (seen on v0.10.1 and v0.17.4).
		time.Sleep(listPause)
		ps, err = r.client.ListRunning(ctx)
	}
	if err != nil {
		return nil, classify(ctx, "", err)
	}
	list := make([]Loaded, 0, len(ps.Models))
	for _, m := range ps.Models {
		list = append(list, Loaded{Name: m.Name, Bytes: m.Size, CardBytes: m.SizeVRAM})
	}
	return list, nil
}

func failedInside(err error) bool {
	var status api.StatusError
	return errors.As(err, &status) && status.StatusCode == http.StatusInternalServerError
}

// Load brings m into memory and returns how long that took. What else is in memory is
// the caller's business; a server that has no room for both lets the other one go.
func (r *Runtime) Load(ctx context.Context, m Model) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Load,
		&limitError{fmt.Sprintf("the model was not loaded within timeouts.load (%s)", r.limits.Load)})
	defer cancel()
	began := time.Now()
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

// Name is a model's whole name: no tag means latest.
func Name(name string) string {
	for i := len(name) - 1; i >= 0 && name[i] != '/'; i-- {
		if name[i] == ':' {
			return name
		}
	}
	return name + ":latest"
}
