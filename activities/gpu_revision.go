package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// RunRevision answers one realtime request. It is one run on the GPU, however
// many model calls it makes. Errors: AIServiceUnavailable, InvalidInput,
// InvalidModelOutput, or that the attempt was lost.
func (g *GPU) RunRevision(ctx context.Context, in contract.RevisionRun) (contract.RevisionResult, error) {
	var none contract.RevisionResult
	info := activity.GetInfo(ctx)
	g.Device.ServerTime(info.StartedTime)
	stop, err := beat(ctx)
	if err != nil {
		return none, err
	}
	defer stop()
	task, err := g.Tasks.Revision(in.Input)
	if err != nil {
		return none, contract.NewInvalidInput(err)
	}
	grant, verdict, err := g.Device.Acquire(ctx, device.Run{
		Class: contract.Realtime, Request: in.Request, Job: in.Request.WorkflowID,
		Document: in.Input.DocumentID, Stage: in.Input.Task, Model: task.Call.Model.Name,
	})
	if err != nil {
		return none, err
	}
	if grant == nil {
		return none, refused(verdict)
	}
	defer grant.End()
	got, err := g.ask(grant, task)
	if err != nil {
		return none, revisionError(err)
	}
	got.timings.QueuedMs = info.StartedTime.Sub(info.ScheduledTime).Milliseconds()
	return contract.RevisionResult{
		Task: in.Input.Task, Model: task.Call.Model.Name, Output: got.output,
		Timings: got.timings, Tokens: got.tokens, Input: task.Use, Simulated: g.Device.State().Simulated,
	}, nil
}

// refused turns the device's verdict on a realtime run into its error.
func refused(v device.Verdict) error {
	if v.Outcome == contract.OutcomeGPUUnavailable {
		return contract.NewUnavailable(contract.Unavailable{Reason: contract.ReasonUnhealthy, Detail: v.Reason})
	}
	return contract.NewLost(v.Reason)
}

// revisionError turns what went wrong on the GPU into what the caller sees.
func revisionError(err error) error {
	var broken *errBrokenOutput
	switch {
	case aborted(err):
		return contract.NewLost(err.Error())
	case errors.As(err, &broken):
		return contract.NewInvalidModelOutput(broken.Error())
	case isKind(err, ollama.KindLoad, ollama.KindModelMissing):
		return contract.NewUnavailable(contract.Unavailable{Reason: contract.ReasonLoadFailed, Detail: err.Error()})
	case isKind(err, ollama.KindRequest):
		return contract.NewInvalidInput(err)
	case isKind(err, ollama.KindUnavailable):
		return contract.NewUnavailable(contract.Unavailable{Reason: contract.ReasonUnhealthy, Detail: err.Error()})
	}
	return err
}
