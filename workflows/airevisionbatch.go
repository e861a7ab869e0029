package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"signalbox/internal/job"
	"signalbox/workflows/contract"
)

// BatchCarried is what a batch job carries across continue-as-new.
type BatchCarried struct {
	State *job.State `json:"state"`
	// ManifestHash of the first reading.
	ManifestHash string `json:"manifestHash,omitempty"`
}

// AIRevisionBatch takes 1 to 20,000 documents through their stages whenever
// the scheduler lets it. Its input is contract.BatchInput as JSON; carried is
// empty but for a job that continues.
func (a *AI) AIRevisionBatch(ctx workflow.Context, raw converter.RawValue, carried *BatchCarried) (contract.BatchResult, error) {
	b := &batch{raw: raw, listing: a.Listing, ai: a}
	err := b.setup(ctx, carried)
	var result contract.BatchResult
	if err == nil {
		result, err = b.run(ctx)
	}
	if err != nil && !workflow.IsContinueAsNewError(err) {
		p := ended(b.progress(), err)
		b.last = &p
	}
	b.show(ctx)
	return result, err
}

// historyLimit is when a job continues as new, well below the 4,096 events at
// which the server suggests it.
const historyLimit = 3000

type batch struct {
	raw          converter.RawValue
	listing      *Listing
	ai           *AI
	backend      bool // is told of documents
	listed       listed
	failedListed int // of the documents that failed
	in           contract.BatchInput
	ref          contract.JobRef
	state        *job.State
	manifestHash string

	// gpu is cancelled with the job, which ends what it has outstanding.
	gpu       workflow.Context
	cancelGPU workflow.CancelFunc
	await     workflow.CancelFunc // ends the wait for the GPU

	dirty    bool
	sending  int
	draining bool
	ending   bool // the report is being written
	alarm    alarm
	fatal    error
	last     *contract.Progress // how the job ended, if not well
}

func (b *batch) setup(ctx workflow.Context, carried *BatchCarried) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.QueryProgress,
		func() (contract.Progress, error) { return b.progress(), nil },
		workflow.QueryHandlerOptions{Description: "Phase, documents done and failed, and what the job waits for."})
	if err != nil {
		return err
	}
	err = workflow.SetQueryHandlerWithOptions(ctx, contract.QueryDocuments,
		func(q contract.DocumentsQuery) (contract.DocumentsPage, error) {
			if b.state == nil {
				return contract.DocumentsPage{}, nil
			}
			return b.state.Documents(q)
		},
		workflow.QueryHandlerOptions{Description: "States and reasons of the documents in hand; {from, limit, state}."})
	if err != nil {
		return err
	}
	if b.in, err = contract.DecodeBatchInput(b.raw.Payload().GetData()); err != nil {
		return contract.NewInvalidInput(err)
	}
	info := workflow.GetInfo(ctx)
	b.ref = contract.JobRef{WorkflowID: info.WorkflowExecution.ID, RunID: info.FirstRunID}
	b.state = job.New(b.in.Stages, b.in.Priority)
	if carried != nil && carried.State != nil {
		b.state, b.manifestHash = carried.State, carried.ManifestHash
	}
	b.gpu, b.cancelGPU = workflow.NewDisconnectedContext(ctx)
	if err = b.obey(ctx); err != nil {
		return err
	}
	b.receive(ctx)
	if err := b.list(ctx); err != nil {
		return err
	}
	b.backend, err = b.ai.tellsBackend(ctx)
	return err
}

// list makes the job one that can be listed.
func (b *batch) list(ctx workflow.Context) (err error) {
	if b.listed, err = b.listing.start(ctx); err != nil {
		return err
	}
	b.listed.set(ctx, contract.AttrProject.ValueSet(b.in.ProjectID), contract.AttrFailed.ValueSet(int64(b.state.Counts.Failed)))
	b.failedListed = b.state.Counts.Failed
	return nil
}

// listFailures brings the number of failed documents up to date, once for each
// chunk: each time is an event.
func (b *batch) listFailures(ctx workflow.Context) {
	if n := b.state.Counts.Failed; n != b.failedListed {
		b.failedListed = n
		b.listed.set(ctx, contract.AttrFailed.ValueSet(int64(n)))
	}
}

// receive listens to the scheduler until the run ends.
func (b *batch) receive(ctx workflow.Context) {
	quiet, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(quiet, func(ctx workflow.Context) {
		for {
			var d contract.Directive
			workflow.GetSignalChannel(ctx, contract.SignalDirective).Receive(ctx, &d)
			b.directed(ctx, d)
		}
	})
	workflow.Go(quiet, func(ctx workflow.Context) {
		for {
			workflow.GetSignalChannel(ctx, contract.SignalAskRegister).Receive(ctx, nil)
			b.askedToRegister()
		}
	})
	workflow.Go(quiet, func(ctx workflow.Context) {
		for {
			var p int
			workflow.GetSignalChannel(ctx, contract.SignalPriority).Receive(ctx, &p)
			b.prioritized(ctx, p)
		}
	})
}

// prioritized takes over the priority that an operator gave the job. Runs from before
// a job registered for that go on without.
func (b *batch) prioritized(ctx workflow.Context, p int) {
	if workflow.GetVersion(ctx, "register-priority", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		b.state.Priority = p
	} else {
		b.state.SetPriority(p)
	}
	b.dirty = true
}

