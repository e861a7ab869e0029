package simulation

import (
	"time"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// owner is GPUOwner: the claim of one host's process.
type owner struct {
	w        *world
	flow     *workflow // nil where nobody has claimed
	host     *host
	epoch    int
	instance string
	ending   bool
}

// heldBy reports whether the claim is that of a host's process.
func (o *owner) heldBy(h *host) bool {
	return o.flow != nil && !o.ending && o.host == h && o.epoch == h.epoch && o.instance == h.instance
}

// start is a claim. One that a dead process of the same host has left is ended
// by the one that has the host's lock: without a word to the scheduler.
func (o *owner) start(h *host) bool {
	if o.flow != nil {
		if o.host != h || o.epoch == h.epoch {
			return false
		}
		o.flow.closed = true
	}
	w := o.w
	o.flow = &workflow{w: w, id: "gpu-owner", up: func() bool {
		if w.schedulerUp {
			return true
		}
		for _, other := range w.hosts {
			if other.alive() {
				return true
			}
		}
		return false
	}}
	o.host, o.epoch, o.instance, o.ending = h, h.epoch, h.instance, false
	return true
}

// silent is a holder whose heartbeats have stopped.
func (o *owner) silent(h *host) {
	if o.flow == nil || o.host != h {
		return
	}
	flow, epoch := o.flow, o.epoch
	o.w.after(device.ClaimTimeout+o.w.between(0, time.Second), func() {
		if o.flow == flow && !(h.alive() && h.epoch == epoch) {
			o.end("heartbeat timeout")
		}
	})
}

// left is a holder that ends its tenure in order.
func (o *owner) left(h *host) {
	if o.heldBy(h) {
		o.end("stopped")
	}
}

// end tells the scheduler, and then the next one may claim.
func (o *owner) end(why string) {
	if o.ending {
		return
	}
	o.ending = true
	w, flow, instance := o.w, o.flow, o.instance
	w.say("the claim of %s is over: %s", instance, why)
	flow.later(w.hop(), func() {
		w.net.signal(flow, schedulerID, w.schedulerFlow, func() {
			w.scheduler.hostGone(contract.HostGone{Instance: instance, Reason: why})
		}, func(error) {
			flow.closed = true
			if o.flow == flow {
				o.flow = nil
			}
		})
	})
}

// control runs an activity of the queue gpu-control: on whichever process polls
// it, again while that refuses or leaves an attempt unanswered, until timeout. do
// reports whether it was served.
func (w *world) control(timeout, attempt, retry time.Duration, do func(*host) bool, done func(ok bool)) {
	deadline, over := w.now.Add(timeout), false
	attempts := 0
	end := func(ok bool) {
		if !over {
			over = true
			done(ok)
		}
	}
	w.at(deadline, func() { end(false) })
	var try func()
	try = func() {
		if over {
			return
		}
		h := w.polled()
		if h == nil {
			w.after(100*time.Millisecond, try)
			return
		}
		attempts++
		this := attempts
		w.after(attempt, func() { // nobody has answered it
			if this == attempts {
				try()
			}
		})
		w.after(w.hop(), func() {
			if h.frozen {
				h.swallowed++
			}
			h.awake(func() {
				served := do(h)
				switch {
				case this != attempts: // it thaws, and is too late
				case served:
					w.after(w.hop(), func() { end(true) })
				default:
					w.after(retry, try)
				}
			})
		})
	}
	try()
}

// openPolls are those of the SDK on gpu-control.
const openPolls = 2

// polled is a process that polls gpu-control. One that is frozen swallows as many tasks
// as it has polls open.
func (w *world) polled() *host {
	for _, h := range w.hosts {
		if h.up && h.serving && h.swallowed < openPolls {
			return h
		}
	}
	return nil
}

// serving is a process that polls, frozen or not.
func (w *world) serving() *host {
	for _, h := range w.hosts {
		if h.up && h.serving {
			return h
		}
	}
	return nil
}
