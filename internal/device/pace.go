package device

import (
	"math"
	"time"
)

// paceWeight is how much the newest run counts for: a quarter, so that a handful
// of runs of another kind change what is expected.
const paceWeight = 0.25

// pace is how long realtime runs take, learned.
type pace struct{ mean time.Duration }

func (p *pace) learn(took time.Duration) {
	if p.mean == 0 {
		p.mean = took
		return
	}
	p.mean += time.Duration(paceWeight * float64(took-p.mean))
}

// eta is when a request at a position of the line will start, in seconds: when
// the run before it ends, and one more for each that is ahead. 0 where nothing
// has been learned; batch makes way at once.
func (c *Core) eta(now time.Time, position int) int {
	if c.pace.mean == 0 {
		return 0
	}
	wait := time.Duration(position-1) * c.pace.mean
	if c.run != nil && c.run.Request.RunID != "" {
		wait += max(0, c.pace.mean-now.Sub(c.runSince))
	}
	return int(math.Ceil(wait.Seconds()))
}
