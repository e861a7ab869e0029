package contract

import (
	"strings"
	"time"
)

// Lease is the scheduler's permission for one batch job to keep work on the
// GPU queue.
type Lease struct {
	// Token is the fencing token; it only grows.
	Token int64 `json:"token"`
	// Until is the end of the window or of the quantum. The device enforces it.
	Until time.Time `json:"until"`
}

// Live reports whether the lease permits work at now.
func (l Lease) Live(now time.Time) bool { return l.Token > 0 && now.Before(l.Until) }

// Gate is what the scheduler changes on the device for every token.
// Gates are ordered by (Token, Change); the device ignores an older one.
type Gate struct {
	// Token is the newest token when the gate was made.
	Token int64 `json:"token"`
	// Change numbers the changes under one token.
	Change int64 `json:"change"`
	// RevokedUpTo is the newest token that no longer permits anything.
	RevokedUpTo int64 `json:"revokedUpTo"`
	// Orders of the operators; what is unchanged in them the device keeps.
	Orders Orders `json:"orders,omitzero"`
	// ClosedUntil is the begin of the next window while batch is closed by the calendar:
	// until then nobody but requests wants the card. It is news with every gate, and no
	// change of it.
	ClosedUntil time.Time `json:"closedUntil,omitzero"`
}

// Same reports whether g and o are the same change.
func (g Gate) Same(o Gate) bool { return g.Token == o.Token && g.Change == o.Change }

// Newer reports whether g replaces o.
func (g Gate) Newer(o Gate) bool {
	if g.Token != o.Token {
		return g.Token > o.Token
	}
	return g.Change > o.Change
}

// HealthValue is the GPU's health in one word.
type HealthValue string

// Values of health. Unknown (nothing to measure with) is not unhealthy.
const (
	Healthy       HealthValue = "healthy"
	Unhealthy     HealthValue = "unhealthy"
	HealthUnknown HealthValue = "unknown"
)

// Admits is what the GPU's health lets in.
type Admits string

// What health admits.
const (
	AdmitAll      Admits = "all"
	AdmitRealtime Admits = "realtime"
	AdmitNothing  Admits = "nothing"
)

// Health of the GPU and of the model server on it.
type Health struct {
	Value  HealthValue `json:"value"`
	Admits Admits      `json:"admits"`
	Reason string      `json:"reason,omitempty"`
	// Drained is that an operator wants nothing on the GPU.
	Drained bool `json:"drained,omitempty"`
}

// Class of a run on the GPU.
type Class string

// Classes.
const (
	Realtime Class = "realtime"
	Batch    Class = "batch"
)

// RunInfo describes the run that is on the GPU.
type RunInfo struct {
	Class Class `json:"class"`
	// Job is the workflow id of the request or batch job.
	Job      string    `json:"job"`
	Document string    `json:"document,omitempty"`
	Stage    string    `json:"stage,omitempty"`
	Model    string    `json:"model,omitempty"`
	Since    time.Time `json:"since"`
}

// Memory of the card in bytes, and who measured it.
type Memory struct {
	TotalBytes int64 `json:"totalBytes,omitempty"`
	UsedBytes  int64 `json:"usedBytes,omitempty"`
	FreeBytes  int64 `json:"freeBytes,omitempty"`
	// Source is "measured", "simulated", or "unknown"; then Why says why.
	Source string `json:"source"`
	Why    string `json:"why,omitempty"`
}

// Sources of Memory.
const (
	MemoryMeasured  = "measured"
	MemorySimulated = "simulated"
	MemoryUnknown   = "unknown"
)

// GPUState is the device's whole state: the payload of SignalGPUState and the
// answer of SetGate.
type GPUState struct {
	GPU string `json:"gpu"`
	// Instance names one tenure of one GPU worker; a new claim is a new instance.
	Instance string `json:"instance"`
	Host     string `json:"host"`
	// Seq grows with each change within an instance.
	Seq             int64     `json:"seq"`
	At              time.Time `json:"at"`
	Health          Health    `json:"health"`
	Run             *RunInfo  `json:"run,omitempty"`
	RealtimeWaiting int       `json:"realtimeWaiting"`
	RealtimeRunning int       `json:"realtimeRunning"`
	// Model that is loaded, by the name that Ollama gives it; empty for none, several
	// with ", " between them.
	Model  string `json:"model,omitempty"`
	Card   string `json:"card,omitempty"`
	Memory Memory `json:"memory"`
	// CardState is what else is known of the card.
	CardState Card `json:"cardState,omitzero"`
	// Models that are used or loaded, and what they take of the memory.
	Models []ModelMemory `json:"models,omitempty"`
	// Warnings for a person to look at; nothing is kept from running for them.
	Warnings []string `json:"warnings,omitempty"`
	// Ollama is the model server's address and version, for people.
	Ollama string `json:"ollama,omitempty"`
	// Continuation says whether model calls that make way are gone on with, and why
	// not; empty before the first that could be.
	Continuation string `json:"continuation,omitempty"`
	// Gate as the device has it.
	Gate Gate `json:"gate"`
	// Paces is how long the stages of a document take, learned.
	Paces []StagePace `json:"paces,omitempty"`
	// Overlaps counts GPU runs that overlapped another; it must stay 0.
	Overlaps int64 `json:"overlaps"`
	// Simulated is true for the simulated Ollama and card.
	Simulated bool `json:"simulated,omitempty"`
}

