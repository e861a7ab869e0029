package activities

import (
	"context"
	"fmt"
	"time"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/internal/telemetry"
	"signalbox/workflows/contract"
)

// ModelServer is what the GPU activities need of a model server.
type ModelServer interface {
	// Generate makes one model call.
	Generate(context.Context, ollama.Call) (ollama.Answer, error)
	// Embed makes one call for vectors.
	Embed(context.Context, ollama.EmbedCall) (ollama.Vectors, error)
}

// GPU has the activities of the gpu queue.
type GPU struct {
	Device *device.Device
	Server ModelServer
	// Memory of the card.
	Memory *device.Keeper
	Tasks  *tasks.Maker
	Store  *store.Store
	// StoreID of Store.
	StoreID string
	// Metrics of the runs; nil for none.
	Metrics *telemetry.GPU
}

// shared reports an error when a document was looked at in another store than
// this one: its results would be written where nobody reads them.
func (g *GPU) shared(found contract.Prepared) error {
	if found.Store == "" || found.Store == g.StoreID {
		return nil
	}
	return &errStore{text: fmt.Sprintf(
		"the ai role uses document store %s and the gpu role %s; let store.url name the same one on both", found.Store, g.StoreID)}
}

// errStore is that the document store cannot be worked with.
type errStore struct {
	text string
	err  error
}

func (e *errStore) Error() string { return e.text }

func (e *errStore) Unwrap() error { return e.err }

// storeError marks an error of the store, nil for none.
func storeError(err error) error {
	if err == nil {
		return nil
	}
	return &errStore{"the document store does not work: " + err.Error(), err}
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
