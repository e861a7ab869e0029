package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// Control has the activities of the gpu-control queue. They reach the device
// in this process and never touch the GPU.
type Control struct {
	Device *device.Device
}

// YieldGPU tells the device that a realtime request is due, and answers at
// once with health, phase and position.
func (c *Control) YieldGPU(ctx context.Context, r contract.Ring) (contract.RingAnswer, error) {
	info := activity.GetInfo(ctx)
	c.Device.ServerTime(info.StartedTime)
	if r.Withdrawn {
		c.Device.Withdraw(r.Request)
		return contract.RingAnswer{}, nil
	}
	answer, err := c.Device.Ring(r.Request, info.ScheduledTime)
	return answer, unclaimed(err)
}

// SetGate brings the scheduler's gate and answers with the device's whole state.
func (c *Control) SetGate(ctx context.Context, g contract.Gate) (contract.GPUState, error) {
	c.Device.ServerTime(activity.GetInfo(ctx).StartedTime)
	state, err := c.Device.SetGate(g)
	return state, unclaimed(err)
}

// AwaitGPU fails while the GPU cannot serve batch; its retry policy is the
// wait. The first attempt always fails, so that the wait comes first.
func (c *Control) AwaitGPU(ctx context.Context, in contract.AwaitInput) error {
	info := activity.GetInfo(ctx)
	if info.Attempt == 1 {
		return contract.NewGPUUnavailable(in.Reason)
	}
	if !c.Device.Owned() {
		return unclaimed(device.ErrUnclaimed)
	}
	if h := c.Device.Health(); h.Admits != contract.AdmitAll {
		return contract.NewGPUUnavailable(h.Reason)
	}
	return nil
}

// unclaimed makes the device's refusal an error that is retried: another GPU
// worker may have the claim.
func unclaimed(err error) error {
	if errors.Is(err, device.ErrUnclaimed) {
		return contract.NewUnclaimed(err.Error())
	}
	return err
}
