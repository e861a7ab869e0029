package device

import (
	"fmt"
	"time"

	"signalbox/workflows/contract"
)

// Probed records what a look at the model server has found.
func (c *Core) Probed(h contract.Health) { c.probe = h }

// RunFailed records that a run failed because of the GPU or its model server,
// whatever the probes say. Batch stays away for a while, which doubles with every
// run that fails after it; one that fails within it (a request, as a rule, of the
// same outage) begins it again. It reports whether the GPU had worked until this run, which
// makes the run itself suspect.
func (c *Core) RunFailed(now time.Time, why string) (suspect bool) {
	suspect = c.failFor == 0
	if !now.Before(c.failUntil) {
		c.failFor = min(max(2*c.failFor, FailBackoffMin), FailBackoffMax)
	}
	c.fails++
	c.failUntil, c.failWhy = now.Add(c.failFor), why
	return suspect
}

// RunSucceeded ends the backoff after failed runs.
func (c *Core) RunSucceeded() { c.fails, c.failFor, c.failUntil, c.failWhy = 0, 0, time.Time{}, "" }

// failed says how many runs have failed in a row: a server whose runner crashes again
// and again answers every probe.
func (c *Core) failed() string {
	if c.fails > 1 {
		return fmt.Sprintf("the last %d runs failed: ", c.fails)
	}
	return "the last run failed: "
}

// Health of the GPU at now: an operator's drain, the probe's word, and after a
// failed run realtime alone for a while.
func (c *Core) Health(now time.Time) contract.Health {
	h := c.probe
	if drain := c.gate.Orders.Drain; drain.InForce(now) {
		return contract.Health{Value: h.Value, Admits: contract.AdmitNothing, Reason: drain.Describe("drained"), Drained: true}
	}
	if h.Admits == contract.AdmitAll && now.Before(c.failUntil) {
		return contract.Health{
			Value: contract.Unhealthy, Admits: contract.AdmitRealtime,
			Reason: c.failed() + c.failWhy,
		}
	}
	return h
}
