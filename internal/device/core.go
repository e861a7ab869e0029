package device

import (
	"fmt"
	"time"

	"signalbox/workflows/contract"
)

// Times of the protocol.
const (
	// RingExpiry is when a request that no longer rings is forgotten. It rings
	// every 10 s; one ring may be lost.
	RingExpiry = 25 * time.Second
	// RingTooOld is the age from which a ring is ignored: a host that wakes up
	// answers old ones.
	RingTooOld = 2 * time.Second
	// ClaimTimeout is the age of the last acknowledged heartbeat from which the
	// claim counts as lost; the heartbeat timeout of HoldGPU is the same.
	ClaimTimeout = 5 * time.Second
	// FirstGateWait is how long after a claim batch waits for the first gate.
	FirstGateWait = 10 * time.Second
	// DueRetry is how long a batch run that met a due request stays away.
	DueRetry = time.Second
	// OrderRetry is how long a batch run that met an operator's order stays away;
	// the scheduler's hold keeps it away for longer.
	OrderRetry = 5 * time.Second
	// FailBackoffMin and FailBackoffMax bound how long batch stays away after
	// a run failed; it doubles while no run succeeds.
	FailBackoffMin = 10 * time.Second
	FailBackoffMax = 5 * time.Minute
)

// Run is a run that wants the GPU.
type Run struct {
	Class contract.Class
	// Request of a realtime run.
	Request contract.RequestRef
	// Lease of a batch run.
	Lease contract.Lease
	// Job, Document, Stage and Model describe it.
	Job, Document, Stage, Model string
	// OffCard is that its model is kept off the card: it makes no other leave.
	OffCard bool
}

// Verdict on a run that wants the GPU.
type Verdict struct {
	Admit bool
	// Outcome of a run that is not admitted: bounced or gpu-unavailable.
	Outcome    contract.Outcome
	Reason     string
	RetryAfter time.Duration
	// LeaseOver says that the run's lease is the cause, Drained that an operator is.
	LeaseOver bool
	Drained   bool
}

// Core is the device's state. It has no clock and no lock: every method takes
// the time, which is the server's.
type Core struct {
	instance  string
	claimed   bool
	stopping  bool
	ackAt     time.Time
	gate      contract.Gate
	gateBy    time.Time
	closed    time.Time                         // until then batch is closed by the calendar
	due       map[contract.RequestRef]time.Time // when it last rang
	arrival   map[contract.RequestRef]int64     // the order in which they first rang
	arrivals  int64
	ended     map[contract.RequestRef]time.Time
	run       *Run
	runSince  time.Time
	probe     contract.Health
	failUntil time.Time
	failFor   time.Duration
	failWhy   string
	fails     int // in a row
	warm      warmth
	pace      pace
	stages    map[stageOf]*stagePace
}

// NewCore is a device that has no claim yet and knows nothing of its GPU's
// health. gate is what was kept from before.
func NewCore(gate contract.Gate) *Core {
	return &Core{
		gate:    gate,
		due:     map[contract.RequestRef]time.Time{},
		arrival: map[contract.RequestRef]int64{},
		ended:   map[contract.RequestRef]time.Time{},
		warm:    newWarmth(),
		stages:  map[stageOf]*stagePace{},
		probe:   contract.Health{Value: contract.HealthUnknown, Admits: contract.AdmitAll},
	}
}

// Claim begins a tenure: instance holds the GPU's claim from now on.
func (c *Core) Claim(now time.Time, instance string) {
	c.instance, c.claimed, c.stopping, c.ackAt = instance, true, false, now
	c.gateBy = now.Add(FirstGateWait)
}

// Acked records an acknowledged heartbeat of the claim.
func (c *Core) Acked(now time.Time) { c.ackAt = now }

// Unclaim ends the tenure.
func (c *Core) Unclaim() { c.claimed = false }

// Stopping admits no more batch runs in this tenure.
func (c *Core) Stopping() { c.stopping = true }

// Owned reports whether the claim stands at now.
func (c *Core) Owned(now time.Time) bool {
	return c.claimed && now.Sub(c.ackAt) <= ClaimTimeout
}

// firstGateRetry is how long a run stays away that has come before the first gate,
// which is on its way as a rule: as long again as that has been waited for.
func firstGateRetry(rest time.Duration) time.Duration {
	return min(max(DueRetry, FirstGateWait-rest), rest)
}

// Want decides on a run that wants the free slot. An admitted run is on the GPU.
func (c *Core) Want(now time.Time, r Run) Verdict {
	c.prune(now)
	if !c.Owned(now) {
		return Verdict{Outcome: contract.OutcomeBounced, Reason: "this GPU worker has lost its claim", RetryAfter: DueRetry}
	}
	if c.run != nil {
		return Verdict{Outcome: contract.OutcomeBounced, Reason: "another run is on the GPU", RetryAfter: DueRetry}
	}
	v := c.admit(now, r)
	if v.Admit {
		c.run, c.runSince = &r, now
	}
	return v
}

