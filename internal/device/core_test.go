package device_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

var noon = time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)

// claimed is a core that holds the claim and has its first gate.
func claimed() *device.Core {
	c := device.NewCore(contract.Gate{})
	c.Claim(noon, "a")
	c.SetGate(contract.Gate{Token: 100, Change: 1, RevokedUpTo: 100})
	return c
}

func batchRun() device.Run {
	return device.Run{Class: contract.Batch, Job: "job", Lease: contract.Lease{Token: 200, Until: noon.Add(time.Hour)}}
}

func request(id string) contract.RequestRef {
	return contract.RequestRef{WorkflowID: id, RunID: "run-" + id, Attempt: 1}
}

func realtimeRun(id string) device.Run {
	return device.Run{Class: contract.Realtime, Request: request(id)}
}

func TestBatchIsAdmittedWhenNothingForbidsIt(t *testing.T) {
	require.True(t, claimed().Want(noon, batchRun()).Admit)
}

func TestBatchIsRefused(t *testing.T) {
	cases := map[string]struct {
		setup     func(*device.Core) device.Run
		outcome   contract.Outcome
		leaseOver bool
	}{
		"due": {func(c *device.Core) device.Run {
			c.Ring(noon, noon, request("r"))
			return batchRun()
		}, contract.OutcomeBounced, false},
		"until": {func(*device.Core) device.Run {
			r := batchRun()
			r.Lease.Until = noon
			return r
		}, contract.OutcomeBounced, true},
		"revoked": {func(*device.Core) device.Run {
			r := batchRun()
			r.Lease.Token = 100
			return r
		}, contract.OutcomeBounced, true},
		"unhealthy": {func(c *device.Core) device.Run {
			c.Probed(contract.Health{Value: contract.Unhealthy, Admits: contract.AdmitNothing, Reason: "gone"})
			return batchRun()
		}, contract.OutcomeGPUUnavailable, false},
		"failed run": {func(c *device.Core) device.Run {
			c.RunFailed(noon, "boom")
			return batchRun()
		}, contract.OutcomeGPUUnavailable, false},
		"no claim": {func(c *device.Core) device.Run {
			c.Unclaim()
			return batchRun()
		}, contract.OutcomeBounced, false},
		"stopping": {func(c *device.Core) device.Run {
			c.Stopping()
			return batchRun()
		}, contract.OutcomeBounced, false},
		"busy": {func(c *device.Core) device.Run {
			c.Want(noon, realtimeRun("r"))
			return batchRun()
		}, contract.OutcomeBounced, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := claimed()
			v := c.Want(noon, tc.setup(c))
			require.False(t, v.Admit)
			require.Equal(t, tc.outcome, v.Outcome)
			require.Equal(t, tc.leaseOver, v.LeaseOver)
			require.NotEmpty(t, v.Reason)
		})
	}
}

func TestNoBatchBeforeTheFirstGateButNotForLong(t *testing.T) {
	c := device.NewCore(contract.Gate{})
	c.Claim(noon, "a")
	v := c.Want(noon, batchRun())
	require.Equal(t, contract.OutcomeBounced, v.Outcome)
	require.Equal(t, device.DueRetry, v.RetryAfter, "the gate is on its way")
	for waited, want := range map[time.Duration]time.Duration{
		2 * time.Second: 2 * time.Second, 4 * time.Second: 4 * time.Second, 9 * time.Second: time.Second,
	} {
		c.Acked(noon.Add(waited))
		require.Equal(t, want, c.Want(noon.Add(waited), batchRun()).RetryAfter)
	}
	later := noon.Add(device.FirstGateWait)
	c.Acked(later)
	require.True(t, c.Want(later, batchRun()).Admit, "a missing scheduler holds batch up for 10 s only")
}

func TestRealtimeIsAdmittedWhereBatchIsNot(t *testing.T) {
	c := claimed()
	c.RunFailed(noon, "boom")
	require.True(t, c.Want(noon, realtimeRun("r")).Admit)

	c = claimed()
	c.Probed(contract.Health{Value: contract.Unhealthy, Admits: contract.AdmitNothing, Reason: "down"})
	v := c.Want(noon, realtimeRun("r"))
	require.Equal(t, contract.OutcomeGPUUnavailable, v.Outcome)
	require.Equal(t, "down", v.Reason)
}

