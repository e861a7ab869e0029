package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"signalbox/activities"
	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// Times of a GPU worker's claim.
const (
	// claimRetry is how often a refused worker asks for the claim again.
	claimRetry = time.Second
	// claimGrace is how long a tenure may take to begin.
	claimGrace = 20 * time.Second
	// goodbye bounds the orderly end of a tenure.
	goodbye = 5 * time.Second
)

// GPUHost is the gpu role: it claims the GPU and serves it for as long as the
// claim stands.
type GPUHost struct {
	Client client.Client
	Device *device.Device
	GPU    *activities.GPU
	// Name of the GPU, and of this host.
	Name, Host string
	// Lock is the host's.
	Lock   *device.HostLock
	Logger *slog.Logger
	// Ready is called when the GPU is served for the first time.
	Ready func()
}

// Run serves the GPU until ctx ends. It returns an error only when it cannot
// begin to.
func (h *GPUHost) Run(ctx context.Context) error {
	owner := NewOwner(h.Client)
	if err := owner.Start(); err != nil {
		return fmt.Errorf("poll %s: %w", contract.QueueGPUOwner, err)
	}
	defer owner.Stop()
	var ready sync.Once
	var said string
	for ctx.Err() == nil {
		err := h.tenure(ctx, func() {
			if said != "" {
				h.Logger.Warn("this GPU worker serves now")
				said = ""
			}
			ready.Do(h.Ready)
		})
		if err != nil && ctx.Err() == nil {
			if err.Error() != said {
				said = err.Error()
				h.Logger.Warn("this GPU worker does not serve", "reason", err)
			}
			wait(ctx, claimRetry)
			continue
		}
		said = ""
	}
	return nil
}

// tenure claims the GPU and serves it until the claim is over.
func (h *GPUHost) tenure(ctx context.Context, ready func()) error {
	instance := h.Host + "-" + uuid.NewString()[:8]
	claim, err := h.claim(ctx, instance)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	claimed := make(chan struct{})
	host := NewHost(h.Client, instance, &activities.Owner{
		Client: h.Client, Device: h.Device, Stop: stop, Logger: h.Logger,
		Claimed: sync.OnceFunc(func() { close(claimed) }),
	})
	if err := host.Start(); err != nil {
		return fmt.Errorf("poll %s: %w", contract.QueueGPUHost(instance), err)
	}
	defer host.Stop()
	over := make(chan error, 1)
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	go func() { over <- claim.Get(watch, nil) }()
	defer h.leave(stop, over)

	select {
	case <-claimed:
	case err := <-over:
		over <- err
		return fmt.Errorf("the claim on the GPU ended before it began: %w", errors.Join(err, errEnded))
	case <-time.After(claimGrace):
		return errors.New("the claim on the GPU did not begin; is a worker polling " + contract.QueueGPUOwner + "?")
	case <-ctx.Done():
		return nil
	}
	return h.serve(ctx, instance, ready)
}

var errEnded = errors.New("ended")

// serve polls the GPU's queues while the claim stands.
func (h *GPUHost) serve(ctx context.Context, instance string, ready func()) error {
	gpu, control := NewGPU(h.Client, h.GPU), NewControl(h.Client, &activities.Control{Device: h.Device})
	for _, w := range []worker.Worker{control, gpu} {
		if err := w.Start(); err != nil {
			return fmt.Errorf("poll the GPU's queues: %w", err)
		}
		defer w.Stop()
	}
	h.Logger.Info("serving the GPU", "gpu", h.Name, "instance", instance)
	ready()
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			// A batch run makes way with its checkpoint; a realtime run may
			// end within the stop grace.
			h.Device.Stopping()
			return nil
		case <-t.C:
			if !h.Device.Owned() {
				h.Device.Unclaim(device.ErrClaimLost)
				return device.ErrClaimLost
			}
		}
	}
}

// leave ends the tenure in order: the claim's activity returns, its workflow
// tells the scheduler, and the next worker may claim.
func (h *GPUHost) leave(stop chan struct{}, over <-chan error) {
	h.Device.Unclaim(device.ErrStopping)
	close(stop)
	select {
	case err := <-over:
		if err != nil {
			h.Logger.Info("the claim on the GPU has ended", "error", err)
		}
	case <-time.After(goodbye):
	}
}

// claim starts GPUOwner: the start is the claim. One that a dead worker has left is
// ended, because this process has the lock under which it was made.
func (h *GPUHost) claim(ctx context.Context, instance string) (client.WorkflowRun, error) {
	h.Lock.Claiming(instance)
	run, err := h.start(ctx, instance)
	if err != nil {
		return nil, err
	}
	if err := h.Lock.Claimed(instance); err != nil {
		h.Logger.Warn("after a crash the next worker will wait until this one's claim has timed out", "error", err)
	}
	return run, nil
}

func (h *GPUHost) start(ctx context.Context, instance string) (client.WorkflowRun, error) {
	options := client.StartWorkflowOptions{
		ID: contract.OwnerID(h.Name), TaskQueue: contract.QueueGPUOwner,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		WorkflowTaskTimeout:                      3 * time.Second,
		Memo: map[string]any{
			contract.MemoHost: h.Host, contract.MemoInstance: instance,
		},
		StaticSummary: "claim of " + h.Host + " on GPU " + h.Name,
	}
	in := contract.OwnerInput{GPU: h.Name, Instance: instance, Host: h.Host}
	run, err := h.Client.ExecuteWorkflow(ctx, options, contract.WorkflowGPUOwner, in)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if !errors.As(err, &started) {
		if err != nil {
			return nil, fmt.Errorf("claim the GPU: %w", err)
		}
		return run, nil
	}
	d, err := h.Client.DescribeWorkflowExecution(ctx, options.ID, "")
	if err != nil {
		return nil, fmt.Errorf("ask who holds the GPU: %w", err)
	}
	memo := d.GetWorkflowExecutionInfo().GetMemo()
	holder := activities.MemoString(memo, contract.MemoInstance)
	if !h.Lock.Made(holder) {
		return nil, fmt.Errorf("host %s holds the claim on GPU %s (%s); this worker takes over when that one is gone",
			activities.MemoString(memo, contract.MemoHost), h.Name, holder)
	}
	h.Logger.Info("ending the claim that a dead worker of this host has left", "instance", holder)
	runID := d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	if err := h.Client.TerminateWorkflow(ctx, options.ID, runID, "its GPU worker died; the host's lock is free"); err != nil {
		var gone *serviceerror.NotFound
		if !errors.As(err, &gone) {
			return nil, fmt.Errorf("end the dead worker's claim: %w", err)
		}
	}
	run, err = h.Client.ExecuteWorkflow(ctx, options, contract.WorkflowGPUOwner, in)
	if err != nil {
		return nil, fmt.Errorf("claim the GPU: %w", err)
	}
	return run, nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
