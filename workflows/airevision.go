package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// gpuBackstop ends a GPU activity whose own budgets (configuration, timeouts)
// have not: it is no budget itself.
const gpuBackstop = 2 * time.Hour

// AIRevision answers one realtime request: one run on the GPU, for which batch
// makes way. Its input is contract.RevisionInput as JSON. It waits for the
// scheduler for nothing, and works while that is down.
func (a *AI) AIRevision(ctx workflow.Context, raw converter.RawValue) (contract.RevisionResult, error) {
	r := &revision{listing: a.Listing, progress: contract.Progress{Phase: contract.PhaseWaiting, Total: 1}}
	err := r.setup(ctx, raw)
	var result contract.RevisionResult
	if err == nil {
		result, err = r.run(ctx)
	}
	if err != nil {
		r.show(ctx, ended(r.progress, err))
	}
	return result, err
}

type revision struct {
	listing  *Listing
	in       contract.RevisionInput
	source   *contract.Prepared // what is known of in.Source
	progress contract.Progress
	deadline time.Time
}

func (r *revision) setup(ctx workflow.Context, raw converter.RawValue) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.QueryProgress,
		func() (contract.Progress, error) { return r.progress, nil },
		workflow.QueryHandlerOptions{Description: "Phase, position and reason of this request."})
	if err != nil {
		return err
	}
	if r.in, err = contract.DecodeRevisionInput(raw.Payload().GetData()); err != nil {
		return contract.NewInvalidInput(err)
	}
	if err := r.checkSchema(ctx); err != nil {
		return err
	}
	// From its start: a request that no worker took up in time is not wanted any more.
	r.deadline = workflow.GetInfo(ctx).WorkflowStartTime.Add(r.in.MaxWaitDuration())
	return r.list(ctx)
}

// list makes the request one that can be listed.
func (r *revision) list(ctx workflow.Context) error {
	listed, err := r.listing.start(ctx)
	if err != nil {
		return err
	}
	listed.set(ctx, slices.Concat(text(contract.AttrProject, r.in.ProjectID),
		text(contract.AttrDocument, r.in.DocumentID), text(contract.AttrTask, r.in.Task))...)
	return nil
}

// checkSchema records what is wrong with the schema: the words may differ from
// one time to the next, and a replay has to say the same.
func (r *revision) checkSchema(ctx workflow.Context) error {
	if !r.in.HasSchema() {
		return nil
	}
	var wrong *contract.FieldError
	err := workflow.SideEffect(ctx, func(workflow.Context) any {
		var f *contract.FieldError
		errors.As(contract.CheckSchema("schema", r.in.Schema), &f)
		return f
	}).Get(&wrong)
	if err != nil || wrong == nil {
		return err
	}
	return contract.NewInvalidInput(wrong)
}

func (r *revision) run(ctx workflow.Context) (contract.RevisionResult, error) {
	if r.in.Source != "" {
		if err := r.resolve(ctx); err != nil {
			return contract.RevisionResult{}, err
		}
	}
	for attempt := 1; ; attempt++ {
		result, err := r.attempt(ctx, attempt)
		switch {
		case err == nil:
			r.show(ctx, contract.Progress{Phase: contract.PhaseDone, Done: 1, Total: 1})
			return result, nil
		case !errors.Is(err, errLost):
			return result, err
		case attempt == contract.RealtimeAttempts:
			return result, contract.NewUnavailable(contract.Unavailable{
				Reason: contract.ReasonLost, Detail: "the GPU worker was lost twice while it answered",
			})
		}
		r.show(ctx, contract.Progress{
			Phase: contract.PhaseWaiting, Total: 1, Reason: "the GPU worker was lost; once more",
		})
	}
}

// errLost is that an attempt was lost with its GPU worker.
var errLost = errors.New("the attempt was lost with its GPU worker")

