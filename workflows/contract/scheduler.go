package contract

import (
	"time"

	"signalbox/internal/calendar"
)

// SchedulerConfig is what the scheduler role's file says about scheduling.
type SchedulerConfig struct {
	GPU      string        `json:"gpu"`
	Calendar calendar.Spec `json:"calendar"`
	// QuantumMs is how long one job keeps the GPU while others wait.
	QuantumMs int64 `json:"quantumMs"`
	// ReopenAfterMs is the wait after the last realtime request.
	ReopenAfterMs int64 `json:"reopenAfterMs"`
	// Peak is what batch does outside the windows, one of PeakModes; PeakIdleMs is
	// how long nobody must have asked before it fills them.
	Peak       string `json:"peak,omitempty"`
	PeakIdleMs int64  `json:"peakIdleMs,omitempty"`
	// LongestWaitMs is how long a job may be in line while batch is open; then it
	// goes first whatever its priority.
	LongestWaitMs int64 `json:"longestWaitMs,omitempty"`
	// StoreURL is shown so that a client on the same host finds the store.
	StoreURL string `json:"storeUrl,omitempty"`
	// Host, LoadedAt and Hash say whose file this is.
	Host     string    `json:"host"`
	LoadedAt time.Time `json:"loadedAt"`
	Hash     string    `json:"hash"`
	// Simulated: the window is open at any hour.
	Simulated bool `json:"simulated,omitempty"`
}

// Peak modes: what batch does outside the windows.
const (
	// PeakClosed: it does not run. The specified default.
	PeakClosed = "closed"
	// PeakFill: it runs when nobody has asked for anything for a while.
	PeakFill = "fill-when-idle"
	// PeakOpen: it runs at any hour.
	PeakOpen = "open"
)

// PeakModes lists them.
func PeakModes() []string { return []string{PeakClosed, PeakFill, PeakOpen} }

// Directive goes to a batch job: open with a lease, or hold with a reason.
type Directive struct {
	Open   bool   `json:"open"`
	Lease  Lease  `json:"lease,omitzero"`
	Reason string `json:"reason,omitempty"`
	// Until is when a hold is expected to end, where known.
	Until time.Time `json:"until,omitzero"`
	// Seq orders the directives of one scheduler.
	Seq int64 `json:"seq"`
	// Position in line and Times, as expected when the directive was sent.
	Position int `json:"position,omitempty"`
	Times
}

// Registration goes from a batch job to the scheduler.
type Registration struct {
	Job      JobRef `json:"job"`
	Priority int    `json:"priority"`
	// Left is how many stages are left; at most two let the next job in.
	Left StagesLeft `json:"left"`
	// Next is the stage that the job goes on with, empty where that is not known:
	// of jobs that came together the one that needs the loaded model goes first.
	Next string `json:"next,omitempty"`
	// Over is the token of the lease that the job found over, 0 for none.
	Over int64 `json:"over,omitempty"`
	// Paused is the operator's pause of this job, where there is one: it wants no
	// lease until it registers again.
	Paused Order `json:"paused,omitzero"`
}

// StagesLeft is how many runs of each stage are left of a job, in the order of
// Stages: a list, because the scheduler carries one for each of 2,000 jobs.
type StagesLeft [3]int

// Sum of all stages.
func (l StagesLeft) Sum() int { return l[0] + l[1] + l[2] }

// JobEnded is a batch job's last signal.
type JobEnded struct {
	Job JobRef `json:"job"`
}

// SchedulerStatus is the answer of the query "status".
type SchedulerStatus struct {
	// Open says whether batch may run; Reason why not.
	Open   bool   `json:"open"`
	Reason string `json:"reason,omitempty"`
	// Until is when that is expected to change, where known.
	Until time.Time `json:"until,omitzero"`
	// TimeZone and Window describe the calendar.
	TimeZone   string    `json:"timeZone"`
	WindowOpen bool      `json:"windowOpen"`
	NextChange time.Time `json:"nextChange,omitzero"`
	// Orders of the operators, those that have ended among them.
	Orders    Orders          `json:"orders,omitzero"`
	GPU       *GPUState       `json:"gpu,omitempty"`
	HostGone  bool            `json:"hostGone,omitempty"`
	Jobs      []JobStatus     `json:"jobs"`
	Waiting   int             `json:"waiting"`
	Config    SchedulerConfig `json:"config"`
	LastToken int64           `json:"lastToken"`
}

// JobStatus is one batch job as the scheduler sees it.
type JobStatus struct {
	ID       string `json:"id"`
	Priority int    `json:"priority"`
	// State is running (has a lease), held (has one, and is on hold), waiting or
	// paused (by an operator, this job alone).
	State    string    `json:"state"`
	Position int       `json:"position,omitempty"`
	Lease    *Lease    `json:"lease,omitempty"`
	Since    time.Time `json:"since"`
	Times
	// Reason in one sentence, empty for a job that runs.
	Reason string `json:"reason,omitempty"`
}

// States of JobStatus.
const (
	JobRunning = "running"
	JobHeld    = "held"
	JobWaiting = "waiting"
	JobPaused  = "paused"
)

// MaxListedJobs bounds the jobs that the status lists.
const MaxListedJobs = 50

// ReconcileResult is what Reconcile found out of step.
type ReconcileResult struct {
	// Missing are jobs that run and are not registered.
	Missing []JobRef `json:"missing,omitempty"`
	// Ended are registered jobs that have ended.
	Ended []JobRef `json:"ended,omitempty"`
	// Owner is the instance that holds the claim on the GPU, empty for none.
	Owner string `json:"owner,omitempty"`
	// OwnerKnown is false when Temporal could not say.
	OwnerKnown bool `json:"ownerKnown"`
}
