package simulation

import (
	"slices"
	"time"
)

// configuration is the part of the scheduler role's file that may change.
type configuration struct {
	version int
	quantum time.Duration
	window  window
}

// configure is an operator who changes the file: another quantum, a window that
// closes soon or has closed already, or one that is open from now on.
func (w *world) configure() {
	c := configuration{version: w.file.version + 1, quantum: w.between(time.Minute, 5*time.Minute)}
	if w.has(PeakHours) || w.chance(2) {
		c.window.closed = slices.Clone(w.file.window.closed)
	}
	if w.chance(2) {
		from := w.now.Add(w.between(-time.Minute, 2*time.Minute))
		c.window.closed = append(c.window.closed, span{from, from.Add(w.between(time.Minute, 5*time.Minute))})
	}
	w.file = c
	w.say("operator: configuration %d, quantum %s", c.version, c.quantum)
	for _, s := range c.window.closed {
		w.say("operator: closed from %s to %s", s.from.Sub(w.start), s.to.Sub(w.start))
	}
}

// configured lets the scheduler have the file.
func (s *scheduler) configured(c configuration) {
	if s.config.version == c.version {
		return
	}
	s.w.say("scheduler: configuration %d", c.version)
	s.config, s.looked = c, false
	s.state.Params = s.w.params(c)
	s.step()
}

// enforce notices that the device has what follows from the scheduler's
// configuration. From then on a window that has closed must be kept.
func (w *world) enforce() {
	if s := w.scheduler; s != nil && !s.flow.closed && s.config.version > w.enforced.version && s.looked && s.state.Confirmed() {
		w.say("configuration %d is enforced", s.config.version)
		w.enforced = s.config
	}
}

// windowOpen reports whether batch may run by the clock, as the scheduler has it or
// as is enforced, and whether it must, by both.
func (w *world) windowOpen() (may, must bool) {
	may, _ = w.enforced.window.at(w.now)
	must = may
	if s := w.scheduler; s != nil {
		open, _ := s.config.window.at(w.now)
		may, must = may || open, must && open
	}
	return may, must
}
