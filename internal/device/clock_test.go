package device

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
	require.False(t, c.steady(now.Add(ackGap+1)), "nothing was acknowledged for too long")
}

func TestAHostThatThawsIsNotSteady(t *testing.T) {
	var c clock
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	c.claimed(noon)
	thawed := beats(&c, noon, 3).Add(4 * time.Second)
	c.ack(thawed) // its claim has survived, and is acknowledged before an old activity begins
	require.False(t, c.steady(thawed))
	beats(&c, thawed, 29)
	require.False(t, c.steady(thawed.Add(29*time.Second)))
	beats(&c, thawed, 31)
	require.True(t, c.steady(thawed.Add(31*time.Second)))
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
