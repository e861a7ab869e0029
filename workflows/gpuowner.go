package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// Times of the claim.
const (
	// claimHeartbeat is when a claim without heartbeats is over; the device's
	// ClaimTimeout is the same.
	claimHeartbeat = 5 * time.Second
	// claimStart is how long a claimant may take to begin its tenure.
	claimStart = 15 * time.Second
	// claimTenure only has to be longer than any tenure.
	claimTenure = 10 * 365 * 24 * time.Hour
)

// GPUOwner is the claim of one GPU worker on one GPU: its start is the claim,
// and its one activity lasts as long as the tenure. When that ends the
// scheduler is told, and the next worker may claim.
func GPUOwner(ctx workflow.Context, in contract.OwnerInput) error {
	hold := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.QueueGPUHost(in.Instance),
		ScheduleToStartTimeout: claimStart,
		StartToCloseTimeout:    claimTenure,
		HeartbeatTimeout:       claimHeartbeat,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                in.Host,
	})
	reason := "the GPU worker has stopped"
	if err := workflow.ExecuteActivity(hold, contract.ActivityHoldGPU, in).Get(ctx, nil); err != nil {
		reason = err.Error()
	}
	last, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	// Awaited: a signal sent in the same task as the end would be lost. That
	// the scheduler is missing is its keeper's business.
	err := workflow.SignalExternalWorkflow(last, contract.SchedulerID(in.GPU), "", contract.SignalHostGone,
		contract.HostGone{Instance: in.Instance, Reason: reason}).Get(last, nil)
	if err != nil {
		workflow.GetLogger(ctx).Info("the scheduler was not told that the GPU host is gone", "error", err)
	}
	return nil
}
