package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// resolveHeartbeat is when an attempt at a source without heartbeats is lost.
const resolveHeartbeat = 10 * time.Second

// resolve finds out where the text of the source is. It takes of maxWait: the
// request has not come to the GPU yet.
func (r *revision) resolve(ctx workflow.Context) error {
	r.show(ctx, contract.Progress{Phase: contract.PhaseWaiting, Total: 1, Reason: "looking at " + r.in.Source})
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.QueueAIRealtime,
		ScheduleToCloseTimeout: r.deadline.Sub(workflow.Now(ctx)),
		HeartbeatTimeout:       resolveHeartbeat,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 5 * time.Second},
		Summary:                summary(r.in.Source),
	}), contract.ActivityResolveText, contract.ResolveInput{
		ProjectID: r.in.ProjectID, Source: r.in.Source, Pages: r.in.Pages,
	}).Get(ctx, &r.source)
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return contract.NewUnavailable(contract.Unavailable{
			Reason: contract.ReasonWaitExceeded, Detail: "the source could not be read within maxWait: " + timeout.Error(),
		})
	}
	if err != nil {
		return directCause(err)
	}
	return nil
}
