package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"signalbox/internal/telemetry"
	"signalbox/workflows/contract"
)

// keepEvery is how often the keeper looks at the scheduler.
const keepEvery = 10 * time.Second

// Keeper keeps the scheduler alive and up to date with this host's file.
type Keeper struct {
	Client client.Client
	Config contract.SchedulerConfig
	Logger *slog.Logger
	// Metrics take every status that the keeper sees; nil for none.
	Metrics *telemetry.Scheduler
	// Ready is called when the scheduler is known to run.
	Ready func()
}

// Run looks after the scheduler until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	ready, said := k.Ready, ""
	for ctx.Err() == nil {
		err := k.look(ctx)
		switch {
		case err == nil:
			said = ""
			if ready != nil {
				ready()
				ready = nil
			}
		case ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			k.Logger.Warn("the scheduler cannot be looked after", "error", err)
		}
		if err != nil {
			wait(ctx, time.Second)
			continue
		}
		wait(ctx, keepEvery)
	}
}

// look starts the scheduler if it is missing, and brings it this host's
// configuration if that is newer than what it has.
func (k *Keeper) look(ctx context.Context) error {
	id := contract.SchedulerID(k.Config.GPU)
	_, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: contract.QueueGPUScheduler,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowTaskTimeout:      3 * time.Second,
		StaticSummary:            "who may use GPU " + k.Config.GPU + ", and when",
	}, contract.WorkflowGPUScheduler, k.Config)
	if err != nil {
		return err
	}
	ask, cancel := context.WithTimeout(ctx, keepEvery)
	defer cancel()
	answer, err := k.Client.QueryWorkflow(ask, id, "", contract.QueryStatus)
	if err != nil {
		return err
	}
	var status contract.SchedulerStatus
	if err := answer.Get(&status); err != nil {
		return err
	}
	k.Metrics.Saw(status)
	same := status.Config.Hash == k.Config.Hash && status.Config.StoreURL == k.Config.StoreURL
	if same || status.Config.LoadedAt.After(k.Config.LoadedAt) {
		return nil
	}
	update, err := k.Client.UpdateWorkflow(ask, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: contract.UpdateConfigure,
		// Not the hash alone: a file that is put back has the hash of an update
		// that was made before, and the server would not make it again.
		UpdateID: fmt.Sprintf("configure-%s-%d", k.Config.Hash, k.Config.LoadedAt.UnixNano()),
		Args:     []any{k.Config}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = update.Get(ask, nil)
	}
	var notReady *serviceerror.WorkflowNotReady
	if errors.As(err, &notReady) {
		return nil // it continues as new; the next look tries again
	}
	return err
}
