package starter

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"signalbox/workflows/contract"
)

// Operate makes one of the scheduler's updates for operators
// (contract.OperatorUpdates): it answers when the device has the order, or that
// it is pending. Bad input is refused with an error of type InvalidInput.
func (s *Starter) Operate(ctx context.Context, gpu, update string, r contract.OperatorRequest) (contract.OperatorResult, error) {
	var out contract.OperatorResult
	return out, s.update(ctx, contract.SchedulerID(gpu), update, r, &out)
}

// SetPriority gives a job another priority among jobs, 1 (first) to 5. A job that
// the scheduler does not know is refused with an error of type InvalidInput.
func (s *Starter) SetPriority(ctx context.Context, gpu string, r contract.PriorityRequest) (contract.PriorityResult, error) {
	var out contract.PriorityResult
	return out, s.update(ctx, contract.SchedulerID(gpu), contract.UpdateSetPriority, r, &out)
}

// update makes an update of a workflow and waits for its answer.
func (s *Starter) update(ctx context.Context, workflow, name string, in, out any) error {
	for {
		handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: workflow, UpdateName: name, Args: []any{in},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(ctx, out)
		}
		// The workflow continues as new, or has just begun to.
		var notReady *serviceerror.WorkflowNotReady
		if !errors.As(err, &notReady) || ctx.Err() != nil {
			return notFound(workflow, err)
		}
		pause(ctx, 200*time.Millisecond)
	}
}