// attempt schedules the run and its rings, and waits for whichever ends it.
func (r *revision) attempt(ctx workflow.Context, n int) (contract.RevisionResult, error) {
	var none contract.RevisionResult
	wait := r.deadline.Sub(workflow.Now(ctx))
	if wait <= 0 {
		return none, r.waitExceeded()
	}
	info := workflow.GetInfo(ctx).WorkflowExecution
	ref := contract.RequestRef{WorkflowID: info.ID, RunID: info.RunID, Attempt: n}
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()

	run := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.QueueGPU,
		ScheduleToStartTimeout: wait,
		StartToCloseTimeout:    gpuBackstop,
		HeartbeatTimeout:       contract.RealtimeHeartbeat,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Priority:               temporal.Priority{PriorityKey: contract.PriorityRealtime},
		Summary:                r.in.Task,
	}), contract.ActivityRunRevision, contract.RevisionRun{Request: ref, Input: r.in, Source: r.source})

	bell := bell{first: n == 1}
	for !run.IsReady() {
		ring := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, ringOptions()),
			contract.ActivityYieldGPU, contract.Ring{Request: ref})
		if err := r.await(ctx, run, ring); err != nil {
			r.withdraw(ctx, ref)
			return none, err
		}
		if run.IsReady() {
			break
		}
		var answer contract.RingAnswer
		if err := bell.heard(&answer, ring.Get(ctx, &answer)); err != nil {
			return none, err
		}
		r.answered(ctx, answer)
		if err := r.await(ctx, run, workflow.NewTimer(ctx, contract.RingEvery)); err != nil {
			r.withdraw(ctx, ref)
			return none, err
		}
	}
	var result contract.RevisionResult
	err := r.runError(run.Get(ctx, &result))
	if u, ok := contract.AsUnavailable(err); ok && u.Reason == contract.ReasonWaitExceeded {
		r.withdraw(ctx, ref)
	}
	return result, err
}

// withdraw tells the device that the request no longer waits, so that batch
// need not make way for it until its last ring expires. Should that fail, the
// expiry does the same.
func (r *revision) withdraw(ctx workflow.Context, ref contract.RequestRef) {
	last, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(last, ringOptions()),
		contract.ActivityYieldGPU, contract.Ring{Request: ref, Withdrawn: true}).Get(last, nil)
	if err != nil {
		workflow.GetLogger(ctx).Info("the device was not told that the request has gone", "error", err)
	}
}

func ringOptions() workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              contract.QueueGPUControl,
		ScheduleToCloseTimeout: contract.RingTimeout,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: contract.RingRetry, BackoffCoefficient: 1,
		},
	}
}

// await waits for either of two futures.
func (r *revision) await(ctx workflow.Context, a, b workflow.Future) error {
	return workflow.Await(ctx, func() bool { return a.IsReady() || b.IsReady() })
}

// answered shows what the device said to a ring.
func (r *revision) answered(ctx workflow.Context, a contract.RingAnswer) {
	if a.Instance == "" {
		return
	}
	p := contract.Progress{Phase: a.Phase, Total: 1, Position: a.Position, EtaSeconds: a.EtaSeconds}
	now := workflow.Now(ctx).UTC()
	if a.RunSeconds > 0 {
		p.EndsAt = now.Add(time.Duration(a.EtaSeconds+a.RunSeconds) * time.Second)
	}
	if a.Phase == contract.PhaseWaiting {
		p.Reason = fmt.Sprintf("waiting for the GPU, position %d", a.Position)
		if a.EtaSeconds > 0 {
			p.Reason += fmt.Sprintf(", about %d s", a.EtaSeconds)
			p.StartsAt = now.Add(time.Duration(a.EtaSeconds) * time.Second)
		}
	}
	r.show(ctx, p)
}

func (r *revision) show(ctx workflow.Context, p contract.Progress) {
	r.progress = p
	text := p.Phase
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	workflow.SetCurrentDetails(ctx, text)
}

func (r *revision) waitExceeded() error {
	return contract.NewUnavailable(contract.Unavailable{
		Reason: contract.ReasonWaitExceeded, Detail: "no model call could start within maxWait (" + r.in.MaxWait + ")",
	})
}

// runError makes of a failed run what the caller is to see.
func (r *revision) runError(err error) error {
	if err == nil {
		return nil
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		if timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
			return r.waitExceeded()
		}
		return errLost
	}
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return err
	}
	if app.Type() == contract.ErrTypeLost {
		return errLost
	}
	return app // the workflow's direct cause, without the activity around it
}

// bell counts the rings that nobody answered.
type bell struct {
	first  bool
	missed int
}

// heard takes the outcome of one ring. It returns an error when the request
// cannot be served.
func (b *bell) heard(a *contract.RingAnswer, err error) error {
	defer func() { b.first = false }()
	if temporal.IsCanceledError(err) {
		return err
	}
	if err != nil {
		*a = contract.RingAnswer{}
		if b.missed++; b.first || b.missed == contract.MissedRings {
			return contract.NewUnavailable(contract.Unavailable{
				Reason: contract.ReasonHostGone, Detail: "the GPU host does not answer",
			})
		}
		return nil
	}
	b.missed = 0
	if a.Phase != contract.PhaseRunning && a.Health.Admits == contract.AdmitNothing {
		reason := contract.ReasonUnhealthy
		if a.Health.Drained {
			reason = contract.ReasonDrained
		}
		return contract.NewUnavailable(contract.Unavailable{Reason: reason, Detail: a.Health.Reason})
	}
	return nil
}
