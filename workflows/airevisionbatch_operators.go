package workflows

import (
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// obey sets the updates of the job up. Made twice they are the same: what they say
// is what holds.
func (b *batch) obey(ctx workflow.Context) error {
	for _, u := range contract.JobUpdates() {
		err := workflow.SetUpdateHandlerWithOptions(ctx, u.Name,
			func(ctx workflow.Context, raw converter.RawValue) (contract.JobResult, error) {
				return b.operate(ctx, u, raw)
			},
			workflow.UpdateHandlerOptions{Description: u.Help, Validator: func(raw converter.RawValue) error {
				if _, _, err := contract.DecodeOperatorRequest(u, raw.Payload().GetData()); err != nil {
					return contract.NewInvalidInput(err)
				}
				if b.ending || b.state.Cancelled {
					return contract.NewInvalidInput(&contract.FieldError{
						Field: "job", Reason: b.ref.WorkflowID + " is ending; what has failed can be requeued as a new job when it has ended",
					})
				}
				return nil
			}})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) operate(ctx workflow.Context, u contract.OperatorUpdate, raw converter.RawValue) (contract.JobResult, error) {
	var out contract.JobResult
	r, lasts, err := contract.DecodeOperatorRequest(u, raw.Payload().GetData())
	if err != nil {
		return out, contract.NewInvalidInput(err)
	}
	switch u.Name {
	case contract.UpdatePauseJob:
		b.state.PauseUntil(contract.Order{
			State: contract.OrderOn, Reason: r.Reason, By: r.By, Until: workflow.Now(ctx).Add(lasts).UTC(),
		})
	case contract.UpdateResumeJob:
		b.state.Resume(contract.Order{State: contract.OrderOff, Reason: r.Reason, By: r.By})
	case contract.UpdateRequeueFailed:
		out.Requeued = b.state.Requeue()
	}
	b.dirty = true
	out.Progress, out.Pause, out.OnQueue = b.progress(), b.state.Pause, b.state.OnQueue()
	return out, nil
}
