package simulation

import (
	"time"

	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// operate is an operator who asks for something, and for its end a while later,
// unless that is left to the time that it was asked for.
func (w *world) operate() {
	kind := scheduling.OrderKind(w.rng.IntN(3))
	lasts := w.between(10*time.Second, 4*time.Minute)
	w.order(kind, contract.Order{State: contract.OrderOn, Until: w.now.Add(lasts)})
	if w.chance(2) {
		w.after(w.between(0, lasts), func() { w.order(kind, contract.Order{State: contract.OrderOff}) })
	}
}

// order is one update of the scheduler. It is lost where there is none: the
// operator is told.
func (w *world) order(kind scheduling.OrderKind, o contract.Order) {
	w.asked[kind] = o
	w.say("operator: order %d %s until %s", kind, o.State, o.Until.Sub(w.start))
	w.net.send(w.schedulerFlow, func() {
		s := w.scheduler
		s.state.Order(kind, o)
		s.step()
		w.confirm(s, kind, o)
	}, func(error) {})
}

// confirm remembers an order that the device has: what the operator was told.
func (w *world) confirm(s *scheduler, kind scheduling.OrderKind, o contract.Order) {
	if s.flow.closed {
		return // the operator hears nothing; what came of it is not known
	}
	if s.state.Confirmed() {
		w.say("operator: order %d %s is confirmed", kind, o.State)
		w.confirmed[kind] = o
		return
	}
	w.after(200*time.Millisecond, func() { w.confirm(s, kind, o) })
}
