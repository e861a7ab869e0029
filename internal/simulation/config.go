package simulation

import (
	"time"

	"signalbox/internal/device"
)

// Config is one schedule.
type Config struct {
	// Seed decides everything random.
	Seed uint64
	// Faults that may happen; none for a quiet world.
	Faults []Kind
	// Trace keeps a line of everything that happens.
	Trace bool
	// Span is how long jobs, requests and faults begin; then all must come to
	// an end by itself.
	Span time.Duration
	// Jobs and Requests are how many of each begin at random moments.
	Jobs, Requests int
	// Hosts with a GPU worker; the second one stands by.
	Hosts int
	// RealtimeCall and BatchCall are how long a model call takes, on average.
	RealtimeCall, BatchCall time.Duration
	// Abort is how long the model server goes on after its caller has gone.
	Abort time.Duration
	// Quantum of a lease.
	Quantum time.Duration
	// VisibilityLag is how old a workflow is when lists show it.
	VisibilityLag time.Duration
	// Steady servers take no step longer than 20 ms.
	Steady bool
	// Without takes a rule of the design away, "" for none.
	Without Rule
}

// Random is a schedule of a seed with these kinds of faults.
func Random(seed uint64, faults ...Kind) Config {
	return Config{
		Seed: seed, Faults: faults, Span: 10 * time.Minute, Jobs: 3, Requests: 12, Hosts: 1,
		RealtimeCall: 6 * time.Second, BatchCall: 12 * time.Second, Abort: 50 * time.Millisecond,
		Quantum: 3 * time.Minute, VisibilityLag: 2 * time.Second,
	}
}

// ringExpires is when a ring that was not renewed is noticed to be void.
const ringExpires = device.RingExpiry + 200*time.Millisecond

// Stats are what a schedule came to.
type Stats struct {
	Events              int
	Signals, Directives int // to and from the scheduler
	Continued           int
	Calls, Aborted      int // of batch
	Bounces             int
	Poisoned            int // times that a document has killed the GPU worker
	Switches            int
	Answered, Refused   int
	// GPU is the time that batch has had, Lost what of it was thrown away.
	GPU, Lost time.Duration
	// LongestWait of an undisturbed request, LongestIdle of batch while nothing
	// forbade it.
	LongestWait, LongestIdle time.Duration
	// Took is when everything was done.
	Took time.Duration
}
