package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// obey sets the updates of the job up. Made twice they are the same: what they say
// is what holds.
func (b *batch) obey(ctx workflow.Context) error {
	for _, u := range contract.JobUpdates() {
		err := operatorUpdate(ctx, u, b.refuse,
			func(ctx workflow.Context, r contract.OperatorRequest, lasts time.Duration) (contract.JobResult, error) {
				return b.operate(ctx, u.Name, r, lasts), nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// refuse says why the job takes no updates any more.
func (b *batch) refuse() error {
	if !b.ending && !b.state.Cancelled {
		return nil
	}
	return &contract.FieldError{
		Field: "job", Reason: b.ref.WorkflowID + " is ending; what has failed can be requeued as a new job when it has ended",
	}
}

func (b *batch) operate(ctx workflow.Context, update string, r contract.OperatorRequest, lasts time.Duration) (out contract.JobResult) {
	switch update {
	case contract.UpdatePauseJob:
		b.state.PauseUntil(ordered(ctx, r, lasts))
	case contract.UpdateResumeJob:
		b.state.Resume(endedOrder(r))
	case contract.UpdateRequeueFailed:
		out.Requeued = b.state.Requeue()
	}
	b.dirty = true
	out.Progress, out.Pause, out.OnQueue = b.progress(), b.state.Pause, b.state.OnQueue()
	return out
}
