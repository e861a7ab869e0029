package contract

import (
	"strings"
	"time"
)

// Progress is the answer of the query "progress", the same on every workflow.
type Progress struct {
	// Phase is one word: waiting, running, held, paused, gpu-unavailable, done,
	// failed or cancelled.
	Phase  string `json:"phase"`
	Done   int    `json:"done"`
	Failed int    `json:"failed"`
	Total  int    `json:"total"`
	// Position in the waiting line; 0 when running or not known.
	Position int `json:"position,omitempty"`
	// EtaSeconds until the start or the end, where known.
	EtaSeconds int `json:"etaSeconds,omitempty"`
	// GPUSecondsLeft is how much of the GPU's time a job still needs, by what its
	// stages have taken so far; when it gets it is the scheduler's business.
	GPUSecondsLeft int `json:"gpuSecondsLeft,omitempty"`
	Times
	Reason string `json:"reason,omitempty"`
}

// Times are when something is expected to start and to end, by how long runs have
// taken so far, the batch windows and the operators' orders; requests in between
// make a job later. Zero where it is not known, and StartsAt of what has begun.
type Times struct {
	StartsAt time.Time `json:"startsAt,omitzero"`
	EndsAt   time.Time `json:"endsAt,omitzero"`
}

// Describe says of times when something will start and end, as clock writes a time:
// "starts about …, ends about …"; empty where neither is known.
func (t Times) Describe(clock func(time.Time) string) string {
	var parts []string
	if !t.StartsAt.IsZero() {
		parts = append(parts, "starts about "+clock(t.StartsAt))
	}
	if !t.EndsAt.IsZero() {
		parts = append(parts, "ends about "+clock(t.EndsAt))
	}
	return strings.Join(parts, ", ")
}

// Phases of Progress.
const (
	PhaseWaiting        = "waiting"
	PhaseRunning        = "running"
	PhaseHeld           = "held"
	PhasePaused         = "paused"
	PhaseGPUUnavailable = "gpu-unavailable"
	PhaseDone           = "done"
	PhaseFailed         = "failed"
	PhaseCancelled      = "cancelled"
)