// drain takes in what has arrived and was not received yet. Before the run
// continues as new: what it leaves behind is lost.
func (b *batch) drain(ctx workflow.Context) {
	var d contract.Directive
	for workflow.GetSignalChannel(ctx, contract.SignalDirective).ReceiveAsync(&d) {
		b.directed(ctx, d)
		d = contract.Directive{}
	}
	for workflow.GetSignalChannel(ctx, contract.SignalAskRegister).ReceiveAsync(nil) {
		b.askedToRegister()
	}
	var p int
	for workflow.GetSignalChannel(ctx, contract.SignalPriority).ReceiveAsync(&p) {
		b.prioritized(ctx, p)
	}
}

func (b *batch) askedToRegister() {
	b.state.AskedToRegister()
	b.dirty = true
}

func (b *batch) directed(ctx workflow.Context, d contract.Directive) {
	if b.state.Directed(workflow.Now(ctx), d) && b.await != nil {
		b.await()
	}
	b.dirty = true
}

func (b *batch) run(ctx workflow.Context) (contract.BatchResult, error) {
	quiet, _ := workflow.NewDisconnectedContext(ctx)
	for {
		b.dirty = false
		info := workflow.GetInfo(ctx)
		b.draining = b.draining || info.GetContinueAsNewSuggested() || info.GetCurrentHistoryLength() > historyLimit
		d := b.state.Decide(workflow.Now(ctx), b.ref, b.draining && !b.state.Awaiting)
		if b.fatal != nil || d.End {
			return b.end(quiet, ctx.Err())
		}
		b.carryOut(ctx, quiet, d)
		if b.draining && b.state.Idle() && b.sending == 0 && !b.state.Cancelled {
			b.drain(ctx)
			return contract.BatchResult{}, workflow.NewContinueAsNewError(ctx, contract.WorkflowAIRevisionBatch, b.raw,
				&BatchCarried{State: b.state, ManifestHash: b.manifestHash})
		}
		b.show(ctx)
		err := workflow.Await(ctx, func() bool { return b.dirty })
		if err != nil { // cancelled: from here on wait without that context
			b.state.Cancel()
			b.cancelGPU()
			ctx = detached(ctx)
		}
	}
}

// detached is ctx as it is after its cancellation was taken notice of.
func detached(ctx workflow.Context) workflow.Context {
	d, _ := workflow.NewDisconnectedContext(ctx)
	return d
}

func (b *batch) carryOut(ctx, quiet workflow.Context, d job.Decision) {
	if d.Prepare != nil {
		b.prepare(quiet, *d.Prepare)
	}
	if d.Record {
		b.record(quiet)
	}
	if d.Register != nil {
		b.tell(quiet, contract.SignalRegister, d.Register, func(ok bool) { b.state.Registered(workflow.Now(quiet), ok) })
	}
	if d.Finishing {
		b.tell(quiet, contract.SignalFinishing, contract.Registration{Job: b.ref, Priority: b.state.Priority, Left: b.state.Left()},
			func(bool) {})
	}
	for _, r := range d.Queue {
		b.queue(r)
	}
	if b.state.Awaiting && b.await == nil {
		b.awaitGPU()
	}
	b.alarm.set(ctx, d.Wake, func() { b.dirty = true })
}

// tell signals the scheduler and awaits that it has the signal.
func (b *batch) tell(ctx workflow.Context, name string, payload any, done func(ok bool)) {
	b.sending++
	workflow.Go(ctx, func(ctx workflow.Context) {
		err := workflow.SignalExternalWorkflow(ctx, contract.SchedulerID(contract.DefaultGPU), "", name, payload).Get(ctx, nil)
		b.sending--
		done(err == nil)
		b.dirty = true
	})
}

// end writes the report, says goodbye to the scheduler, and makes the result.
func (b *batch) end(ctx workflow.Context, cancelled error) (contract.BatchResult, error) {
	b.ending = true
	err := b.fatal
	var report contract.ReportResult
	if err == nil && b.state.Total > 0 {
		report, err = b.report(ctx)
	}
	if e := workflow.Await(ctx, func() bool { return b.sending == 0 }); e != nil {
		return contract.BatchResult{}, e
	}
	b.tell(ctx, contract.SignalJobEnded, contract.JobEnded{Job: b.ref}, func(bool) {})
	if b.state.Cancelled && cancelled == nil {
		cancelled = temporal.NewCanceledError()
	}
	result := b.result(report)
	b.tellEnd(ctx, result, err)
	if e := workflow.Await(ctx, func() bool { return b.sending == 0 }); e != nil {
		return contract.BatchResult{}, e
	}
	if err != nil {
		return contract.BatchResult{}, directCause(err)
	}
	if b.state.Cancelled {
		return contract.BatchResult{}, cancelled
	}
	return result, nil
}

func (b *batch) result(report contract.ReportResult) contract.BatchResult {
	c := b.state.Counts
	return contract.BatchResult{
		ProjectID: b.in.ProjectID,
		Total:     b.state.Total, Done: c.Done, Failed: c.Failed, Cancelled: c.Cancelled, Duplicates: c.Duplicates,
		Preemptions: c.Preemptions, OftenPreempted: c.OftenPreempted, Bounces: c.Bounces, Continued: c.Continued, GPUMs: c.GPUMs, LostGPUMs: c.LostGPUMs,
		Report: report.Key, Simulated: c.Simulated,
		Failures: report.Failures,
	}
}

// directCause takes the activity away from around an application error.
func directCause(err error) error {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app
	}
	return err
}

func (b *batch) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, describe(b.progress()))
}

// progress of the job, or how it ended.
func (b *batch) progress() contract.Progress {
	switch {
	case b.last != nil:
		return *b.last
	case b.state == nil:
		return contract.Progress{Phase: contract.PhaseWaiting}
	}
	return b.state.Progress()
}

// retryForever waits for the store or a worker for as long as it takes.
func retryForever() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute}
}
