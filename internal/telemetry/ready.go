package telemetry

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Readiness is whether a process does what it is there for: every condition
// that it has is met. The zero value has none and is not ready.
type Readiness struct {
	mu         sync.Mutex
	conditions []condition
}

type condition struct {
	name  string
	check func(context.Context) error
}

// Require adds a condition, or replaces the one of that name. check returns why
// it is not met, nil if it is; it should be quick.
func (r *Readiness) Require(name string, check func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conditions = slices.DeleteFunc(r.conditions, func(c condition) bool { return c.name == name })
	r.conditions = append(r.conditions, condition{name, check})
}

// Check returns whether every condition is met, and a line for each.
func (r *Readiness) Check(ctx context.Context) (ready bool, lines []string) {
	r.mu.Lock()
	conditions := slices.Clone(r.conditions)
	r.mu.Unlock()
	if len(conditions) == 0 {
		return false, []string{"starting"}
	}
	ready = true
	for _, c := range conditions {
		if err := c.check(ctx); err != nil {
			ready = false
			lines = append(lines, fmt.Sprintf("%s: %v", c.name, err))
			continue
		}
		lines = append(lines, c.name+": ready")
	}
	return ready, lines
}
