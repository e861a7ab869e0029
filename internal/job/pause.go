package job

import (
	"time"

	"signalbox/workflows/contract"
)

// PauseUntil records that an operator keeps this job off the GPU. What is on the
// GPU or queued for it ends as it would; nothing else is queued. The job gives its
// lease up, and the scheduler grants it none, until it registers without a pause.
func (s *State) PauseUntil(o contract.Order) {
	s.Pause = o
	s.AskedToRegister()
}

// Resume ends the pause.
func (s *State) Resume(o contract.Order) {
	if s.Pause.State == contract.OrderOn {
		s.AskedToRegister()
	}
	s.Pause = o
}

// decidePause ends a pause whose time is over, and gives up a lease that comes
// during one.
func (s *State) decidePause(now time.Time) {
	switch {
	case s.Pause.State != contract.OrderOn:
	case !s.Pause.InForce(now):
		s.Resume(contract.Order{State: contract.OrderOff})
	case s.Lease.Live(now):
		s.endLease()
	}
}

// paused reports a pause; one whose time is over has been ended by Decide.
func (s *State) paused() bool { return s.Pause.State == contract.OrderOn }
