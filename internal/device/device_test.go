package device_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// serving is a device that holds the claim and has its first gate.
func serving(t *testing.T, dir string) *device.Device {
	d, err := device.New(device.Options{GPU: "gpu0", Host: "h", StateDir: dir})
	require.NoError(t, err)
	d.Claim("a", 0)
	_, err = d.SetGate(contract.Gate{Token: 1, Change: 1, RevokedUpTo: 1})
	require.NoError(t, err)
	return d
}

func batch() device.Run {
	return device.Run{Class: contract.Batch, Lease: contract.Lease{Token: 2, Until: time.Now().Add(time.Hour)}}
}

func acquire(t *testing.T, d *device.Device, r device.Run) *device.Grant {
	g, v, err := d.Acquire(context.Background(), r)
	require.NoError(t, err)
	require.NotNil(t, g, "%+v", v)
	return g
}

func TestARingCancelsTheRunsContext(t *testing.T) {
	d := serving(t, "")
	g := acquire(t, d, batch())
	_, err := d.Ring(request("r"), time.Now())
	require.NoError(t, err)
	<-g.Context().Done()
	require.ErrorIs(t, g.Aborted(), device.ErrPreempted)
	_, ok := g.MayContinue()
	require.False(t, ok)
	g.End()
	g.End() // harmless
	_, v, err := d.Acquire(context.Background(), batch())
	require.NoError(t, err)
	require.Equal(t, contract.OutcomeBounced, v.Outcome)
	acquire(t, d, realtimeRun("r")).End()
	acquire(t, d, batch()).End()
}

func TestAnActivityThatIsCancelledIsNoPreemption(t *testing.T) {
	d := serving(t, "")
	ctx, cancel := context.WithCancel(context.Background())
	g, _, err := d.Acquire(ctx, batch())
	require.NoError(t, err)
	cancel()
	<-g.Context().Done()
	require.NoError(t, g.Aborted())
	g.End()
}

func TestTheSlotIsOne(t *testing.T) {
	d := serving(t, "")
	var inside, most atomic.Int32
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			run := realtimeRun("r")
			run.Request.Attempt = i
			g, _, err := d.Acquire(context.Background(), run)
			if err != nil || g == nil {
				t.Error("a realtime run was refused", err)
				return
			}
			n := inside.Add(1)
			for now := most.Load(); n > now && !most.CompareAndSwap(now, n); now = most.Load() {
			}
			runtime.Gosched() // lets another one in if it can
			inside.Add(-1)
			g.End()
		})
	}
	all.Wait()
	require.EqualValues(t, 1, most.Load())
	require.Zero(t, d.State().Overlaps)
}

func TestALostClaimAbortsTheRun(t *testing.T) {
	d := serving(t, "")
	g := acquire(t, d, realtimeRun("r"))
	d.Unclaim(device.ErrClaimLost)
	<-g.Context().Done()
	require.ErrorIs(t, g.Aborted(), device.ErrClaimLost)
	g.End()
	_, err := d.Ring(request("r"), time.Now())
	require.ErrorIs(t, err, device.ErrUnclaimed)
	_, err = d.SetGate(contract.Gate{Token: 9})
	require.ErrorIs(t, err, device.ErrUnclaimed)
}

func TestTheGateSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	serving(t, dir)
	d, err := device.New(device.Options{StateDir: dir})
	require.NoError(t, err)
	require.EqualValues(t, 1, d.State().Gate.RevokedUpTo)
}

func TestNewsIsSentAgainUntilItIsTaken(t *testing.T) {
	d := serving(t, "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sent := make(chan contract.GPUState)
	tries := 0
	go d.Report(ctx, func(_ context.Context, s contract.GPUState) error {
		if tries++; tries == 1 {
			return errors.New("the scheduler is missing")
		}
		sent <- s
		return nil
	})
	_, err := d.Ring(request("r"), time.Now())
	require.NoError(t, err)
	first := <-sent
	require.Equal(t, 1, first.RealtimeWaiting)
	acquire(t, d, realtimeRun("r")).End()
	second := <-sent
	require.Zero(t, second.RealtimeWaiting)
	require.Greater(t, second.Seq, first.Seq)
}

func TestOneGPUWorkerOnAHost(t *testing.T) {
	dir := t.TempDir()
	l, err := device.LockHost(dir, "http://a:1")
	require.NoError(t, err)
	_, err = device.LockHost(dir, "http://a:1")
	require.ErrorContains(t, err, "runs on this host already (pid ")
	other, err := device.LockHost(dir, "http://b:1")
	require.NoError(t, err)
	require.NoError(t, other.Unlock())
	require.NoError(t, l.Unlock())
	l, err = device.LockHost(dir, "http://a:1")
	require.NoError(t, err)
	require.NoError(t, l.Unlock())
}

// TestALockKnowsTheClaimOfTheWorkerBefore: and no other worker's, though host and
// model server have the same names.
func TestALockKnowsTheClaimOfTheWorkerBefore(t *testing.T) {
	dir := t.TempDir()
	lock := func(dir string) *device.HostLock {
		l, err := device.LockHost(dir, "http://a:1")
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Unlock() })
		return l
	}
	first := lock(dir)
	require.False(t, first.Made(""))
	require.False(t, first.Made("h-1"))
	first.Claiming("h-0")
	require.True(t, first.Made("h-0"), "its start may have been accepted")
	require.NoError(t, first.Claimed("h-1"))
	require.NoError(t, first.Claimed("h-2"))
	require.True(t, first.Made("h-1"), "its own")
	require.NoError(t, first.Unlock())

	next := lock(dir)
	require.True(t, next.Made("h-2"))
	require.False(t, next.Made("h-3"))
	require.False(t, lock(t.TempDir()).Made("h-2"))
}

func TestAnActivityFromBeforeASleepDoesNotSetTheClockBack(t *testing.T) {
	d := serving(t, "")
	d.ServerTime(time.Now().Add(time.Hour)) // the server's clock is ahead
	d.ServerTime(time.Now())                // given an hour ago, by that clock
	d.Acked(0)
	run := batch()
	run.Lease.Until = time.Now().Add(30 * time.Minute)
	_, v, err := d.Acquire(t.Context(), run)
	require.NoError(t, err)
	require.True(t, v.LeaseOver, "%+v", v)
}
