package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

// RunStage runs one stage of one document. It ends with an outcome; an error
// is only for what is broken. What an earlier attempt has finished is found in
// the store and not done again.
func (g *GPU) RunStage(ctx context.Context, in contract.StageRun) (contract.StageOutcome, error) {
	info := activity.GetInfo(ctx)
	g.Device.ServerTime(info.StartedTime)
	out := contract.StageOutcome{Attempt: int(info.Attempt)}
	stop, err := beat(ctx)
	if err != nil {
		return out, err
	}
	defer stop()

	text, err := g.Store.ReadText(ctx, in.ProjectID, in.Document.Key, store.MaxTextBytes)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrNotText):
		return out.With(contract.OutcomeFailed, err.Error()), nil
	case ctx.Err() != nil:
		return out, ctx.Err()
	case err != nil:
		return out.With(contract.OutcomeGPUUnavailable, storeProblem(err)), nil
	}
	task, err := g.Tasks.Stage(in.Stage, text, in.Options)
	if err != nil {
		return out.With(contract.OutcomeFailed, err.Error()), nil
	}
	s := &stageRun{
		gpu: g, in: in, out: out, task: task,
		key: store.StageKey(in.ProjectID, in.Job.WorkflowID, in.Document.ID, in.Stage), text: text,
		inputHash: store.HashText(task.Call.Model.Name, task.Call.System, task.Call.Prompt, string(task.Call.Format)),
	}
	return s.run(ctx)
}

// stageRun is one stage of one document on its way.
type stageRun struct {
	gpu       *GPU
	in        contract.StageRun
	out       contract.StageOutcome
	task      *tasks.Task
	key, text string
	inputHash string
}

// run looks for a finished output, and else makes one on the GPU.
func (s *stageRun) run(ctx context.Context) (contract.StageOutcome, error) {
	var earlier contract.StageOutput
	err := s.gpu.Store.ReadJSON(ctx, s.key, &earlier)
	if err == nil && earlier.InputHash == s.inputHash {
		s.out.Simulated = earlier.Simulated
		return s.out.With(contract.OutcomeDone, ""), nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrDamaged) {
		return s.unlessCancelled(ctx, s.out.With(contract.OutcomeGPUUnavailable, storeProblem(err)))
	}
	grant, verdict, err := s.gpu.Device.Acquire(ctx, device.Run{
		Class: contract.Batch, Lease: s.in.Lease, Job: s.in.Job.WorkflowID,
		Document: s.in.Document.ID, Stage: s.in.Stage, Model: s.task.Call.Model.Name,
	})
	if err != nil {
		return s.out, err
	}
	if grant == nil {
		return s.refused(verdict), nil
	}
	defer grant.End()
	got, err := s.gpu.ask(grant, s.task)
	s.out.GPUMs = grant.Elapsed().Milliseconds()
	grant.End() // the GPU is free while the output is written
	if err != nil {
		s.out.Suspect = got.suspect
		return s.failed(ctx, err)
	}
	s.out.CallsDone = 1
	return s.write(ctx, got)
}

func (s *stageRun) refused(v device.Verdict) contract.StageOutcome {
	o := s.out.With(v.Outcome, v.Reason)
	o.RetryAfterMs, o.LeaseOver = v.RetryAfter.Milliseconds(), v.LeaseOver
	return o
}

// failed turns what went wrong on the GPU into an outcome.
func (s *stageRun) failed(ctx context.Context, err error) (contract.StageOutcome, error) {
	var madeWay *errMadeWay
	var broken *errBrokenOutput
	switch {
	case errors.As(err, &madeWay):
		o := s.out.With(contract.OutcomePreempted, madeWay.Error())
		o.LeaseOver, o.LostMs = madeWay.verdict.LeaseOver, s.out.GPUMs
		return o, nil
	case errors.Is(err, device.ErrClaimLost):
		// It ran, but not as the owner: as if it had not.
		return s.out.With(contract.OutcomeBounced, err.Error()), nil
	case aborted(err):
		o := s.out.With(contract.OutcomePreempted, err.Error())
		o.LostMs = s.out.GPUMs
		return o, nil
	case errors.As(err, &broken):
		return s.out.With(contract.OutcomeFailed, "the model's answer broke the schema twice: "+broken.Error()), nil
	case isKind(err, ollama.KindModelMissing, ollama.KindRequest):
		return s.out.With(contract.OutcomeFailed, err.Error()), nil
	}
	return s.unlessCancelled(ctx, s.out.With(contract.OutcomeGPUUnavailable, err.Error()))
}

// write keeps the output, whole or not at all. It does so even when the
// activity is cancelled meanwhile: the answer is paid for.
func (s *stageRun) write(ctx context.Context, got answered) (contract.StageOutcome, error) {
	s.out.Simulated = s.gpu.Device.State().Simulated
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	err := s.gpu.Store.WriteJSON(keep, s.key, contract.StageOutput{
		DocumentID: s.in.Document.ID, Stage: s.in.Stage,
		ContentHash: store.HashText(s.text), InputHash: s.inputHash,
		Model: s.task.Call.Model.Name, Output: got.output,
		Timings: got.timings, Tokens: got.tokens, Input: s.task.Use, Simulated: s.out.Simulated,
	})
	if err != nil {
		return s.unlessCancelled(ctx, s.out.With(contract.OutcomeGPUUnavailable, storeProblem(err)))
	}
	return s.out.With(contract.OutcomeDone, ""), nil
}

// unlessCancelled prefers the activity's own end to an outcome it caused.
func (s *stageRun) unlessCancelled(ctx context.Context, o contract.StageOutcome) (contract.StageOutcome, error) {
	return o, ctx.Err()
}

// writeTimeout bounds the write of an output after a cancellation.
const writeTimeout = 10 * time.Second
