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
	for {
		handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: contract.SchedulerID(gpu), UpdateName: update, Args: []any{r},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(ctx, &out)
		}
		// The scheduler continues as new, or has just begun to.
		var notReady *serviceerror.WorkflowNotReady
		if !errors.As(err, &notReady) || ctx.Err() != nil {
			return out, err
		}
		pause(ctx, 200*time.Millisecond)
	}
}
