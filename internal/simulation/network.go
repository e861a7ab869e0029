package simulation

import (
	"errors"
	"time"
)

// errNotFound is that a signal's receiver does not exist, or has ended.
var errNotFound = errors.New("no such workflow")

// workflow is one execution, as the server sees it.
type workflow struct {
	w      *world
	id     string
	up     func() bool // a worker runs it
	closed bool
	next   *workflow // the run that this one has continued as
	events int       // of its history, about
}

// deliver lets a workflow handle something, when a worker runs it. What has arrived
// before it continues as new is handled nevertheless.
func (f *workflow) deliver(do func()) {
	f.events += 4 // the event, and a workflow task
	f.w.whenUp(f.up, func() {
		now := f
		for now.next != nil {
			now = now.next
		}
		if !now.closed {
			do()
		}
	})
}

// later is deliver after the time that a task takes to get there.
func (f *workflow) later(d time.Duration, do func()) {
	f.w.after(d, func() { f.deliver(do) })
}

// network carries signals, which may overtake each other: those of one sender too.
type network struct{ w *world }

// hop is the time that the server takes for a step: 10 ms as a rule, and once
// in a while as long as a busy machine takes.
func (w *world) hop() time.Duration {
	if !w.cfg.Steady && w.chance(50) {
		return w.between(100*time.Millisecond, 3*time.Second)
	}
	return w.between(2*time.Millisecond, 20*time.Millisecond)
}

// signal sends from one workflow to another; find looks the receiver up when the
// signal arrives. done is told how it went, unless the sender has closed: then
// the signal is lost.
func (n *network) signal(from *workflow, to string, find func() *workflow, do func(), done func(error)) {
	w := n.w
	from.events += 2
	w.after(w.hop(), func() {
		if from.closed {
			w.say("signal %s -> %s is lost: its sender has closed", from.id, to)
			return
		}
		err := errNotFound
		if target := find(); target != nil && !target.closed {
			err = nil
			target.deliver(do)
		}
		from.later(w.hop(), func() { done(err) })
	})
}

// send is a signal by a client, which is no workflow: it arrives or the client
// knows that it did not.
func (n *network) send(find func() *workflow, do func(), done func(error)) {
	w := n.w
	w.after(w.hop(), func() {
		target := find()
		if target == nil || target.closed {
			done(errNotFound)
			return
		}
		target.deliver(do)
		done(nil)
	})
}
