package device

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/workflows/contract"
)

// beats acknowledges heartbeats of every second, and returns when the last was.
func beats(c *clock, from time.Time, n int) time.Time {
	for range n {
		from = from.Add(time.Second)
		c.ack(from)
	}
	return from
}

func TestAHostIsSteadyWhileItsClaimIsAcknowledged(t *testing.T) {
	var c clock
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	require.False(t, c.steady(noon), "it has no claim")
	c.claimed(noon)
	require.True(t, c.steady(noon))
	now := beats(&c, noon, 3)
	require.True(t, c.steady(now.Add(ackGap)))
	require.LessOrEqual(t, ackGap, contract.RingTimeout, "a request that was swallowed in a shorter sleep is not over")
	require.False(t, c.steady(now.Add(ackGap+1)), "nothing was acknowledged for too long")
}

func TestAHostThatThawsIsNotSteady(t *testing.T) {
	var c clock
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	c.claimed(noon)
	thawed := beats(&c, noon, 3).Add(4 * time.Second)
	c.ack(thawed) // its claim has survived, and is acknowledged before an old activity begins
	require.False(t, c.steady(thawed))
	now := beats(&c, thawed, 29)
	require.False(t, c.steady(now))
	now = beats(&c, now, 2)
	require.True(t, c.steady(now))
}

func TestAnOldActivityDoesNotSetTheClockBackAfterALongSleep(t *testing.T) {
	var c clock
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	c.claimed(noon)
	c.started(noon, noon)
	slept := noon.Add(time.Hour)
	c.started(slept, noon.Add(time.Second)) // it was given before the sleep
	require.Equal(t, slept, c.server(slept))

	now := beats(&c, slept, 60)
	c.started(now, now.Add(-time.Minute)) // the host's clock was set forward, a minute
	require.Equal(t, now.Add(-time.Minute), c.server(now))
}

// TestAClockThatIsSet: the server's time is known again within the half minute after
// which the host is trusted, whichever way its own was set.
func TestAClockThatIsSet(t *testing.T) {
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, step := range []time.Duration{5 * time.Second, -5 * time.Second, 7 * time.Hour, -7 * time.Hour} {
		var c clock
		c.claimed(noon)
		c.started(noon, noon)
		now := beats(&c, noon, 3).Add(step)
		now = beats(&c, now, 1)
		require.False(t, c.steady(now), step)
		now = beats(&c, now, 31)
		require.True(t, c.steady(now), step)
		at := now.Add(-step)
		c.started(now, at)
		require.Equal(t, at, c.server(now), step)
	}
}

// TestAFirstActivityThatIsOldDoesNotSetTheClock: nothing is known of the server's yet.
func TestAFirstActivityThatIsOldDoesNotSetTheClock(t *testing.T) {
	var c clock
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	c.claimed(noon)
	slept := noon.Add(time.Hour)
	c.started(slept, noon)
	require.Equal(t, slept, c.server(slept))
}
