package contract

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
	GPUSecondsLeft int    `json:"gpuSecondsLeft,omitempty"`
	Reason         string `json:"reason,omitempty"`
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
