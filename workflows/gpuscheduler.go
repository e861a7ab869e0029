package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"signalbox/internal/calendar"
	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// Times and limits of the scheduler's workflow.
const (
	// signalLimit is when the run ends: the server refuses more than 10,000
	// and does not suggest continue-as-new for them.
	signalLimit = 2000
	// shortestRun: the server holds back a run that continues within a second.
	shortestRun = time.Second
)

// SchedulerCarried is what the scheduler carries across continue-as-new.
type SchedulerCarried struct {
	State *scheduling.State `json:"state"`
}

// GPUScheduler says when batch may use the GPU and which job. It decides
// nothing itself: internal/scheduling does.
func GPUScheduler(ctx workflow.Context, config contract.SchedulerConfig, carried *SchedulerCarried) error {
	s := &scheduler{config: config}
	if err := s.setup(ctx, carried); err != nil {
		return err
	}
	return s.run(ctx)
}

type scheduler struct {
	config  contract.SchedulerConfig
	state   *scheduling.State
	started time.Time
	// seen is when the state was last decided on: a query has no clock.
	seen time.Time

	dirty         bool
	draining      bool
	outgoing      int // signals and activities on their way
	signals       int
	reconciled    time.Time // when it was last compared with Temporal; zero at its start
	reconciling   bool
	lookAgain     bool // there were more jobs than could be asked at once
	alarm         alarm
	windowChecked bool
	forecast      *forecast // of what was decided last
}

func (s *scheduler) setup(ctx workflow.Context, carried *SchedulerCarried) error {
	s.started = workflow.Now(ctx)
	if carried != nil && carried.State != nil {
		s.state = carried.State
	} else {
		s.state = scheduling.New(s.started, s.params())
	}
	s.state.Params = s.params()
	s.foresee(s.started)
	if err := workflow.SetQueryHandlerWithOptions(ctx, contract.QueryStatus,
		func() (contract.SchedulerStatus, error) { return s.status(), nil },
		workflow.QueryHandlerOptions{Description: "Open or hold and why, who runs, who waits, the GPU."}); err != nil {
		return err
	}
	if err := workflow.SetQueryHandlerWithOptions(ctx, contract.QueryJob, s.job,
		workflow.QueryHandlerOptions{Description: "One job: position, expected start and end, and why it waits."}); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(ctx, contract.QueryJobs, func() ([]contract.JobRef, error) {
		refs := []contract.JobRef{}
		for _, j := range s.state.Jobs {
			refs = append(refs, j.Ref)
		}
		return refs, nil
	}); err != nil {
		return err
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateConfigure, s.configure,
		workflow.UpdateHandlerOptions{Validator: validateConfig, Description: "The scheduler role's configuration."}); err != nil {
		return err
	}
	if err := s.obey(ctx); err != nil {
		return err
	}
	s.receive(ctx)
	return nil
}

func (s *scheduler) params() scheduling.Params {
	return scheduling.Params{
		Quantum:     time.Duration(s.config.QuantumMs) * time.Millisecond,
		ReopenAfter: time.Duration(s.config.ReopenAfterMs) * time.Millisecond,
		Peak:        s.config.Peak,
		PeakIdle:    time.Duration(s.config.PeakIdleMs) * time.Millisecond,
		LongestWait: time.Duration(s.config.LongestWaitMs) * time.Millisecond,
	}
}

func validateConfig(c contract.SchedulerConfig) error {
	if _, err := calendar.New(c.Calendar); err != nil {
		return fmt.Errorf("calendar: %w", err)
	}
	if c.QuantumMs <= 0 {
		return fmt.Errorf("quantumMs is %d; it must be positive", c.QuantumMs)
	}
	if c.Peak != "" && !slices.Contains(contract.PeakModes(), c.Peak) {
		return fmt.Errorf("peak is %q; allowed are %s", c.Peak, strings.Join(contract.PeakModes(), ", "))
	}
	return nil
}

// configure is idempotent by content: the same configuration changes nothing.
func (s *scheduler) configure(_ workflow.Context, c contract.SchedulerConfig) (contract.SchedulerConfig, error) {
	s.config = c
	s.state.Params = s.params()
	s.windowChecked, s.dirty = false, true
	return c, nil
}

func (s *scheduler) run(ctx workflow.Context) error {
	for {
		s.dirty = false
		now := workflow.Now(ctx)
		if s.full(ctx) && now.Sub(s.started) >= shortestRun {
			return s.continueAsNew(ctx)
		}
		s.look(ctx, now)
		decisions, wake := s.state.Decide(now)
		s.foresee(now)
		for _, d := range decisions {
			s.carryOut(ctx, d)
		}
		s.reconcile(ctx, now)
		s.show(ctx, now)
		s.alarm.set(ctx, earliest(wake, s.reconcileAt()), s.ring)
		if err := workflow.Await(ctx, func() bool { return s.dirty }); err != nil {
			return err
		}
	}
}

