package device

import (
	"sort"
	"time"

	"signalbox/workflows/contract"
)

// Ring records that a realtime request is due; scheduled is when the ring was
// sent. It reports whether the run on the GPU has to make way.
func (c *Core) Ring(now, scheduled time.Time, ref contract.RequestRef) (answer contract.RingAnswer, preempt bool) {
	c.prune(now)
	answer = contract.RingAnswer{Health: c.Health(now), Phase: contract.PhaseWaiting, Instance: c.instance}
	if c.running(ref) {
		answer.Phase = contract.PhaseRunning
		answer.RunSeconds = seconds(max(0, c.pace.mean-now.Sub(c.runSince)))
		c.renew(now, ref)
		return answer, false
	}
	if c.over(ref) || now.Sub(scheduled) > RingTooOld || answer.Health.Admits == contract.AdmitNothing {
		// A request that is told that the GPU admits nothing goes away.
		return answer, false
	}
	for old := range c.due {
		if ref.Supersedes(old) {
			c.drop(old)
		}
	}
	c.renew(now, ref)
	answer.Position = c.position(ref)
	answer.EtaSeconds, answer.RunSeconds = c.eta(now, answer.Position), seconds(c.pace.mean)
	return answer, c.run != nil && c.run.Class == contract.Batch
}

// Withdraw records that a request no longer waits.
func (c *Core) Withdraw(now time.Time, ref contract.RequestRef) {
	if !c.running(ref) {
		c.drop(ref)
		c.ended[ref] = now
	}
}

// Waiting returns how many realtime requests are due and not running.
func (c *Core) Waiting() int {
	n := len(c.due)
	if c.run != nil && c.run.Class == contract.Realtime {
		if _, ok := c.due[c.run.Request]; ok {
			n--
		}
	}
	return n
}

func (c *Core) running(ref contract.RequestRef) bool {
	return c.run != nil && c.run.Class == contract.Realtime && c.run.Request == ref
}

// over reports whether a request's attempt has ended, or a newer one is known: a
// ring of the older one has come late.
func (c *Core) over(ref contract.RequestRef) bool {
	if c.run != nil && c.run.Request.Supersedes(ref) {
		return true
	}
	for known := range c.due {
		if known.Supersedes(ref) {
			return true
		}
	}
	for known := range c.ended {
		if known == ref || known.Supersedes(ref) {
			return true
		}
	}
	return false
}

func (c *Core) renew(now time.Time, ref contract.RequestRef) {
	if _, known := c.arrival[ref]; !known {
		c.arrivals++
		c.arrival[ref] = c.arrivals
	}
	c.due[ref] = now
}

func (c *Core) drop(ref contract.RequestRef) {
	delete(c.due, ref)
	delete(c.arrival, ref)
}

func (c *Core) position(ref contract.RequestRef) int {
	var waiting []contract.RequestRef
	for r := range c.due {
		if !c.running(r) {
			waiting = append(waiting, r)
		}
	}
	sort.Slice(waiting, func(a, b int) bool { return c.arrival[waiting[a]] < c.arrival[waiting[b]] })
	for i, r := range waiting {
		if r == ref {
			return i + 1
		}
	}
	return 0
}

func (c *Core) prune(now time.Time) {
	for ref, rang := range c.due {
		if now.Sub(rang) > RingExpiry {
			c.drop(ref)
		}
	}
	for ref, at := range c.ended {
		if now.Sub(at) > 2*RingExpiry {
			delete(c.ended, ref)
		}
	}
}