func (c *Core) admit(now time.Time, r Run) Verdict {
	h := c.Health(now)
	if r.Class == contract.Realtime {
		if h.Admits == contract.AdmitNothing {
			return Verdict{Outcome: contract.OutcomeGPUUnavailable, Reason: h.Reason, Drained: h.Drained}
		}
		return Verdict{Admit: true}
	}
	if v, over := c.leaseOver(now, r.Lease); over {
		return v
	}
	if why := c.ordered(now); why != "" {
		return Verdict{Outcome: contract.OutcomeBounced, Reason: why, RetryAfter: OrderRetry}
	}
	switch {
	case c.stopping:
		return Verdict{Outcome: contract.OutcomeBounced, Reason: "the GPU worker is stopping", RetryAfter: DueRetry}
	case now.Before(c.gateBy):
		return Verdict{
			Outcome: contract.OutcomeBounced, Reason: "waiting for the scheduler's first gate",
			RetryAfter: firstGateRetry(c.gateBy.Sub(now)),
		}
	case len(c.due) > 0:
		return Verdict{Outcome: contract.OutcomeBounced, Reason: "a realtime request is due", RetryAfter: DueRetry}
	case h.Admits != contract.AdmitAll:
		return Verdict{Outcome: contract.OutcomeGPUUnavailable, Reason: h.Reason}
	}
	if wait := c.warm.wait(now, r); wait > 0 {
		return Verdict{
			Outcome: contract.OutcomeBounced, RetryAfter: wait,
			Reason: "model " + c.warm.model + " is kept warm for realtime requests",
		}
	}
	return Verdict{Admit: true}
}

func (c *Core) leaseOver(now time.Time, l contract.Lease) (Verdict, bool) {
	v := Verdict{Outcome: contract.OutcomeBounced, LeaseOver: true}
	switch {
	case l.Token <= c.gate.RevokedUpTo:
		v.Reason = fmt.Sprintf("lease %d is revoked", l.Token)
	case !l.Live(now):
		v.Reason = fmt.Sprintf("lease %d ended at %s", l.Token, l.Until.UTC().Format(time.RFC3339))
	default:
		return Verdict{}, false
	}
	return v, true
}

// MayContinue reports whether the run on the GPU may begin another model call.
func (c *Core) MayContinue(now time.Time) (Verdict, bool) {
	c.prune(now)
	if c.run == nil || !c.Owned(now) {
		return Verdict{Outcome: contract.OutcomePreempted, Reason: "this GPU worker has lost its claim"}, false
	}
	if c.run.Class == contract.Realtime {
		return Verdict{}, true
	}
	if v, over := c.leaseOver(now, c.run.Lease); over {
		v.Outcome = contract.OutcomePreempted
		return v, false
	}
	if why := c.ordered(now); why != "" {
		return Verdict{Outcome: contract.OutcomePreempted, Reason: why}, false
	}
	if len(c.due) > 0 {
		return Verdict{Outcome: contract.OutcomePreempted, Reason: "a realtime request is due"}, false
	}
	return Verdict{}, true
}

// ordered says which operator's order keeps batch off the GPU, nothing if none
// does. It holds for every token.
func (c *Core) ordered(now time.Time) string {
	o := c.gate.Orders
	switch {
	case o.Drain.InForce(now):
		return o.Drain.Describe("drained")
	case o.Pause.InForce(now):
		return o.Pause.Describe("paused")
	}
	return ""
}

// Ended takes the run off the GPU.
func (c *Core) Ended(now time.Time) {
	if c.run == nil {
		return
	}
	if c.run.Class == contract.Realtime {
		c.drop(c.run.Request)
		c.ended[c.run.Request] = now
		c.pace.learn(now.Sub(c.runSince), requestWeight)
	}
	c.warm.ended(now, *c.run, c.runSince)
	c.run = nil
}

// Loaded records that the run's model is in memory, and how long loading it
// took; 0 where it was there.
func (c *Core) Loaded(took time.Duration) {
	if c.run != nil {
		c.warm.loaded(*c.run, took)
	}
}

// SetGate records the scheduler's gate, unless a newer one is known. It reports
// whether the gate has changed.
func (c *Core) SetGate(g contract.Gate) bool {
	c.gateBy, c.closed = time.Time{}, g.ClosedUntil
	if g.ClosedUntil = (time.Time{}); !g.Newer(c.gate) {
		return false
	}
	g.Orders = g.Orders.Over(c.gate.Orders)
	c.gate = g
	return true
}

// Tick forgets what time has made void. It reports whether the run on the GPU
// has lost the claim it ran under.
func (c *Core) Tick(now time.Time) (claimLost bool) {
	c.prune(now)
	return c.run != nil && !c.Owned(now)
}

// Running returns the run on the GPU, nil for none.
func (c *Core) Running() (*Run, time.Time) { return c.run, c.runSince }

// ClosedUntil is until when batch is closed by the calendar, as far as is known.
func (c *Core) ClosedUntil() time.Time { return c.closed }

// Gate as it is known.
func (c *Core) Gate() contract.Gate { return c.gate }

// Instance of the present or last tenure.
func (c *Core) Instance() string { return c.instance }
