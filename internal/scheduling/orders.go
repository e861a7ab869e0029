package scheduling

import (
	"time"

	"signalbox/workflows/contract"
)

// Order records what an operator asks for, or that it has ended. It is a change
// of the gate: the device enforces it, whatever dies meanwhile.
func (s *State) Order(kind OrderKind, o contract.Order) {
	switch kind {
	case OrderPause:
		s.Gate.Orders.Pause = o
	case OrderDrain:
		s.Gate.Orders.Drain = o
	case OrderOverride:
		s.Gate.Orders.Override = o
	}
	s.change()
}

// SetPriority gives a registered job another priority. It returns the one before,
// and false where no such job is registered.
func (s *State) SetPriority(id string, priority int) (was int, ok bool) {
	j := s.find(id)
	if j == nil {
		return 0, false
	}
	was, j.Priority = j.Priority, priority
	return was, true
}

// Registered reports whether a job is.
func (s *State) Registered(id string) bool { return s.find(id) != nil }

// OrderKind is what an operator asks for.
type OrderKind int

// Kinds of orders.
const (
	OrderPause OrderKind = iota
	OrderDrain
	OrderOverride
)

// Confirmed reports whether the device has the present gate.
func (s *State) Confirmed() bool {
	return s.Device != nil && s.Device.Instance != s.Gone && s.Device.Gate.Same(s.Gate)
}

// change makes the gate another one, which is sent at once.
func (s *State) change() {
	s.Gate.Token, s.Gate.Change = s.LastToken, s.Gate.Change+1
	s.GateTold = ""
}

// revoke ends every lease, on the device too.
func (s *State) revoke(now time.Time) {
	s.change()
	s.Gate.RevokedUpTo, s.LeasedUntil = s.LastToken, time.Time{}
	for _, j := range s.Jobs {
		if j.Lease != nil {
			s.endLease(now, j)
		}
	}
}

// openUntil says whether batch may run by the clock (in a window, in peak hours
// that it may use, by an operator's override), and until when; zero for no end.
func (s *State) openUntil(now time.Time) (open bool, until time.Time) {
	override := s.Gate.Orders.Override
	switch {
	case s.Params.Peak == contract.PeakOpen, s.idle(now):
		return true, time.Time{}
	case s.Window.Open && (s.Window.NextChange.IsZero() || !override.InForce(now)):
		return true, s.Window.NextChange
	case s.Window.Open:
		return true, later(s.Window.NextChange, override.Until)
	case override.InForce(now):
		return true, override.Until
	}
	return false, s.Window.NextChange
}

// idle reports whether batch may fill peak hours.
func (s *State) idle(now time.Time) bool {
	return s.Params.Peak == contract.PeakFill && !s.realtimePresent() && !now.Before(s.idleAt())
}

// idleAt is when nobody will have asked for as long as it takes, as far as this
// scheduler has been there to see it.
func (s *State) idleAt() time.Time {
	return later(s.RealtimeEnded, s.StartedAt).Add(s.Params.PeakIdle)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// revokeLong ends leases that go on for longer than batch may now: the window
// was moved, or an override was ended.
func (s *State) revokeLong(now time.Time) {
	open, until := s.openUntil(now)
	for _, j := range s.holders() { // of a state from before LeasedUntil
		s.LeasedUntil = later(s.LeasedUntil, j.Lease.Until)
	}
	if s.LeasedUntil.After(now) && (!open || !until.IsZero() && s.LeasedUntil.After(until)) {
		s.revoke(now)
	}
}
