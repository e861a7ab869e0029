package device

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/workflows/contract"
)

// warmCore is a core on which batch has had its share, and a realtime request
// with the model text has just ended.
func warmCore(t *testing.T) (*Core, time.Time) {
	now := time.Date(2026, 1, 5, 20, 0, 0, 0, time.UTC)
	c := NewCore(contract.Gate{})
	c.Claim(now, "i")
	c.SetGate(contract.Gate{Token: 1, Change: 1})
	step := func(d time.Duration) {
		now = now.Add(d)
		c.Acked(now)
	}
	run := func(r Run, d time.Duration) {
		require.True(t, c.Want(now, r).Admit)
		c.Loaded(0)
		step(d)
		c.Ended(now)
	}
	run(batchRun(now, "text"), ShareWindow/ShareLeast+time.Second)
	run(Run{Class: contract.Realtime, Model: "text", Request: contract.RequestRef{RunID: "r"}}, time.Second)
	return c, now
}

func batchRun(now time.Time, model string) Run {
	return Run{Class: contract.Batch, Model: model, Lease: contract.Lease{Token: 9, Until: now.Add(24 * time.Hour)}}
}

func TestTheRealtimeModelIsKeptWarm(t *testing.T) {
	c, now := warmCore(t)
	v := c.Want(now, batchRun(now, "embed"))
	require.Equal(t, contract.OutcomeBounced, v.Outcome)
	require.Equal(t, LoadGuess, v.RetryAfter)
	require.Contains(t, v.Reason, "text is kept warm")
	require.False(t, v.LeaseOver)

	require.True(t, c.Want(now, batchRun(now, "text")).Admit, "the same model makes nothing leave")
	c.Ended(now)
	off := batchRun(now, "embed")
	off.OffCard = true
	require.True(t, c.Want(now, off).Admit, "a model off the card makes nothing leave")
}

func TestNoLongerThanALoadOfItTakes(t *testing.T) {
	c, now := warmCore(t)
	c.warm.loaded(Run{Model: "text"}, 3*time.Second)
	require.Equal(t, 3*time.Second, c.Want(now, batchRun(now, "embed")).RetryAfter, "as learned")
	later := now.Add(3 * time.Second)
	c.Acked(later)
	require.True(t, c.Want(later, batchRun(now, "embed")).Admit)
}

func TestBatchIsNotKeptBelowItsShare(t *testing.T) {
	c, now := warmCore(t)
	// Much later the GPU was hardly batch's in the last ten minutes.
	later := now.Add(ShareWindow)
	c.Acked(later)
	r := Run{Class: contract.Realtime, Model: "text", Request: contract.RequestRef{RunID: "s"}}
	require.True(t, c.Want(later, r).Admit)
	c.Ended(later)
	require.True(t, c.Want(later, batchRun(later, "embed")).Admit)
}
