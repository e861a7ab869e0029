package job

import (
	"iter"
	"math"
	"slices"
	"time"

	"signalbox/workflows/contract"
)

// Numbers of the protocol.
const (
	// Outstanding is how many GPU activities a job keeps: one that runs and
	// one that is queued, so that the GPU never waits for a workflow task.
	Outstanding = 2
	// MaxAttempts is how many attempts of a document may be lost to crashes
	// of the GPU worker.
	MaxAttempts = 5
	// PreemptedFirst is how many preemptions put a document before all others.
	PreemptedFirst = 3
	// MaxFaults is how often the GPU may work until it is given one document,
	// and fail with it. After each time another document goes first, so that
	// one that brings the model server down ends instead of stopping the job,
	// and an outage, in which nothing works in between, ends none.
	MaxFaults = 3
	// FinishingLeft is how many stages are left when a job says so.
	FinishingLeft = 2
	// RegisterRetry is how often a job registers while the scheduler is missing.
	RegisterRetry = 10 * time.Second
	// BounceWait is the least wait after a bounce without a time.
	BounceWait = time.Second
)

// State is everything that a job knows. It is carried across continue-as-new
// as JSON, with nothing outstanding.
type State struct {
	Stages   []string `json:"stages"`
	Priority int      `json:"priority"`
	// Total is the number of documents; 0 until the first chunk is prepared.
	Total int `json:"total"`

	Counts Counts `json:"counts"`

	// Chunk is being worked on and begins with document From; Ahead is the
	// next one, prepared, and begun while the last of Chunk are running.
	From  int    `json:"from"`
	Chunk []*Doc `json:"chunk,omitempty"`
	Ahead []*Doc `json:"ahead,omitempty"`

	// NotBefore holds each stage back after a bounce: what the device said to
	// one document it would say to the next. Under a hold nothing is queued
	// before the open anyway.
	NotBefore []time.Time `json:"notBefore"`
	// Failures are the first documents that failed, of those that are recorded.
	Failures []contract.ReportLine `json:"failures,omitempty"`

	// Pause is an operator's, of this job alone.
	Pause contract.Order `json:"pause,omitzero"`
	// RequeueDue asks for what has failed to be worked on again; Scan is the
	// search for it that is under way.
	RequeueDue bool  `json:"requeueDue,omitempty"`
	Scan       *Scan `json:"scan,omitempty"`

	Lease contract.Lease `json:"lease"`
	// Hold is the scheduler's reason, empty when open.
	Hold      string    `json:"hold,omitempty"`
	HoldUntil time.Time `json:"holdUntil,omitzero"`
	// Position in line and Times are the scheduler's word, when it last spoke.
	Position int            `json:"position,omitempty"`
	Times    contract.Times `json:"times,omitzero"`

	// RegisterDue asks for a registration; RegisterAt is not before when.
	RegisterDue bool      `json:"registerDue"`
	RegisterAt  time.Time `json:"registerAt,omitzero"`
	// RegisteredOver is the token that was last registered as over.
	RegisteredOver int64 `json:"registeredOver,omitempty"`
	SaidFinishing  bool  `json:"saidFinishing,omitempty"`

	// Awaiting is that the GPU cannot serve batch; AwaitReason says why.
	Awaiting    bool   `json:"awaiting,omitempty"`
	AwaitReason string `json:"awaitReason,omitempty"`

	Cancelled bool `json:"cancelled,omitempty"`

	// registering is that a registration is on its way.
	registering bool
	preparing   bool
	recording   bool
}

// Counts of a job, carried to its result.
type Counts struct {
	Done        int `json:"done"`
	Failed      int `json:"failed"`
	Cancelled   int `json:"cancelled"`
	Duplicates  int `json:"duplicates"`
	Preemptions int `json:"preemptions"`
	Bounces     int `json:"bounces"`
	// OftenPreempted documents have gone first.
	OftenPreempted int   `json:"oftenPreempted,omitempty"`
	Continued      int   `json:"continued,omitempty"`
	GPUMs          int64 `json:"gpuMs"`
	LostGPUMs      int64 `json:"lostGpuMs"`
	// Stages that were done on the GPU.
	Stages    int  `json:"stages"`
	Simulated bool `json:"simulated,omitempty"`
}