func (s *scheduler) ring() { s.dirty = true }

// full reports that the run should end before its history is too long.
func (s *scheduler) full(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetContinueAsNewSuggested() || info.GetCurrentHistoryLength() > historyLimit || s.signals >= signalLimit
}

// continueAsNew stops deciding, awaits what was sent, takes in what has
// arrived, and begins a new run.
func (s *scheduler) continueAsNew(ctx workflow.Context) error {
	s.draining = true
	if err := workflow.Await(ctx, func() bool { return s.outgoing == 0 && workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	s.drain(ctx)
	return workflow.NewContinueAsNewError(ctx, GPUScheduler, s.config, &SchedulerCarried{State: s.state})
}

// look asks the calendar when its last word has run out. The answer is
// recorded: a worker with newer time zone data must not change the past.
func (s *scheduler) look(ctx workflow.Context, now time.Time) {
	next := s.state.Window.NextChange
	if s.windowChecked && (next.IsZero() || now.Before(next)) {
		return
	}
	var w scheduling.Window
	spec := s.config.Calendar
	err := workflow.SideEffect(ctx, func(workflow.Context) any {
		c, err := calendar.New(spec)
		if err != nil {
			return scheduling.Window{} // validated before; closed is the safe answer
		}
		at := c.At(now)
		return scheduling.Window{Open: at.Open, NextChange: at.NextChange}
	}).Get(&w)
	if err != nil {
		workflow.GetLogger(ctx).Error("the calendar's answer cannot be read", "error", err)
		return
	}
	s.windowChecked = true
	s.state.SetWindow(w)
}

func (s *scheduler) carryOut(ctx workflow.Context, d scheduling.Decision) {
	if d.Gate != nil {
		s.setGate(ctx, *d.Gate)
		return
	}
	s.outgoing++
	job, directive := *d.Job, d.Directive
	directive.Position, directive.Times = s.expect(job.WorkflowID)
	workflow.Go(ctx, func(ctx workflow.Context) {
		err := workflow.SignalExternalWorkflow(ctx, job.WorkflowID, "", contract.SignalDirective, directive).Get(ctx, nil)
		s.outgoing--
		if err != nil {
			s.state.Ended(job)
		}
		s.dirty = true
	})
}

func (s *scheduler) setGate(ctx workflow.Context, g contract.Gate) {
	s.outgoing++
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.QueueGPUControl,
		ScheduleToCloseTimeout: contract.GateTimeout,
		StartToCloseTimeout:    contract.GateAttempt,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: contract.GateRetry, BackoffCoefficient: 1},
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		var state contract.GPUState
		answer := &state
		if err := workflow.ExecuteActivity(ctx, contract.ActivitySetGate, g).Get(ctx, answer); err != nil {
			answer = nil
		}
		s.outgoing--
		s.state.GateAnswer(workflow.Now(ctx), answer)
		s.dirty = true
	})
}

// reconcile compares with Temporal itself, at the start and every minute, every
// five when nobody waits.
func (s *scheduler) reconcile(ctx workflow.Context, now time.Time) {
	if s.reconciling || now.Before(s.reconcileAt()) {
		return
	}
	s.reconciling = true
	began := now
	s.outgoing++
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           contract.QueueGPUScheduler,
		StartToCloseTimeout: contract.ReconcileEvery,
		HeartbeatTimeout:    contract.ReconcileEvery / 2,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 2},
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		var r contract.ReconcileResult
		err := workflow.ExecuteActivity(ctx, contract.ActivityReconcile).Get(ctx, &r)
		s.outgoing--
		s.reconciling, s.reconciled = false, workflow.Now(ctx)
		s.dirty = true
		if err != nil {
			workflow.GetLogger(ctx).Warn("the comparison with Temporal failed", "error", err)
			return
		}
		jobs, more := s.state.Reconciled(workflow.Now(ctx), began, r)
		for _, job := range jobs {
			s.ask(ctx, job)
		}
		s.lookAgain = more
	})
}

// reconcileAt is when to compare next: at once at the start, zero while it does.
// A job that registers brings it forward.
func (s *scheduler) reconcileAt() time.Time {
	switch {
	case s.reconciling:
		return time.Time{}
	case s.reconciled.IsZero():
		return s.started
	case s.lookAgain:
		return s.reconciled.Add(contract.ReconcileAgain)
	case len(s.state.Jobs) == 0:
		return s.reconciled.Add(contract.ReconcileIdle)
	}
	return s.reconciled.Add(contract.ReconcileEvery)
}

// ask asks a running job to register.
func (s *scheduler) ask(ctx workflow.Context, job contract.JobRef) {
	s.outgoing++
	workflow.Go(ctx, func(ctx workflow.Context) {
		// One that has ended meanwhile needs no register.
		_ = workflow.SignalExternalWorkflow(ctx, job.WorkflowID, "", contract.SignalAskRegister, nil).Get(ctx, nil)
		s.outgoing--
		s.dirty = true
	})
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
