package simulation

import "time"

// card is the GPU: it sees the model calls, and nobody else's word counts.
type card struct {
	w       *world
	running map[*call]bool
	done    map[string]int  // finished batch calls by key
	thawed  map[string]bool // those that a host finished that was frozen meanwhile
	// freeSince is since when nothing has kept batch from running.
	freeSince time.Time
}

// call is one model call.
type call struct {
	h        *host
	key      string
	realtime bool
	began    time.Time
	frozen   bool // its host was, meanwhile
}

// begin is a model call that begins.
func (c *card) begin(h *host, key string, realtime bool) *call {
	x := &call{h: h, key: key, realtime: realtime, began: c.w.now}
	for other := range c.running {
		// One that thaws aborts within two seconds.
		if !other.h.frozen && c.w.now.Sub(other.h.thawed) > 2*time.Second {
			c.w.fail("two runs on the GPU: %s on %s and %s on %s", other.key, other.h.name, key, h.name)
		}
	}
	c.running[x] = true
	c.w.say("%s: call %s begins", h.name, key)
	if !realtime {
		c.w.checkCall(key)
	}
	return x
}

// end is a model call that has ended, finished or aborted.
func (c *card) end(x *call, finished bool) {
	if !c.running[x] {
		return
	}
	delete(c.running, x)
	if !x.realtime {
		c.w.stats.GPU += c.w.now.Sub(x.began)
	}
	if finished && !x.realtime {
		c.done[x.key]++
		c.w.stats.Calls++
		// A host that thaws may finish a call that another host has by now.
		c.thawed[x.key] = c.thawed[x.key] || x.frozen
		if n := c.done[x.key]; n > 1 && !c.thawed[x.key] {
			c.w.fail("call %s was finished %d times", x.key, n)
		}
	}
	if !finished && !x.realtime {
		c.w.stats.Lost += c.w.now.Sub(x.began)
		c.w.stats.Aborted++
	}
}

// window is the batch window, open but for the spans that a schedule names.
type window struct {
	closed []span
}

type span struct{ from, to time.Time }

func (v window) at(t time.Time) (open bool, next time.Time) {
	open = true
	consider := func(c time.Time) {
		if c.After(t) && (next.IsZero() || c.Before(next)) {
			next = c
		}
	}
	for _, s := range v.closed {
		if !t.Before(s.from) && t.Before(s.to) {
			open = false
		}
		consider(s.from)
		consider(s.to)
	}
	return open, next
}
