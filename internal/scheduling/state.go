package scheduling

import (
	"time"

	"signalbox/workflows/contract"
)

// Times of the protocol.
const (
	// GateWait is how long a new scheduler waits for the device's answer to
	// its first gate before it opens without it.
	GateWait = 30 * time.Second
	// RenewAhead is how long before its end a lease is renewed when nobody
	// else waits.
	RenewAhead = 10 * time.Second
	// AheadLeft is how many stages a job has left when the next one may get a
	// lease beside it.
	AheadLeft = 2
	// MaxHolders is how many jobs hold a lease at most.
	MaxHolders = 2
	// MaxJobs is how many jobs are registered at most: what the scheduler carries
	// has to stay below Temporal's 2 MB. Those beyond it are asked to register
	// when there is room.
	MaxJobs = 3000
	// MaxAsked is how many jobs are asked to register at a time: a workflow may
	// have 2,000 signals on their way.
	MaxAsked = 500
)

// Params are the tunables of one scheduler.
type Params struct {
	// Quantum is the longest lease.
	Quantum time.Duration `json:"quantum"`
	// ReopenAfter is the wait after the last realtime request.
	ReopenAfter time.Duration `json:"reopenAfter"`
	// Peak is what batch does outside the windows (contract.PeakModes); empty is
	// closed. PeakIdle is how long nobody must have asked before it fills them.
	Peak     string        `json:"peak,omitempty"`
	PeakIdle time.Duration `json:"peakIdle,omitempty"`
	// LongestWait is how long a job may be in line while batch is open, until it
	// goes first whatever its priority; 0 for no such limit.
	LongestWait time.Duration `json:"longestWait,omitempty"`
}

// Window is the calendar's word for now.
type Window struct {
	Open bool `json:"open"`
	// NextChange is zero where there is none.
	NextChange time.Time `json:"nextChange,omitzero"`
}

// State is everything that a scheduler knows. It is carried across
// continue-as-new as JSON.
type State struct {
	Params    Params    `json:"params"`
	StartedAt time.Time `json:"startedAt"`
	LastToken int64     `json:"lastToken"`
	Window    Window    `json:"window"`

	Device *contract.GPUState `json:"device,omitempty"`
	// DeviceSeen is when the device last reported.
	DeviceSeen time.Time `json:"deviceSeen,omitzero"`
	// Gone is the instance whose claim has ended, until another one reports.
	Gone string `json:"gone,omitempty"`
	// RealtimeEnded is when the last realtime request was seen to end.
	RealtimeEnded time.Time `json:"realtimeEnded,omitzero"`

	Gate contract.Gate `json:"gate"`
	// GateInstance is the instance that has answered Gate.
	GateInstance string `json:"gateInstance,omitempty"`
	// GateTold is the instance that the gate is on its way to.
	GateTold  string `json:"gateTold,omitempty"`
	GateAsked bool   `json:"gateAsked,omitempty"`

	// LeasedUntil is the latest end of a lease that was granted and not revoked: a job
	// that has given its lease up, or ended, may have a run under it on the GPU.
	LeasedUntil time.Time `json:"leasedUntil,omitzero"`

	// Paces is how long stages take, learned by the device.
	Paces map[string]contract.StagePace `json:"paces,omitempty"`

	// OpenFor is how long batch has been open, up to Decided.
	OpenFor time.Duration `json:"openFor,omitempty"`
	Decided time.Time     `json:"decided,omitzero"`
	WasOpen bool          `json:"wasOpen,omitempty"`

	Jobs         []*Job `json:"jobs,omitempty"`
	Arrivals     int64  `json:"arrivals"`
	DirectiveSeq int64  `json:"directiveSeq"`
}

// Job is one registered batch job.
type Job struct {
	Ref      contract.JobRef `json:"ref"`
	Priority int             `json:"priority"`
	// Arrival orders jobs of one priority; it is renewed when a quantum ends.
	Arrival int64     `json:"arrival"`
	Since   time.Time `json:"since"`
	// Left is how many stages are left, as it was told at LeftSince.
	Left      contract.StagesLeft `json:"left"`
	LeftSince time.Duration       `json:"leftSince,omitempty"` // of OpenFor
	// Next is the stage that it goes on with, as it said last; Joined is the minute in
	// which it joined the line, in Unix time.
	Next   string `json:"next,omitempty"`
	Joined int64  `json:"joined,omitempty"`
	// InLine is since when the job waits, of OpenFor.
	InLine time.Duration `json:"inLine,omitempty"`

	Lease *contract.Lease `json:"lease,omitempty"`
	// Held is that the job was told to hold under its present lease.
	Held bool `json:"held,omitempty"`
	// Answer is that the job has registered and awaits the present truth.
	Answer bool `json:"answer,omitempty"`
	// Told is the cause of the last hold.
	Told Cause `json:"told,omitempty"`
	// Paused is the operator's pause of this job alone. The job ends it, by
	// registering without one.
	Paused contract.Order `json:"paused,omitzero"`
}

// New is the state of a scheduler that begins at now. Its first gate revokes
// every older token: it does not know which of them still work.
func New(now time.Time, p Params) *State {
	base := now.UnixMilli()
	return &State{
		Params: p, StartedAt: now, LastToken: base,
		Gate: contract.Gate{Token: base, Change: 1, RevokedUpTo: base},
	}
}

func (s *State) nextToken(now time.Time) int64 {
	s.LastToken = max(s.LastToken+1, now.UnixMilli())
	return s.LastToken
}

func (s *State) find(id string) *Job {
	for _, j := range s.Jobs {
		if j.Ref.WorkflowID == id {
			return j
		}
	}
	return nil
}

// ids of the jobs that are registered.
func (s *State) ids() map[string]bool {
	known := make(map[string]bool, len(s.Jobs))
	for _, j := range s.Jobs {
		known[j.Ref.WorkflowID] = true
	}
	return known
}

func (s *State) remove(id string) {
	for i, j := range s.Jobs {
		if j.Ref.WorkflowID == id {
			s.Jobs = append(s.Jobs[:i], s.Jobs[i+1:]...)
			return
		}
	}
}
