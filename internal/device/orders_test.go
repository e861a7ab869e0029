package device_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

func on(until time.Time) contract.Order {
	return contract.Order{State: contract.OrderOn, Until: until, By: "ann"}
}

func gate(change int64, o contract.Orders) contract.Gate {
	return contract.Gate{Token: 100, Change: change, RevokedUpTo: 100, Orders: o}
}

func TestAPauseKeepsBatchOffForEveryToken(t *testing.T) {
	c := claimed()
	require.True(t, c.Want(noon, batchRun()).Admit)
	c.SetGate(gate(2, contract.Orders{Pause: on(noon.Add(time.Hour))}))
	v, ok := c.MayContinue(noon)
	require.False(t, ok, "the run stops after its call")
	require.Equal(t, contract.OutcomePreempted, v.Outcome)
	c.Ended(noon)
	v = c.Want(noon, batchRun())
	require.Equal(t, contract.OutcomeBounced, v.Outcome)
	require.False(t, v.LeaseOver)
	require.Contains(t, v.Reason, "paused by ann")
	require.True(t, c.Want(noon, realtimeRun("r")).Admit, "people are answered")
	c.Ended(noon)
	later := noon.Add(time.Hour)
	c.Acked(later)
	run := batchRun()
	run.Lease.Until = later.Add(time.Hour)
	require.True(t, c.Want(later, run).Admit, "it ends by itself")
}

func TestADrainKeepsEverythingOff(t *testing.T) {
	c := claimed()
	c.SetGate(gate(2, contract.Orders{Drain: on(noon.Add(time.Hour))}))
	v := c.Want(noon, realtimeRun("r"))
	require.True(t, v.Drained)
	require.Equal(t, contract.OutcomeGPUUnavailable, v.Outcome)
	require.Equal(t, contract.OutcomeBounced, c.Want(noon, batchRun()).Outcome, "a drain is no failure of the GPU")
	a, _ := c.Ring(noon, noon, request("r"))
	require.True(t, a.Health.Drained)
	require.Equal(t, contract.AdmitNothing, a.Health.Admits)
}

func TestOrdersThatAreUnchangedAreKept(t *testing.T) {
	c := claimed()
	c.SetGate(gate(2, contract.Orders{Pause: on(noon.Add(time.Hour))}))
	c.SetGate(contract.Gate{Token: 200, Change: 1, RevokedUpTo: 200})
	require.True(t, c.Gate().Orders.Pause.InForce(noon), "a new scheduler's first gate ends no pause")
	c.SetGate(contract.Gate{Token: 200, Change: 2, RevokedUpTo: 200, Orders: contract.Orders{Pause: contract.Order{State: contract.OrderOff}}})
	require.False(t, c.Gate().Orders.Pause.InForce(noon))
	require.False(t, c.SetGate(gate(3, contract.Orders{Pause: on(noon.Add(time.Hour))})), "an older one comes late")
}

func TestOrdersSurviveARestartOfTheGPUWorker(t *testing.T) {
	dir := t.TempDir()
	d := serving(t, dir)
	_, err := d.SetGate(contract.Gate{Token: 1, Change: 2, Orders: contract.Orders{Pause: on(time.Now().Add(time.Hour))}})
	require.NoError(t, err)
	_, err = d.SetGate(contract.Gate{Token: 9, Change: 1})
	require.NoError(t, err)
	again, err := device.New(device.Options{GPU: "gpu0", Host: "h", StateDir: dir})
	require.NoError(t, err)
	require.True(t, again.State().Gate.Orders.Pause.InForce(time.Now()), "the whole gate is kept, not what came last")
}
