package activities

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"signalbox/internal/device"
	"signalbox/internal/documents"
	"signalbox/internal/ollama"
	"signalbox/internal/tasks"
	"signalbox/internal/telemetry"
	"signalbox/workflows/contract"
)

// RunRevision answers one realtime request. It is one run on the GPU, however
// many model calls it makes. Errors: AIServiceUnavailable, InvalidInput,
// InvalidModelOutput, or that the attempt was lost.
func (g *GPU) RunRevision(ctx context.Context, in contract.RevisionRun) (contract.RevisionResult, error) {
	var none contract.RevisionResult
	info := activity.GetInfo(ctx)
	g.Device.ServerTime(info.StartedTime)
	r := &revisionRun{gpu: g, in: in, pulse: g.beat(ctx)}
	defer r.pulse.stop()
	queued := info.StartedTime.Sub(info.ScheduledTime)
	g.Metrics.Waited(queued)
	out, err := r.do(ctx)
	if err != nil {
		err = revisionError(err)
		r.measure(err)
		return none, err
	}
	out.Task, out.Simulated = in.Input.Task, g.Device.State().Simulated
	out.Timings, out.Tokens, out.Cleanup = r.session.timings, r.session.tokens, r.session.cleanup
	out.Timings.QueuedMs = queued.Milliseconds()
	r.measure(nil)
	return out, nil
}

// do answers the request, and gives the GPU back.
func (r *revisionRun) do(ctx context.Context) (out contract.RevisionResult, err error) {
	if err := r.prepare(ctx); err != nil {
		return out, err
	}
	if r.session, err = r.gpu.enter(ctx, r.pulse, r.run()); err != nil {
		return out, err
	}
	defer func() {
		r.busy = r.session.grant.Elapsed()
		r.session.end()
	}()
	return r.answer(ctx)
}

// measure records the run that has ended.
func (r *revisionRun) measure(err error) {
	run := telemetry.Run{OnGPU: r.session != nil, Class: contract.Realtime, Stage: r.in.Input.Task, Outcome: string(contract.OutcomeDone), Busy: r.busy}
	var app *temporal.ApplicationError
	switch {
	case errors.As(err, &app):
		run.Outcome = app.Type()
	case err != nil:
		run.Outcome = outcomeError
	}
	if r.session != nil {
		run.Tokens = r.session.tokens
	}
	r.gpu.Metrics.Ran(run)
}

// revisionRun is one request on its way.
type revisionRun struct {
	gpu     *GPU
	in      contract.RevisionRun
	session *session
	pulse   *pulse
	busy    time.Duration
	text    string // of the source
	read    bool   // the source's text is still to be read from page images
}

func (r *revisionRun) run() device.Run {
	run := device.Run{
		Class: contract.Realtime, Request: r.in.Request, Job: r.in.Request.WorkflowID,
		Document: r.in.Input.DocumentID, Stage: r.in.Input.Task, Model: r.gpu.Tasks.Model.Name,
	}
	if r.in.Input.Task == contract.TaskEmbed {
		run.Model, run.OffCard = r.gpu.Tasks.Embedder.Model.Name, r.gpu.Tasks.Embedder.Model.CPU
	}
	return run
}

// prepare does what needs no GPU.
func (r *revisionRun) prepare(ctx context.Context) error {
	in := r.in.Input
	if in.Task == contract.TaskEmbed {
		if r.gpu.Tasks.Embedder == nil {
			return &contract.FieldError{Field: "task", Reason: "embed: the GPU host has no embedding model (configuration, models.embed.name)"}
		}
		return nil
	}
	if r.in.Source == nil {
		_, err := r.task()
		return err
	}
	if err := r.gpu.shared(*r.in.Source); err != nil {
		return err
	}
	r.read = r.in.Source.Origin == contract.TextOCR
	if r.read {
		return nil
	}
	var err error
	r.text, err = documents.Text(ctx, r.gpu.Store, in.ProjectID, in.Source, *r.in.Source)
	return documentError(err)
}

func (r *revisionRun) task() (*tasks.Task, error) { return r.gpu.Tasks.Revision(r.in.Input, r.text) }

// answer makes the model calls.
func (r *revisionRun) answer(ctx context.Context) (contract.RevisionResult, error) {
	var out contract.RevisionResult
	if r.in.Input.Task == contract.TaskEmbed {
		return r.embed()
	}
	if r.read {
		if err := r.readSource(ctx); err != nil {
			return out, err
		}
	}
	task, err := r.task()
	if err != nil {
		return out, err
	}
	output, task, err := r.session.ask(task, r.task)
	if err != nil {
		return out, err
	}
	out.Output, out.Model, out.Input = output, task.Call.Model.Name, task.Use
	out.Source = r.in.Source
	return out, nil
}

func (r *revisionRun) embed() (contract.RevisionResult, error) {
	e := r.gpu.Tasks.Embedder
	vectors, err := r.session.embed(e.Call(r.in.Input.Purpose, r.in.Input.Texts))
	if err != nil {
		return contract.RevisionResult{}, err
	}
	out := contract.Vectors{Dimensions: len(vectors[0]), Vectors: vectors}
	use := contract.InputUse{}
	for _, t := range r.in.Input.Texts {
		use.TotalChars += len([]rune(t))
	}
	use.UsedChars = use.TotalChars
	raw, err := json.Marshal(out)
	return contract.RevisionResult{Output: raw, Model: e.Model.Name, Input: use}, err
}

// readSource reads the pages that nobody has read before.
func (r *revisionRun) readSource(ctx context.Context) error {
	in := r.in.Input
	d := r.gpu.scan(in.ProjectID, in.Source, contract.ContentTypeOf(in.Source), *r.in.Source)
	out, err := r.gpu.pages(ctx, d, func(page int) (tasks.PageText, error) { return r.session.readPage(ctx, d, page) })
	if err != nil {
		return err
	}
	r.text = out.Text
	return r.gpu.forgetImages(ctx, d)
}

// revisionError turns what went wrong into what the caller sees.
func revisionError(err error) error {
	var broken *errBrokenOutput
	var refused *errRefused
	var away *errStore
	var own *documents.Problem
	var field *contract.FieldError
	unavailable := func(reason contract.Reason) error {
		return contract.NewUnavailable(contract.Unavailable{Reason: reason, Detail: err.Error()})
	}
	switch {
	case errors.As(err, &refused):
		if refused.verdict.Drained {
			return unavailable(contract.ReasonDrained)
		}
		if refused.verdict.Outcome == contract.OutcomeGPUUnavailable {
			return unavailable(contract.ReasonUnhealthy)
		}
		return contract.NewLost(refused.Error())
	case aborted(err):
		return contract.NewLost(err.Error())
	case errors.As(err, &broken):
		return contract.NewInvalidModelOutput(broken.Error())
	case errors.As(err, &own):
		return contract.NewInvalidInput(&contract.FieldError{Field: "source", Reason: own.Error()})
	case errors.As(err, &field):
		return contract.NewInvalidInput(field)
	case isKind(err, ollama.KindLoad, ollama.KindNoRoom, ollama.KindModelMissing):
		return unavailable(contract.ReasonLoadFailed)
	case isKind(err, ollama.KindTooLong):
		return contract.NewInvalidInput(&contract.FieldError{Field: "input", Reason: "is longer than the model's context window: " + err.Error()})
	case isKind(err, ollama.KindRequest):
		return contract.NewInvalidInput(err)
	case isKind(err, ollama.KindUnavailable, ollama.KindOutput), errors.As(err, &away):
		return unavailable(contract.ReasonUnhealthy)
	}
	return err
}
