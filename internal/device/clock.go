package device

import "time"

const (
	// clockLasts is how long a correction of the clock counts before a smaller one
	// may replace it: clocks drift by less than that matters, and are set at times.
	clockLasts = 10 * time.Minute
	// ackGap is a time without an acknowledged heartbeat of the claim, of which one is
	// sent every second, after which a host may have slept. It is not above
	// contract.RingTimeout: a request that was given to a host which sleeps for less
	// has not been given up meanwhile.
	ackGap = 2 * time.Second
	// steadyAfter is how long a host that had such a gap is not steady: what it was
	// given before has been found out as over by then.
	steadyAfter = 30 * time.Second
)

// clock tells the server's time on a host, and a host that has been awake and connected
// from one that has slept, was frozen, or was cut off. What it is told and asked is the
// host's own wall clock, without the monotonic part, which stops while a host sleeps.
// The wall clock may be set, either way.
type clock struct {
	offset   time.Duration // to the server's clock, set at offsetAt
	offsetAt time.Time     // zero: what is known of it may be wrong
	acked    time.Time     // when the last acknowledged heartbeat of the claim was sent
	gapAt    time.Time     // when one was sent after a gap
}

// server is the server's time as far as it is known.
func (c *clock) server(now time.Time) time.Time { return now.Add(c.offset) }

// started corrects the clock: the server has just started an activity that runs here
// now. That was in the past, by an unknown time: the largest correction is the truest,
// and an activity that a sleeping host was given long ago must not set the clock back.
func (c *clock) started(now, at time.Time) {
	o := at.Sub(now)
	old := c.offsetAt.IsZero() || now.Sub(c.offsetAt).Abs() > clockLasts
	if o > c.offset || old && c.steady(now) {
		c.offset, c.offsetAt = o, now
	}
}

// claimed is the claim's first acknowledged heartbeat, which was sent at sent: what the
// host is given is newer.
func (c *clock) claimed(sent time.Time) {
	c.acked, c.gapAt, c.offsetAt = sent, time.Time{}, time.Time{}
}

// ack is another acknowledged heartbeat.
func (c *clock) ack(sent time.Time) {
	if sent.Sub(c.acked).Abs() > ackGap { // or the clock was set
		c.gapAt, c.offsetAt = sent, time.Time{}
	}
	c.acked = sent
}

// steady reports that the host has been awake and connected for a while.
func (c *clock) steady(now time.Time) bool {
	return !c.acked.IsZero() && now.Sub(c.acked).Abs() <= ackGap && now.Sub(c.gapAt) > steadyAfter
}