func TestRingPreemptsBatchOnly(t *testing.T) {
	c := claimed()
	c.Want(noon, batchRun())
	answer, preempt := c.Ring(noon, noon, request("r"))
	require.True(t, preempt)
	require.Equal(t, 1, answer.Position)
	_, ok := c.MayContinue(noon)
	require.False(t, ok)

	c.Ended(noon)
	require.True(t, c.Want(noon, realtimeRun("r")).Admit)
	answer, preempt = c.Ring(noon, noon, request("r"))
	require.False(t, preempt)
	require.Equal(t, contract.PhaseRunning, answer.Phase)
	_, preempt = c.Ring(noon, noon, request("second"))
	require.False(t, preempt, "one realtime request does not preempt another")
	require.Equal(t, 1, c.Waiting())
}

func TestAnEndedRequestIsNotDue(t *testing.T) {
	c := claimed()
	c.Ring(noon, noon, request("r"))
	c.Want(noon, realtimeRun("r"))
	c.Ended(noon)
	_, preempt := c.Ring(noon, noon, request("r")) // a ring that comes late
	require.False(t, preempt)
	require.True(t, c.Want(noon, batchRun()).Admit)
}

func TestARequestThatNoLongerRingsIsForgotten(t *testing.T) {
	c := claimed()
	c.Ring(noon, noon, request("r"))
	later := noon.Add(device.RingExpiry)
	c.Acked(later)
	require.False(t, c.Want(later, batchRun()).Admit)
	later = later.Add(time.Millisecond)
	require.True(t, c.Want(later, batchRun()).Admit, "a request that was terminated needs no message")
}

func TestARequestThatIsSentAwayIsNotDue(t *testing.T) {
	c := claimed()
	c.Probed(contract.Health{Value: contract.Unhealthy, Admits: contract.AdmitNothing, Reason: "down"})
	answer, _ := c.Ring(noon, noon, request("r"))
	require.Equal(t, contract.AdmitNothing, answer.Health.Admits)
	require.Zero(t, c.Waiting(), "it goes away with that answer")
}

func TestAWithdrawnRequestIsNotDue(t *testing.T) {
	c := claimed()
	c.Ring(noon, noon, request("r"))
	c.Withdraw(noon, request("r"))
	c.Ring(noon, noon, request("r")) // a ring that comes late
	require.True(t, c.Want(noon, batchRun()).Admit)
}

func TestAnOldRingIsIgnored(t *testing.T) {
	c := claimed()
	c.Want(noon, batchRun())
	_, preempt := c.Ring(noon, noon.Add(-device.RingTooOld-time.Millisecond), request("r"))
	require.False(t, preempt, "a host that wakes up answers old rings")
}

func TestALaterAttemptReplacesAnEarlierOne(t *testing.T) {
	c := claimed()
	first, second := request("r"), request("r")
	second.Attempt = 2
	c.Ring(noon, noon, first)
	c.Ring(noon, noon, second)
	require.Equal(t, 1, c.Waiting())
}

func TestUntilIsEnforcedBetweenCalls(t *testing.T) {
	c := claimed()
	r := batchRun()
	r.Lease.Until = noon.Add(time.Minute)
	require.True(t, c.Want(noon, r).Admit)
	_, ok := c.MayContinue(noon)
	require.True(t, ok)
	c.Acked(noon.Add(time.Minute))
	v, ok := c.MayContinue(noon.Add(time.Minute))
	require.False(t, ok)
	require.True(t, v.LeaseOver)
	require.Equal(t, contract.OutcomePreempted, v.Outcome)
}

func TestAStaleClaimStopsTheRun(t *testing.T) {
	c := claimed()
	c.Want(noon, batchRun())
	late := noon.Add(device.ClaimTimeout + time.Millisecond)
	require.False(t, c.Tick(noon.Add(device.ClaimTimeout)))
	require.True(t, c.Tick(late))
	_, ok := c.MayContinue(late)
	require.False(t, ok)
	c.Ended(late)
	require.False(t, c.Want(late, realtimeRun("r")).Admit, "another host may own the GPU by now")
}