// Doc is one document of the chunk.
type Doc struct {
	contract.Document
	contract.Prepared
	// Index of the document in the job's list.
	Index int `json:"index"`
	// Requeued is that the document had failed, and is recorded as that.
	Requeued bool `json:"requeued,omitempty"`

	State contract.DocumentState `json:"state"`
	// Stage is the index of the next stage to run.
	Stage  int    `json:"stage"`
	Reason string `json:"reason,omitempty"`

	Duplicate   bool `json:"duplicate,omitempty"`
	Preemptions int  `json:"preemptions,omitempty"`
	// Lost attempts since a model call last finished.
	Lost int `json:"lost,omitempty"`
	// Faults of the GPU that this document is suspect of.
	Faults int `json:"faults,omitempty"`
	// Behind is that another document goes first, after such a fault.
	Behind bool `json:"behind,omitempty"`
	// Again is that the document was begun and goes before fresh ones.
	Again bool `json:"again,omitempty"`

	outstanding bool
}

// New is the state of a job that begins.
func New(stages []string, priority int) *State {
	return &State{Stages: stages, Priority: priority, RegisterDue: true, NotBefore: make([]time.Time, len(stages))}
}

// InHand yields the documents of the chunk and of the one ahead.
func (s *State) InHand() iter.Seq[*Doc] {
	return func(yield func(*Doc) bool) {
		for _, docs := range [][]*Doc{s.Chunk, s.Ahead} {
			for _, d := range docs {
				if !yield(d) {
					return
				}
			}
		}
	}
}

// OnQueue counts the stage runs that are on the GPU or queued for it.
func (s *State) OnQueue() int {
	n := 0
	for d := range s.InHand() {
		if d.outstanding {
			n++
		}
	}
	return n
}

// Idle reports that nothing is outstanding: the job may continue as new.
func (s *State) Idle() bool {
	return s.OnQueue() == 0 && !s.Awaiting && !s.preparing && !s.recording
}

// over reports that everything is recorded, and nothing is to be done again.
func (s *State) over() bool {
	return s.Total > 0 && s.From >= s.Total && len(s.Chunk) == 0 && !s.preparing && !s.RequeueDue && s.Scan == nil
}

// Left is how many stage runs are left in the whole job, once Total is known.
func (s *State) Left() contract.StagesLeft {
	var left contract.StagesLeft
	fresh := s.Total - s.prepared()
	known := contract.Stages()
	for at, stage := range s.Stages {
		n := fresh
		for d := range s.InHand() {
			if d.State == contract.DocPending && d.Stage <= at {
				n++
			}
		}
		left[max(slices.Index(known, stage), 0)] += n
	}
	return left
}

// Progress of the job for the query of that name.
func (s *State) Progress() contract.Progress {
	p := contract.Progress{
		Phase: contract.PhaseRunning, Done: s.Counts.Done, Failed: s.Counts.Failed, Total: s.Total,
	}
	for d := range s.InHand() {
		switch d.State {
		case contract.DocDone:
			p.Done++
		case contract.DocFailed:
			p.Failed++
		case contract.DocPending, contract.DocCancelled:
		}
	}
	switch {
	case s.Cancelled:
		p.Phase = contract.PhaseCancelled
		if s.OnQueue() > 0 {
			p.Reason = "what is running makes way"
		}
	case s.over():
		p.Phase = contract.PhaseDone
	case s.paused():
		p.Phase, p.Reason = contract.PhasePaused, s.Pause.Describe("paused")
	case s.Awaiting:
		p.Phase, p.Reason = contract.PhaseGPUUnavailable, s.AwaitReason
	case s.Hold != "":
		p.Phase, p.Reason = contract.PhaseHeld, s.Hold
		if !s.HoldUntil.IsZero() {
			p.Reason += ", until " + s.HoldUntil.UTC().Format(time.RFC3339)
		}
	case s.Lease.Token == 0 && s.OnQueue() == 0:
		p.Phase, p.Reason = contract.PhaseWaiting, "waiting for its turn"
	}
	switch p.Phase {
	case contract.PhaseDone, contract.PhaseCancelled:
	case contract.PhasePaused, contract.PhaseGPUUnavailable: // the scheduler's word is old
		p.GPUSecondsLeft = s.gpuLeft()
	default:
		p.GPUSecondsLeft, p.Position, p.Times = s.gpuLeft(), s.Position, s.Times
	}
	return p
}

// gpuLeft is how many seconds of the GPU the job still needs, by what its stages
// have taken so far; 0 where none was done yet.
func (s *State) gpuLeft() int {
	if s.Counts.Stages == 0 || s.Total == 0 {
		return 0
	}
	mean := float64(s.Counts.GPUMs-s.Counts.LostGPUMs) / float64(s.Counts.Stages) / 1000
	return int(math.Ceil(mean * float64(s.Left().Sum())))
}
