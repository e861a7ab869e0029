package activities

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// holdEvery is how often the claim heartbeats; its timeout is
// device.ClaimTimeout.
const holdEvery = time.Second

// Owner has the one activity of a GPU worker's own queue.
type Owner struct {
	Client client.Client
	Device *device.Device
	// Claimed is called at the first acknowledged heartbeat.
	Claimed func()
	// Stop ends the tenure.
	Stop   <-chan struct{}
	Logger *slog.Logger
}

// HoldGPU holds the claim on the GPU for as long as its heartbeats are
// acknowledged. It sends them itself instead of recording them, because only
// an answer proves that the claim stands.
func (o *Owner) HoldGPU(ctx context.Context, in contract.OwnerInput) error {
	token := activity.GetInfo(ctx).TaskToken
	held := false
	t := time.NewTicker(holdEvery)
	defer t.Stop()
	for {
		sent := time.Now().Round(0) // the wall clock goes on while a host sleeps
		err := o.beat(ctx, token)
		switch {
		case err == nil && !held:
			held = true
			o.Device.Claim(in.Instance, time.Since(sent))
			o.Claimed()
		case err == nil:
			o.Device.Acked(time.Since(sent))
		case over(err):
			o.Device.Unclaim(device.ErrClaimLost)
			return temporal.NewNonRetryableApplicationError("the claim on the GPU is over", "ClaimOver", err)
		default:
			o.Logger.Warn("a heartbeat of the claim on the GPU failed", "error", err)
		}
		select {
		case <-o.Stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
		if held && !o.Device.Owned() {
			o.Device.Unclaim(device.ErrClaimLost)
			return temporal.NewNonRetryableApplicationError("the claim's heartbeats were not acknowledged", "ClaimOver", nil)
		}
	}
}

func (o *Owner) beat(ctx context.Context, token []byte) error {
	attempt, cancel := context.WithTimeout(ctx, 2*holdEvery)
	defer cancel()
	return o.Client.RecordActivityHeartbeat(attempt, token)
}

// over reports that Temporal has ended the claim.
func over(err error) bool {
	var notFound *serviceerror.NotFound
	var cancelled *temporal.CanceledError
	return errors.As(err, &notFound) || errors.As(err, &cancelled)
}
