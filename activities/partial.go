package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
)

// partialWithin bounds the write of what an aborted call has said: somebody waits
// for the GPU's slot meanwhile. A store that is slower loses it.
const partialWithin = 500 * time.Millisecond

// partial reads what an aborted call had said, nil for nothing.
func (g *GPU) partial(ctx context.Context, key string) (*ollama.Partial, error) {
	var p ollama.Partial
	found, err := g.Store.FindJSON(ctx, key, &p)
	if err != nil || !found {
		return nil, storeError(err)
	}
	return &p, nil
}

// keepPartial keeps what a call had said that has made way, so that the next
// attempt goes on from it. The time it took is not thrown away, then.
func (s *session) keepPartial(ctx context.Context, key string) {
	cause := s.grant.Aborted()
	if s.partial == nil || !errors.Is(cause, device.ErrPreempted) && !errors.Is(cause, device.ErrStopping) {
		return
	}
	s.end() // the GPU is free; what follows is not its time
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partialWithin)
	defer cancel()
	if err := s.gpu.Store.WriteJSON(ctx, key, s.partial); err != nil {
		activity.GetLogger(ctx).Warn("what an aborted model call had said is not kept; it begins again", "key", key, "error", err)
		return
	}
	s.kept = s.partialFor
}
