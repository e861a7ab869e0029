package workflows

import (
	"sync/atomic"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Listing is whether the server has Signalbox's search attributes. A workflow
// that sets one that is not registered is stuck for ever, so that is asked
// before. The zero value says no.
type Listing struct{ usable atomic.Bool }

// Use says that the search attributes are registered.
func (l *Listing) Use() { l.usable.Store(true) }

// Usable reports whether they are.
func (l *Listing) Usable() bool { return l != nil && l.usable.Load() }

// listed is the listing of one run: the answer is recorded at its start, because
// a replay may be on a worker that knows better.
type listed bool

func (l *Listing) start(ctx workflow.Context) (listed, error) {
	var usable bool
	err := workflow.SideEffect(ctx, func(workflow.Context) any { return l.Usable() }).Get(&usable)
	return listed(usable), err
}

// set sets search attributes where the server has them. That it fails is no
// reason to fail the work.
func (l listed) set(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) {
	if !l || len(updates) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("the search attributes were not set", "error", err)
	}
}

// text is an update of a keyword, none for an empty one.
func text(key temporal.SearchAttributeKeyKeyword, value string) []temporal.SearchAttributeUpdate {
	if value == "" {
		return nil
	}
	return []temporal.SearchAttributeUpdate{key.ValueSet(value)}
}
