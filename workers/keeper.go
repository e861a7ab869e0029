package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"signalbox/internal/telemetry"
	"signalbox/workflows/contract"
)

// Keeper keeps the scheduler alive and up to date with this host's file.
type Keeper struct {
	Client client.Client
	Config contract.SchedulerConfig
	Logger *slog.Logger
	// Metrics take every status that the keeper sees; nil for none.
	Metrics *telemetry.Scheduler
	// Ready is called when the scheduler is known to run.
	Ready func()

	mu    sync.Mutex
	state error // of the last look
}

// Check returns why the scheduler is not known to run, nil if it is.
func (k *Keeper) Check(context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// Run looks after the scheduler until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	ready := sync.OnceFunc(k.Ready)
	said := ""
	for ctx.Err() == nil {
		err := k.look(ctx)
		if ctx.Err() != nil {
			return
		}
		k.saw(err)
		if err == nil {
			said = ""
			ready()
			k.watch(ctx)
			continue
		}
		if err.Error() != said {
			said = err.Error()
			k.Logger.Warn("the scheduler cannot be looked after", "error", err)
		}
		wait(ctx, time.Second)
	}
}

func (k *Keeper) saw(err error) {
	k.mu.Lock()
	k.state = err
	k.mu.Unlock()
}

// watch waits until the next look; with metrics it asks how things are meanwhile.
func (k *Keeper) watch(ctx context.Context) {
	for end := time.Now().Add(contract.KeepEvery); ctx.Err() == nil && time.Now().Before(end); {
		if k.Metrics == nil {
			wait(ctx, contract.KeepEvery)
			return
		}
		wait(ctx, telemetry.StatusEvery)
		if _, err := k.status(ctx); err != nil {
			return
		}
	}
}

// status asks the scheduler for everything it knows.
func (k *Keeper) status(ctx context.Context) (contract.SchedulerStatus, error) {
	var status contract.SchedulerStatus
	ask, cancel := context.WithTimeout(ctx, contract.KeepEvery)
	defer cancel()
	answer, err := k.Client.QueryWorkflow(ask, contract.SchedulerID(k.Config.GPU), "", contract.QueryStatus)
	if err == nil {
		err = answer.Get(&status)
	}
	if err == nil {
		k.Metrics.Saw(status)
	}
	return status, err
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
	status, err := k.status(ctx)
	if err != nil {
		return err
	}
	same := status.Config.Hash == k.Config.Hash && status.Config.StoreURL == k.Config.StoreURL
	if same || status.Config.LoadedAt.After(k.Config.LoadedAt) {
		return nil
	}
	ask, cancel := context.WithTimeout(ctx, contract.KeepEvery)
	defer cancel()
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