// StagePace is how long a stage of a document takes with a model: the mean of what
// it has had of the GPU, where later runs count for more, of so many runs.
type StagePace struct {
	Stage string `json:"stage"`
	Model string `json:"model"`
	Ms    int64  `json:"ms"`
	Runs  int    `json:"runs"`
}

// RequestRef names one attempt of one realtime request.
type RequestRef struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	Attempt    int    `json:"attempt"`
}

// Supersedes reports whether r is a newer attempt of the same request than o.
func (r RequestRef) Supersedes(o RequestRef) bool { return r.RunID == o.RunID && r.Attempt > o.Attempt }

// Ring tells the device that a realtime request is due.
type Ring struct {
	Request RequestRef `json:"request"`
	// Withdrawn says instead that it no longer waits.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// RingAnswer is what the device says to a ring.
type RingAnswer struct {
	Health Health `json:"health"`
	// Phase is waiting or running.
	Phase string `json:"phase"`
	// Position among the realtime requests that wait, from 1; 0 when running.
	Position int `json:"position"`
	// EtaSeconds until the start, 0 where not known.
	EtaSeconds int `json:"etaSeconds,omitempty"`
	// RunSeconds is how long a request takes on the GPU, 0 where not known.
	RunSeconds int    `json:"runSeconds,omitempty"`
	Instance   string `json:"instance"`
}

// RevisionRun is the input of the activity RunRevision.
type RevisionRun struct {
	Request RequestRef    `json:"request"`
	Input   RevisionInput `json:"input"`
	// Source is what ResolveText found out about Input.Source.
	Source *Prepared `json:"source,omitempty"`
}

// ResolveInput is the input of the activity ResolveText.
type ResolveInput struct {
	ProjectID string `json:"projectId"`
	Source    string `json:"source"`
	Pages     int    `json:"pages"`
}

// JobRef names one execution of one batch job. RunID is that of its first run:
// it stays the same when the job continues as new.
type JobRef struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// StageRun is the input of the activity RunStage: one stage of one document.
type StageRun struct {
	Job       JobRef   `json:"job"`
	ProjectID string   `json:"projectId"`
	Document  Document `json:"document"`
	Prepared  Prepared `json:"prepared,omitzero"`
	Stage     string   `json:"stage"`
	Lease     Lease    `json:"lease"`
	// Preemptions of the document so far.
	Preemptions int          `json:"preemptions,omitempty"`
	Options     BatchOptions `json:"options,omitzero"`
}

// Outcome is how one stage run ended; an error is only for what is broken.
type Outcome string

// Outcomes.
const (
	// OutcomeDone: the stage's output is in the store.
	OutcomeDone Outcome = "done"
	// OutcomePreempted: it made way, with its checkpoint.
	OutcomePreempted Outcome = "preempted"
	// OutcomeBounced: it never touched the GPU.
	OutcomeBounced Outcome = "bounced"
	// OutcomeGPUUnavailable: the GPU cannot serve batch now.
	OutcomeGPUUnavailable Outcome = "gpu-unavailable"
	// OutcomeFailed: it would fail again, so there is no retry.
	OutcomeFailed Outcome = "failed"
)

// StageOutcome is the result of the activity RunStage.
type StageOutcome struct {
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`
	// RetryAfterMs is how long a bounced stage waits before it is queued again.
	RetryAfterMs int64 `json:"retryAfterMs,omitempty"`
	// LeaseOver says that a bounce or preemption is the lease's end.
	LeaseOver bool `json:"leaseOver,omitempty"`
	// Attempt of the activity, from 1; those before it were lost.
	Attempt int `json:"attempt"`
	// CallsDone is how many model calls finished in this run.
	CallsDone int `json:"callsDone,omitempty"`
	// Continued of them went on from what an aborted one had said.
	Continued int `json:"continued,omitempty"`
	// Suspect is that the GPU worked until it was given this document, and then
	// failed.
	Suspect bool `json:"suspect,omitempty"`
	// GPUMs on the GPU; LostMs of them thrown away.
	GPUMs  int64 `json:"gpuMs,omitempty"`
	LostMs int64 `json:"lostMs,omitempty"`
	// Cleanup of the memory after it; nil where it had none.
	Cleanup   *Cleanup `json:"cleanup,omitempty"`
	Simulated bool     `json:"simulated,omitempty"`
}

// maxReason bounds what goes into histories of each document.
const maxReason = 500

// With returns o with an outcome and a reason, which is cut at 500 bytes.
func (o StageOutcome) With(outcome Outcome, reason string) StageOutcome {
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	o.Outcome, o.Reason = outcome, reason
	return o
}

// AwaitInput is the input of the activity AwaitGPU.
type AwaitInput struct {
	Reason string `json:"reason"`
}

// OwnerInput is the input of GPUOwner: a GPU worker's claim.
type OwnerInput struct {
	GPU      string `json:"gpu"`
	Instance string `json:"instance"`
	Host     string `json:"host"`
}

// HostGone is the payload of SignalHostGone.
type HostGone struct {
	Instance string `json:"instance"`
	Reason   string `json:"reason,omitempty"`
}

// MemoHost and MemoInstance are the memo keys under which GPUOwner shows whose claim
// it is: a refused worker says who holds the GPU, and one with the lock of the host
// ends the claim of a dead worker.
const (
	MemoHost     = "host"
	MemoInstance = "instance"
)
