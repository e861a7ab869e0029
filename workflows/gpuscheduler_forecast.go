package workflows

import (
	"time"

	"signalbox/internal/calendar"
	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// forecast is when jobs are expected to start and to end. It is for people alone:
// nothing is decided by it.
type forecast struct {
	now       time.Time
	estimates map[string]scheduling.Estimate
	calendar  *calendar.Calendar
	// windows are the calendar's answers: every job walks through the same ones.
	windows map[time.Time]scheduling.Window
}

// foresee makes the forecast of the present state.
func (s *scheduler) foresee(now time.Time) {
	f := &forecast{now: now, estimates: s.state.Estimates(now), windows: map[time.Time]scheduling.Window{}}
	//workflowcheck:ignore: what it says changes no command, and a newer calendar may say something else.
	if c, err := calendar.New(s.config.Calendar); err == nil {
		f.calendar = c
	}
	s.forecast = f
}

// window is what the calendar says of an instant.
func (f *forecast) window(at time.Time) scheduling.Window {
	w, known := f.windows[at]
	if !known {
		//workflowcheck:ignore
		c := f.calendar.At(at)
		w = scheduling.Window{Open: c.Open, NextChange: c.NextChange}
		f.windows[at] = w
	}
	return w
}

// expect is a job's position in line and its times.
func (s *scheduler) expect(job string) (position int, t contract.Times) {
	f := s.forecast
	e, ok := f.estimates[job]
	if !ok || f.calendar == nil {
		return 0, t
	}
	when := func(need time.Duration) time.Time {
		return s.state.When(f.now, need, f.window).UTC().Truncate(time.Second)
	}
	if e.Position > 0 && !e.StartUnknown {
		t.StartsAt = when(e.Start)
	}
	if !e.EndUnknown {
		t.EndsAt = when(e.End)
	}
	return e.Position, t
}
