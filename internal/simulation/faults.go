package simulation

import (
	"time"

	"signalbox/workflows/contract"
)

// Kind is a kind of fault.
type Kind string

// Kinds of faults.
const (
	GPUWorkerKilled     Kind = "gpu-worker-killed"
	GPUWorkerFrozen     Kind = "gpu-worker-frozen"
	GPUWorkerRestarted  Kind = "gpu-worker-restarted"
	SecondHost          Kind = "second-host"
	OutageShort         Kind = "outage-short"
	OutageLong          Kind = "outage-long"
	SchedulerTerminated Kind = "scheduler-terminated"
	SchedulerDown       Kind = "scheduler-down"
	AIDown              Kind = "ai-down"
	JobTerminated       Kind = "job-terminated"
	JobCancelled        Kind = "job-cancelled"
	RequestTerminated   Kind = "request-terminated"
	ContinueAsNew       Kind = "continue-as-new"
	VisibilityDown      Kind = "visibility-down"
	PoisonDocument      Kind = "poison-document"
	WindowCloses        Kind = "window-closes"
	OperatorsAct        Kind = "operators-act"
	OperatorsActOnJobs  Kind = "operators-act-on-jobs"
	PeakHours           Kind = "peak-hours" // that batch fills when nobody asks
	Configured          Kind = "configured" // anew
	PrioritiesSet       Kind = "priorities-set"
)

// Kinds lists every kind of fault.
func Kinds() []Kind {
	return []Kind{
		GPUWorkerKilled, GPUWorkerFrozen, GPUWorkerRestarted, SecondHost, OutageShort, OutageLong,
		SchedulerTerminated, SchedulerDown, AIDown, JobTerminated, JobCancelled, RequestTerminated,
		ContinueAsNew, VisibilityDown, PoisonDocument, WindowCloses, OperatorsAct,
		OperatorsActOnJobs, PeakHours, Configured, PrioritiesSet,
	}
}

// has reports whether a kind of fault may happen.
func (w *world) has(k Kind) bool {
	for _, f := range w.cfg.Faults {
		if f == k {
			return true
		}
	}
	return false
}

// sometime is a random moment while things begin.
func (w *world) sometime() time.Duration { return w.between(0, w.cfg.Span) }

// populate plans what happens: work and faults.
func (w *world) populate() {
	hosts := w.cfg.Hosts
	if w.has(SecondHost) {
		hosts = 2
	}
	for i := range hosts {
		h := newHost(w, []string{"a", "b"}[i])
		w.hosts = append(w.hosts, h)
		w.after(w.between(0, 5*time.Second), h.boot)
	}
	w.after(w.between(0, 5*time.Second), w.keep)
	stages := [][]string{{contract.StageOCR}, {contract.StageOCR, contract.StageEmbedDocument}}
	for i := range w.cfg.Jobs {
		j := &batch{
			flow: &workflow{id: string(rune('A' + i))}, stages: stages[w.rng.IntN(2)],
			docs: 1 + w.rng.IntN(6), calls: 1 + w.rng.IntN(3), chunk: 1 + w.rng.IntN(4),
		}
		if w.has(PoisonDocument) && i == 0 {
			j.poison = "d0"
		}
		if w.has(OperatorsActOnJobs) {
			j.bad = w.badDocuments(j.docs)
			j.spoilt = j.bad
		}
		w.after(w.sometime(), func() { w.startJob(j) })
	}
	for range w.cfg.Requests {
		w.after(w.sometime(), func() { w.startRequest() })
	}
	for _, k := range w.cfg.Faults {
		for range 1 + w.rng.IntN(2) {
			w.after(w.sometime(), func() { w.strike(k) })
		}
	}
	if w.has(PeakHours) { // all the time
		w.file.window.closed = append(w.file.window.closed, span{w.start, w.start.Add(24 * time.Hour)})
	}
	if w.has(WindowCloses) {
		from := w.start.Add(w.sometime())
		w.file.window.closed = append(w.file.window.closed, span{from, from.Add(w.between(time.Minute, 5*time.Minute))})
	}
	w.enforced = w.file
}

// strike lets a fault happen.
func (w *world) strike(k Kind) {
	w.lastFault = w.now
	h := w.hosts[w.rng.IntN(len(w.hosts))]
	switch k {
	case GPUWorkerKilled:
		h.kill()
		w.after(w.between(100*time.Millisecond, time.Minute), h.boot)
	case GPUWorkerFrozen:
		h.freeze()
		w.after(w.between(time.Second, 40*time.Second), h.thaw)
	case GPUWorkerRestarted:
		h.stop()
		w.after(w.between(time.Second, time.Minute), h.bootSoon)
	case OutageShort:
		w.outage(h, w.between(100*time.Millisecond, 15*time.Second))
	case OutageLong:
		w.outage(h, w.between(time.Minute, 12*time.Minute))
	case SchedulerTerminated:
		if w.scheduler != nil {
			w.scheduler.terminate()
		}
	case SchedulerDown:
		w.away("scheduler's worker", &w.schedulerUp, 4*time.Minute)
	case AIDown:
		w.away("ai workers", &w.aiUp, 2*time.Minute)
	case JobTerminated, JobCancelled:
		w.strikeJob(k)
	case RequestTerminated:
		if n := len(w.requests); n > 0 {
			w.requests[w.rng.IntN(n)].terminate()
		}
		r := w.startRequest() // and one right after it rang
		w.after(w.between(0, 30*time.Second), r.terminate)
	case ContinueAsNew:
		w.strikeContinue()
	case VisibilityDown:
		w.visibilityUp = false
		w.after(w.between(10*time.Second, 5*time.Minute), func() { w.visibilityUp = true })
	case OperatorsAct:
		w.operate()
	case OperatorsActOnJobs:
		w.operateJob()
	case Configured:
		w.configure()
	case PrioritiesSet:
		w.prioritize()
	case PeakHours, SecondHost, PoisonDocument, WindowCloses: // planned at the beginning
	}
}

// away takes workers down for a while, at most for so long.
func (w *world) away(who string, up *bool, most time.Duration) {
	w.say("%s down", who)
	*up = false
	w.after(w.between(time.Second, most), func() {
		w.say("%s up", who)
		*up = true
		w.cameUp()
	})
}

func (w *world) outage(h *host, d time.Duration) {
	h.setOllama(false)
	w.after(d, func() { h.setOllama(true) })
}

func (w *world) strikeJob(k Kind) {
	if len(w.jobs) == 0 {
		return
	}
	j := w.jobs[w.rng.IntN(len(w.jobs))]
	if k == JobTerminated {
		j.terminate()
		return
	}
	j.cancel()
}

func (w *world) strikeContinue() {
	if s := w.scheduler; s != nil && !s.flow.closed {
		s.flow.deliver(func() {
			s.draining = true
			s.step()
			s.flow.later(1100*time.Millisecond, s.step)
		})
	}
	for _, j := range w.jobs {
		if !j.flow.closed {
			j.flow.deliver(func() {
				j.wants = true
				j.step()
			})
		}
	}
}

// bootSoon starts a process that stops in order when it has stopped.
func (h *host) bootSoon() {
	if h.up && h.leaving {
		h.w.after(time.Second, h.bootSoon)
		return
	}
	h.boot()
}
