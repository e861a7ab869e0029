package simulation

import (
	"encoding/json"
	"slices"
	"time"

	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

const schedulerID = "gpu-scheduler"

// scheduler is GPUScheduler around its core.
type scheduler struct {
	w            *world
	flow         *workflow
	state        *scheduling.State
	config       configuration
	began        time.Time
	outgoing     int
	draining     bool
	looked       bool
	reconciledAt time.Time
	reconciling  bool
	alarm        *event
	alarmAt      time.Time
}

func (w *world) schedulerFlow() *workflow {
	if w.scheduler == nil {
		return nil
	}
	return w.scheduler.flow
}

// keep is the keeper: it starts the scheduler where it is missing.
func (w *world) keep() {
	if w.tamper.no(RuleKeeper) && w.scheduler != nil {
		return
	}
	if w.schedulerUp && (w.scheduler == nil || w.scheduler.flow.closed) {
		w.startScheduler(nil, w.file)
	}
	if file := w.file; w.schedulerUp && w.scheduler.config.version != file.version {
		w.net.send(w.schedulerFlow, func() { w.scheduler.configured(file) }, func(error) {})
	}
	w.after(contract.KeepEvery, w.keep)
}

func (w *world) startScheduler(carried *scheduling.State, c configuration) {
	s := &scheduler{w: w, began: w.now, state: carried, config: c}
	s.flow = &workflow{w: w, id: schedulerID, up: w.schedulerWorks}
	if carried == nil {
		s.state = scheduling.New(w.now, w.params(c))
		w.say("scheduler: begins anew, tokens from %d", s.state.LastToken)
	}
	w.scheduler = s
	s.flow.later(w.hop(), s.step)
}

func (w *world) params(c configuration) scheduling.Params {
	p := scheduling.Params{Quantum: c.quantum, ReopenAfter: time.Second}
	if w.has(PeakHours) {
		p.Peak, p.PeakIdle = contract.PeakFill, peakIdle
	}
	return p
}

// peakIdle is how long nobody must have asked before batch fills peak hours.
const peakIdle = 20 * time.Second

// rested reports that nobody has asked for as long as that takes, but for what a
// slow server has not told yet. Only the scheduler can see to it: where something
// fails, a lease may go on until its quantum ends.
func (w *world) rested() bool {
	if !w.has(PeakHours) || len(w.cfg.Faults) > 1 {
		return w.has(PeakHours)
	}
	for _, r := range w.open {
		if w.now.Sub(r.due) > ringBoundFaults {
			return false
		}
	}
	return w.now.Sub(w.lastAnswer) >= peakIdle-ringBound
}

// terminate ends the run at once; the keeper starts another.
func (s *scheduler) terminate() {
	s.w.say("scheduler: terminated")
	s.flow.closed = true
}

// step decides, and carries it out.
func (s *scheduler) step() {
	if s.flow.closed {
		return
	}
	w := s.w
	if s.draining {
		if s.outgoing == 0 && w.now.Sub(s.began) >= time.Second {
			s.continueAsNew()
		}
		return
	}
	if next := s.state.Window.NextChange; !s.looked || !next.IsZero() && !w.now.Before(next) {
		open, change := s.config.window.at(w.now)
		s.state.SetWindow(scheduling.Window{Open: open, NextChange: change})
		s.looked = true
	}
	decisions, wake := s.state.Decide(w.now)
	for _, d := range decisions {
		s.carryOut(d)
	}
	s.reconcile()
	if at := s.reconcileAt(); !at.IsZero() && (wake.IsZero() || at.Before(wake)) {
		wake = at
	}
	s.wakeAt(wake)
}

func (s *scheduler) wakeAt(t time.Time) {
	if t.IsZero() || !s.alarmAt.IsZero() && !t.Before(s.alarmAt) {
		return
	}
	s.alarm.cancel()
	s.alarmAt = t
	s.alarm = s.w.at(t.Add(s.w.between(0, 50*time.Millisecond)), func() {
		s.alarmAt = time.Time{}
		s.flow.deliver(s.step)
	})
}

func (s *scheduler) carryOut(d scheduling.Decision) {
	if d.Gate != nil {
		s.setGate(*d.Gate)
		return
	}
	w, ref, directive := s.w, *d.Job, s.w.tamper.directive(d.Directive)
	w.say("scheduler: %s open=%v token %d %s", ref.WorkflowID, directive.Open, directive.Lease.Token, directive.Reason)
	w.stats.Directives++
	s.outgoing++
	w.net.signal(s.flow, ref.WorkflowID, func() *workflow { return w.jobFlow(ref.WorkflowID) }, func() {
		w.job(ref.WorkflowID).directed(directive)
	}, func(err error) {
		s.outgoing--
		if err != nil {
			s.state.Ended(ref)
		}
		s.step()
	})
}

func (s *scheduler) setGate(g contract.Gate) {
	s.outgoing++
	var answer *contract.GPUState
	s.w.control(contract.GateTimeout, contract.GateAttempt, contract.GateRetry, func(h *host) bool {
		h.beatIfDue()
		if !h.core.Owned(s.w.now) {
			return false
		}
		if h.core.SetGate(s.w.tamper.gate(g)) {
			h.gate = h.core.Gate()
			h.notify()
		}
		state := h.state()
		answer = &state
		return true
	}, func(ok bool) {
		s.flow.deliver(func() {
			s.outgoing--
			if !ok {
				answer = nil
			}
			s.state.GateAnswer(s.w.now, answer)
			s.step()
		})
	})
}

// reconcile compares with what the server itself knows.
func (s *scheduler) reconcile() {
	w := s.w
	if at := s.reconcileAt(); at.IsZero() || w.now.Before(at) {
		return
	}
	s.reconciling = true
	s.outgoing++
	began := w.now
	var registered []contract.JobRef
	for _, j := range s.state.Jobs {
		registered = append(registered, j.Ref)
	}
	w.after(w.hop(), func() {
		w.whenUp(w.schedulerWorks, func() {
			r, ok := w.look(registered)
			s.flow.later(w.hop(), func() { s.reconciled(began, r, ok) })
		})
	})
}

func (s *scheduler) reconcileAt() time.Time {
	switch {
	case s.reconciling, s.w.tamper.no(RuleReconcile):
		return time.Time{}
	case s.reconciledAt.IsZero():
		return s.began
	case len(s.state.Jobs) == 0:
		return s.reconciledAt.Add(contract.ReconcileIdle)
	}
	return s.reconciledAt.Add(contract.ReconcileEvery)
}

func (s *scheduler) reconciled(began time.Time, r contract.ReconcileResult, ok bool) {
	w := s.w
	s.outgoing--
	s.reconciling, s.reconciledAt = false, w.now
	if ok {
		ask, _ := s.state.Reconciled(w.now, began, r) // few jobs: one look is enough
		for _, ref := range ask {
			s.outgoing++
			w.net.signal(s.flow, ref.WorkflowID, func() *workflow { return w.jobFlow(ref.WorkflowID) }, func() {
				w.job(ref.WorkflowID).askedToRegister()
			}, func(error) {
				s.outgoing--
				s.step()
			})
		}
	}
	s.step()
}

// look is the activity Reconcile: visibility lags or is down, the server itself
// knows what has ended.
func (w *world) look(registered []contract.JobRef) (r contract.ReconcileResult, ok bool) {
	if !w.visibilityUp {
		return r, false
	}
	for _, ref := range registered {
		if f := w.jobFlow(ref.WorkflowID); f == nil || f.closed {
			r.Ended = append(r.Ended, ref)
		}
	}
	for _, j := range w.jobs {
		shown := !j.flow.closed && w.now.Sub(j.started) > w.cfg.VisibilityLag
		known := slices.ContainsFunc(registered, func(ref contract.JobRef) bool { return ref.WorkflowID == j.flow.id })
		if shown && !known {
			r.Missing = append(r.Missing, contract.JobRef{WorkflowID: j.flow.id})
		}
	}
	r.OwnerKnown = true
	if w.owner.flow != nil {
		r.Owner = w.owner.instance
	}
	return r, true
}

// continueAsNew carries the state into another run, as JSON.
func (s *scheduler) continueAsNew() {
	w := s.w
	data, err := json.Marshal(s.state)
	carried := &scheduling.State{}
	if err == nil {
		err = json.Unmarshal(data, carried)
	}
	if err != nil {
		w.fail("the scheduler's state cannot be carried: %v", err)
		return
	}
	w.say("scheduler: continues as new, %d bytes", len(data))
	w.stats.Continued++
	s.alarm.cancel()
	s.flow.closed = true
	w.startScheduler(carried, s.config)
	s.flow.next = w.scheduler.flow
}

func (s *scheduler) handle(do func()) {
	s.w.stats.Signals++
	do()
	s.step()
}

func (s *scheduler) register(r contract.Registration) {
	s.w.say("scheduler: %s registers, priority %d, left %v, over %d, pause %s", r.Job.WorkflowID, r.Priority, r.Left, r.Over, r.Paused.State)
	s.handle(func() { s.state.Register(s.w.now, r) })
}
func (s *scheduler) finishing(r contract.Registration) {
	s.handle(func() { s.state.Finishing(s.w.now, r) })
}
func (s *scheduler) jobEnded(e contract.JobEnded) { s.handle(func() { s.state.Ended(e.Job) }) }
func (s *scheduler) deviceNews(g contract.GPUState) {
	s.handle(func() { s.state.DeviceNews(s.w.now, g) })
}
func (s *scheduler) hostGone(g contract.HostGone) {
	s.handle(func() { s.state.HostGone(s.w.now, g) })
}
