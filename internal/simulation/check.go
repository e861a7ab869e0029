package simulation

import (
	"slices"
	"time"

	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// Bounds of what the design allows, for worlds with and without certain faults.
const (
	// ringBound is how long a request may wait, unheard, while batch begins
	// another call: a slow server's two steps, and after a fault the next ring
	// or two.
	ringBound       = 8 * time.Second
	ringBoundFaults = 30 * time.Second
	// waitBound is how long a request that is alone may wait for its model call:
	// the abort of one, the load of a model (4 s), and a slow server's steps.
	waitBound = 14 * time.Second
	// idleBound is how long batch may be idle while nothing forbids it: the
	// last ring of a request that was terminated (25 s), a new scheduler's wait
	// for the device (30 s).
	idleBound = 40 * time.Second
	// idleBoundScheduler adds the keeper's look (10 s) and a reconcile (60 s),
	// which finds who has ended without a word.
	idleBoundScheduler = 120 * time.Second
	// idleBoundOutage adds a wait for the GPU (5 minutes) that nobody cuts short.
	idleBoundOutage = 7 * time.Minute
	// idleBoundBlind adds that nobody sees the jobs that wait.
	idleBoundBlind = 12 * time.Minute
	// settle is how long after the last thing begins everything must have ended.
	settle = 60 * time.Minute
)

// watch looks every second at what must hold at any time, and ends the
// simulation when everything has ended.
func (w *world) watch() {
	w.enforce()
	w.checkIdle()
	w.checkPriorities()
	if w.now.Sub(w.start) > w.cfg.Span && w.allEnded() {
		w.stats.Took = w.now.Sub(w.start)
		w.events = nil
		return
	}
	w.after(time.Second, w.watch)
}

func (w *world) allEnded() bool {
	for _, j := range w.jobs {
		if !j.flow.closed {
			return false
		}
	}
	return len(w.open) == 0 && len(w.jobs) == w.cfg.Jobs
}

// checkIdle: batch is not idle for longer than the design's own numbers allow
// while nothing forbids it.
func (w *world) checkIdle() {
	if w.forbidden() || w.busy() || w.card.freeSince.IsZero() {
		w.card.freeSince = w.now
		return
	}
	idle := w.now.Sub(w.card.freeSince)
	w.stats.LongestIdle = max(w.stats.LongestIdle, idle)
	if bound := w.idleBound(); idle > bound {
		w.fail("batch is idle for %s although nothing forbids it (%s allowed)", idle, bound)
	}
}

func (w *world) idleBound() time.Duration {
	switch {
	case w.has(VisibilityDown):
		return idleBoundBlind
	case w.has(OutageShort), w.has(OutageLong), w.has(PoisonDocument):
		return idleBoundOutage
	case w.has(SchedulerTerminated), w.has(SchedulerDown), w.has(ContinueAsNew), w.has(GPUWorkerKilled), w.has(GPUWorkerFrozen), w.has(SecondHost),
		w.has(GPUWorkerRestarted), w.has(JobTerminated):
		return idleBoundScheduler
	}
	return idleBound
}

// forbidden reports whether something keeps batch from running, or there is none.
func (w *world) forbidden() bool {
	if _, must := w.windowOpen(); !must || !w.aiUp || !w.schedulerUp || w.unsettled() {
		return true
	}
	work := false
	for _, j := range w.jobs {
		work = work || !j.flow.closed && !j.cancelled && !j.ended && !w.now.Before(j.pausedUntil) && j.state.Left().Sum() > 0 && j.state.Total > 0
	}
	if !work {
		return true
	}
	if len(w.open) > 0 {
		return true
	}
	h := w.serving()
	return h == nil || h.frozen || !h.ollamaUp || !w.owner.heldBy(h)
}

// mayOverride reports that an operator has opened the window, as far as the
// scheduler or a device knows.
func (w *world) mayOverride() bool {
	if s := w.scheduler; s != nil && s.state.Gate.Orders.Override.InForce(w.now) {
		return true
	}
	return slices.ContainsFunc(w.hosts, func(h *host) bool { return h.gate.Orders.Override.InForce(w.now) })
}

// unsettled reports that an operator keeps batch off the GPU, or may: by what the
// scheduler or a device has.
func (w *world) unsettled() bool {
	if s := w.scheduler; s != nil {
		if o := s.state.Gate.Orders; o.Pause.InForce(w.now) || o.Drain.InForce(w.now) {
			return true
		}
	}
	for _, h := range w.hosts {
		if o := h.gate.Orders; o.Pause.InForce(w.now) || o.Drain.InForce(w.now) {
			return true
		}
	}
	return false
}

// busy reports whether a run is on the GPU.
func (w *world) busy() bool {
	for _, h := range w.hosts {
		if h.run != nil && h.run.granted {
			return true
		}
	}
	return false
}

// checkCall is a batch call that begins.
func (w *world) checkCall(key string) {
	if w.card.done[key] > 0 {
		w.fail("call %s begins again although it is finished", key)
	}
	// Of a window that was moved only the scheduler can tell a second host.
	untold := len(w.hosts) > 1 && w.enforced.version > 0
	if may, _ := w.windowOpen(); !may && !untold && !w.mayOverride() && !w.rested() {
		w.fail("call %s begins outside the window", key)
	}
	for kind, what := range map[scheduling.OrderKind]string{scheduling.OrderPause: "a pause", scheduling.OrderDrain: "a drain"} {
		// A newer order that was not confirmed may hold or not.
		if o := w.confirmed[kind]; o.InForce(w.now) && w.asked[kind] == o && len(w.hosts) == 1 {
			w.fail("call %s begins in spite of %s", key, what)
		}
	}
	if !w.aiUp {
		return // nobody rings
	}
	bound := ringBound
	if len(w.cfg.Faults) > 0 {
		bound = ringBoundFaults
	}
	for _, r := range w.open {
		since := r.due
		if w.lastFault.After(since) {
			since = w.lastFault
		}
		if waits := w.now.Sub(since); r.served.IsZero() && waits > bound {
			w.fail("call %s begins although %s has waited for %s", key, r.flow.id, waits)
		}
	}
}

// checkWait is a request whose model call begins.
func (w *world) checkWait(r *request) {
	if len(w.cfg.Faults) > 0 || !r.alone {
		return
	}
	wait := w.now.Sub(r.due)
	w.stats.LongestWait = max(w.stats.LongestWait, wait)
	if wait > waitBound {
		w.fail("%s waited for %s behind batch", r.flow.id, wait)
	}
}

// checkJob is a job that has ended: what it counts is what was done.
func (w *world) checkJob(b *batch) {
	c := b.result
	if !b.cancelled && c.Done+c.Failed+c.Cancelled != b.docs {
		w.fail("%s: %d done, %d failed, %d cancelled of %d", b.flow.id, c.Done, c.Failed, c.Cancelled, b.docs)
	}
	for id, state := range b.recorded {
		switch {
		case state != contract.DocDone && b.mended[id] && !b.cancelled && len(w.cfg.Faults) == 1:
			w.fail("%s/%s was requeued, and has ended as %s", b.flow.id, id, state)
		case state == contract.DocFailed && id != b.poison && !b.spoilt[id] && !w.has(OutageShort) && !w.has(OutageLong):
			w.fail("%s/%s failed, and nothing was wrong with it", b.flow.id, id)
		case state == contract.DocPending:
			w.fail("%s/%s was recorded as pending", b.flow.id, id)
		case state == contract.DocDone:
			for _, stage := range b.stages {
				if key := (&stageRun{job: b, doc: id, stage: stage}).next(); key != "" {
					w.fail("%s is not in the store, and its document counts as done", key)
				}
			}
		}
	}
}

// checkEnd is the end of the simulation.
func (w *world) checkEnd() {
	for _, j := range w.jobs {
		if !j.flow.closed {
			w.fail("%s is stuck: %+v, lease %d until %s", j.flow.id, j.state.Progress(), j.state.Lease.Token, j.state.Lease.Until)
		}
	}
	for _, r := range w.open {
		w.fail("%s is stuck", r.flow.id)
	}
	w.checkTraffic()
}

// checkTraffic: bounces, signals and histories stay bounded. Measured over 5,000
// schedules they come to about half of this.
func (w *world) checkTraffic() {
	work := 0
	disturbed := len(w.requests) + 4*len(w.cfg.Faults)
	minutes := int(w.now.Sub(w.start) / time.Minute)
	for _, j := range w.jobs {
		stages := j.docs * len(j.stages)
		work += stages
		if most := 30*stages + 20*disturbed + 10*minutes + 100; j.flow.events > most {
			w.fail("%d events in the history of %s for %d stages and %d disturbances", j.flow.events, j.flow.id, stages, disturbed)
		}
	}
	if most := work + 3*disturbed + 20; w.stats.Bounces > most {
		w.fail("%d bounces for %d stages and %d disturbances", w.stats.Bounces, work, disturbed)
	}
	if most := 6*work + 10*disturbed + 6*minutes + 50; w.stats.Signals+w.stats.Directives > most {
		w.fail("%d signals to and %d from the scheduler for %d stages and %d disturbances",
			w.stats.Signals, w.stats.Directives, work, disturbed)
	}
}

// Run runs one schedule, and returns what it came to, its trace where one was
// asked for, and what failed.
func Run(cfg Config) (Stats, []string, error) {
	w := newWorld(cfg)
	w.tamper = tamper{cfg.Without}
	w.populate()
	w.after(time.Second, w.watch)
	w.run(w.start.Add(cfg.Span + settle))
	if w.failed == nil {
		w.checkEnd()
	}
	return w.stats, w.trace, w.failed
}