func TestAnOlderGateIsIgnored(t *testing.T) {
	c := claimed()
	require.False(t, c.SetGate(contract.Gate{Token: 99, Change: 5}))
	require.False(t, c.SetGate(contract.Gate{Token: 100, Change: 1}))
	require.True(t, c.SetGate(contract.Gate{Token: 100, Change: 2, RevokedUpTo: 250}))
	require.True(t, c.Want(noon, batchRun()).LeaseOver)
}

func TestFailedRunsBackOffAndSuccessEndsIt(t *testing.T) {
	c := claimed()
	now := noon
	for _, wait := range []time.Duration{10, 20, 40, 80, 160, 300, 300} {
		c.RunFailed(now, "boom")
		until := now.Add(wait * time.Second)
		require.Equal(t, contract.AdmitRealtime, c.Health(until.Add(-time.Millisecond)).Admits)
		require.Equal(t, contract.AdmitAll, c.Health(until).Admits)
		now = until
	}
	require.False(t, c.RunFailed(now, "boom"), "one failure after another: it is the GPU")
	c.RunSucceeded()
	require.True(t, c.RunFailed(now, "boom"), "it worked until this run: the run is suspect")
	c.RunSucceeded()
	require.Equal(t, contract.AdmitAll, c.Health(now).Admits)
}

// TestOneOutageIsOneBackOff: a request that fails a moment after a document does not
// keep batch away for twice as long.
func TestOneOutageIsOneBackOff(t *testing.T) {
	c := claimed()
	c.RunFailed(noon, "boom")
	later := noon.Add(4 * time.Second)
	c.RunFailed(later, "boom")
	until := later.Add(device.FailBackoffMin)
	require.Equal(t, contract.AdmitRealtime, c.Health(until.Add(-time.Millisecond)).Admits)
	require.Equal(t, contract.AdmitAll, c.Health(until).Admits)
}

func TestALateRingOfAnOlderAttemptIsIgnored(t *testing.T) {
	older, newer := request("r"), request("r")
	newer.Attempt = 2
	for name, known := range map[string]func(*device.Core){
		"due":     func(c *device.Core) { c.Ring(noon, noon, newer) },
		"running": func(c *device.Core) { c.Want(noon, device.Run{Class: contract.Realtime, Request: newer}) },
		"ended": func(c *device.Core) {
			c.Want(noon, device.Run{Class: contract.Realtime, Request: newer})
			c.Ended(noon)
		},
	} {
		c := claimed()
		known(c)
		waiting := c.Waiting()
		c.Ring(noon, noon, older)
		require.Equal(t, waiting, c.Waiting(), name)
	}
}

func TestTheWaitIsLearned(t *testing.T) {
	c := claimed()
	a, _ := c.Ring(noon, noon, request("a"))
	require.Zero(t, a.EtaSeconds, "nothing has been learned yet")
	c.Want(noon, realtimeRun("a"))
	c.Ended(noon.Add(20 * time.Second))
	c.Acked(noon.Add(20 * time.Second))
	later := noon.Add(20 * time.Second)
	c.Want(later, realtimeRun("b"))
	later = later.Add(5 * time.Second)
	first, _ := c.Ring(later, later, request("c"))
	require.Equal(t, 15, first.EtaSeconds, "the rest of the one that runs")
	second, _ := c.Ring(later, later, request("d"))
	require.Equal(t, 35, second.EtaSeconds, "and one more")
	c.Ended(later)
	run := batchRun()
	c.Withdraw(later, request("c"))
	c.Withdraw(later, request("d"))
	require.True(t, c.Want(later, run).Admit)
	alone, _ := c.Ring(later, later, request("e"))
	require.Zero(t, alone.EtaSeconds, "batch makes way at once")
}

func TestTheGateTellsUntilWhenBatchIsClosed(t *testing.T) {
	c := claimed()
	require.Zero(t, c.ClosedUntil())
	g := contract.Gate{Token: 100, Change: 1, RevokedUpTo: 100, ClosedUntil: noon.Add(time.Hour)}
	require.False(t, c.SetGate(g), "the gate is the same")
	require.Equal(t, noon.Add(time.Hour), c.ClosedUntil())
	require.Zero(t, c.Gate().ClosedUntil)
	g.ClosedUntil = time.Time{}
	c.SetGate(g)
	require.Zero(t, c.ClosedUntil())
}
