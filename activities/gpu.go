package activities

import (
	"context"
	"fmt"
	"time"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
)

// ModelServer is what the GPU activities need of a model server.
type ModelServer interface {
	// Load makes a model the one in memory; it returns how long that took.
	Load(context.Context, ollama.Model) (time.Duration, error)
	// Generate makes one model call.
	Generate(context.Context, ollama.Call) (ollama.Answer, error)
	// Embed makes one call for vectors.
	Embed(context.Context, ollama.EmbedCall) (ollama.Vectors, error)
}

// GPU has the activities of the gpu queue.
type GPU struct {
	Device *device.Device
	Server ModelServer
	Tasks  *tasks.Maker
	Store  *store.Store
}

// errStore is that the document store does not work.
type errStore struct{ err error }

func (e *errStore) Error() string { return fmt.Sprintf("the document store does not work: %v", e.err) }

func (e *errStore) Unwrap() error { return e.err }

// storeError marks an error of the store, nil for none.
func storeError(err error) error {
	if err == nil {
		return nil
	}
	return &errStore{err}
}

// writeTimeout bounds the write of a result after a cancellation: the answer is
// paid for.
const writeTimeout = 10 * time.Second

// keep writes a result even when the activity is cancelled meanwhile.
func (g *GPU) keep(ctx context.Context, key string, v any) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return storeError(g.Store.WriteJSON(ctx, key, v))
}
