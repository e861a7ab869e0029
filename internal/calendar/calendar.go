// Package calendar knows when the batch window is open: weekly spans in a time
// zone, holidays, and single dates with spans of their own.
//
// It is pure and has no clock. Boundaries are computed from calendar dates in
// the zone, never by adding hours, so that 18:00 stays 18:00 on the nights on
// which clocks change; time zone data is built in.
package calendar

import (
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // the host's may be missing, or newer than the last replay's
)

// Spec is the configuration's shape of a calendar.
type Spec struct {
	// TimeZone is an IANA name such as Asia/Bangkok; required.
	TimeZone string `json:"timeZone" yaml:"timeZone"`
	// Windows are weekly spans in which batch may run. Absent means every day
	// 18:00 to 09:00; an empty list means never.
	Windows []Window `json:"windows,omitzero" yaml:"windows"`
	// Holidays are dates such as 2026-12-25, on which batch may run all day.
	Holidays []string `json:"holidays,omitempty" yaml:"holidays"`
	// Dates have spans of their own in place of the weekly ones.
	Dates []DateRule `json:"dates,omitempty" yaml:"dates"`
}

// Window is a weekly span. When To is not after From it crosses midnight and
// belongs to the day that it starts on.
type Window struct {
	// Days are mon to sun, daily, weekdays or weekend; daily unless given.
	Days []string `json:"days,omitempty" yaml:"days,flow"`
	// From is 00:00 to 23:59, To 00:00 to 24:00.
	From string `json:"from" yaml:"from"`
	To   string `json:"to" yaml:"to"`
}

// DateRule gives one date spans of its own.
type DateRule struct {
	Date string `json:"date" yaml:"date"`
	// Windows that start on the date, such as "08:00-12:00".
	Windows []string `json:"windows,omitempty" yaml:"windows,flow"`
	// Closed is that no window starts on the date.
	Closed bool `json:"closed,omitempty" yaml:"closed"`
}

// DefaultWindows is every day from 18:00 to 09:00: off-peak as specified.
func DefaultWindows() []Window { return []Window{{From: "18:00", To: "09:00"}} }

// AllDay are windows that are always open.
func AllDay() []Window { return []Window{{From: "00:00", To: "24:00"}} }

// State is what the calendar says of one instant.
type State struct {
	Open bool
	// NextChange is when Open changes, zero for never.
	NextChange time.Time
}

// Calendar is a checked Spec.
type Calendar struct {
	zone   *time.Location
	weekly [7][]span
	dates  map[string][]span
}

// span is minutes of local time since the midnight that begins its day; one
// that crosses midnight ends after 24 hours.
type span struct{ from, to int }

const day = 24 * 60

// At says whether the window is open at t and until when. An exact boundary
// belongs to the span that begins there.
func (c *Calendar) At(t time.Time) State {
	for _, s := range c.around(t) {
		if !t.Before(s[0]) && t.Before(s[1]) {
			return State{Open: true, NextChange: c.endOf(s[1])}
		}
	}
	return State{NextChange: c.nextStart(t)}
}

// Open reports whether the window is open at t.
func (c *Calendar) Open(t time.Time) bool {
	for _, s := range c.around(t) {
		if !t.Before(s[0]) && t.Before(s[1]) {
			return true
		}
	}
	return false
}

// horizon is how many days ahead a change is looked for: a calendar without
// one in more than a year has none that matters.
const horizon = 400

// endOf is the end of the span that ends at end, with those that touch or
// overlap it.
func (c *Calendar) endOf(end time.Time) time.Time {
	limit := end.AddDate(0, 0, horizon)
	for {
		further := end
		for _, s := range c.around(end) {
			if !s[0].After(end) && s[1].After(further) {
				further = s[1]
			}
		}
		if further.Equal(end) {
			return end
		}
		if further.After(limit) {
			return time.Time{}
		}
		end = further
	}
}

// nextStart is the first start of a span after t.
func (c *Calendar) nextStart(t time.Time) time.Time {
	local := t.In(c.zone)
	for i := range horizon {
		var best time.Time
		for _, s := range c.on(local.Year(), local.Month(), local.Day()+i) {
			if s[0].After(t) && (best.IsZero() || s[0].Before(best)) {
				best = s[0]
			}
		}
		if !best.IsZero() {
			return best
		}
	}
	return time.Time{}
}

// around returns the spans of the local day of t and of its neighbours.
func (c *Calendar) around(t time.Time) [][2]time.Time {
	local := t.In(c.zone)
	var all [][2]time.Time
	for i := -1; i <= 1; i++ {
		all = append(all, c.on(local.Year(), local.Month(), local.Day()+i)...)
	}
	return all
}

// on returns the spans that start on a date. d may be outside the month.
func (c *Calendar) on(y int, m time.Month, d int) [][2]time.Time {
	date := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	spans, ok := c.dates[date.Format(time.DateOnly)]
	if !ok {
		spans = c.weekly[date.Weekday()]
	}
	var out [][2]time.Time
	for _, s := range spans {
		from, to := c.instant(date, s.from), c.instant(date, s.to)
		if to.After(from) { // a span that lies in a skipped hour is empty
			out = append(out, [2]time.Time{from, to})
		}
	}
	return out
}

// instant is the instant of a local time: the first of two where it occurs
// twice, and where it does not occur the moment at which the clock jumps over it.
func (c *Calendar) instant(date time.Time, minutes int) time.Time {
	y, m, d := date.Date()
	t := time.Date(y, m, d, 0, minutes, 0, 0, c.zone)
	want := time.Date(y, m, d, 0, minutes, 0, 0, time.UTC)
	if sameWall(t, want) {
		return c.firstOf(t, want)
	}
	// The wall clock skips this time. Both neighbours of the gap meet at the
	// transition, which is where the later zone begins.
	start, end := t.ZoneBounds()
	for _, edge := range []time.Time{start, end} {
		if !edge.IsZero() && edge.Sub(t).Abs() <= 3*time.Hour {
			return edge
		}
	}
	return t
}

// firstOf is the earlier of two instants that show the same local time.
func (c *Calendar) firstOf(t, want time.Time) time.Time {
	start, _ := t.ZoneBounds()
	if start.IsZero() || t.Sub(start) > 3*time.Hour {
		return t
	}
	_, now := t.Zone()
	_, before := start.Add(-time.Second).Zone()
	if earlier := t.Add(time.Duration(now-before) * time.Second); earlier.Before(t) && sameWall(earlier.In(c.zone), want) {
		return earlier
	}
	return t
}

func sameWall(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay() && a.Hour() == b.Hour() && a.Minute() == b.Minute()
}

// Zone is the calendar's time zone.
func (c *Calendar) Zone() *time.Location { return c.zone }

// New checks a Spec. The error names the field and says what is allowed.
func New(s Spec) (*Calendar, error) {
	if s.TimeZone == "" {
		return nil, fmt.Errorf("timeZone: is missing; write an IANA name such as Asia/Bangkok or Europe/London")
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil || s.TimeZone == "Local" {
		return nil, fmt.Errorf("timeZone: %q is no IANA time zone such as Asia/Bangkok or Europe/London", s.TimeZone)
	}
	c := &Calendar{zone: zone, dates: map[string][]span{}}
	windows := s.Windows
	if windows == nil {
		windows = DefaultWindows()
	}
	for i, w := range windows {
		if err := c.addWeekly(fmt.Sprintf("windows[%d]", i), w); err != nil {
			return nil, err
		}
	}
	for i, h := range s.Holidays {
		date, err := parseDate(fmt.Sprintf("holidays[%d]", i), h)
		if err != nil {
			return nil, err
		}
		c.dates[date] = []span{{0, day}}
	}
	for i, r := range s.Dates {
		if err := c.addDate(fmt.Sprintf("dates[%d]", i), r); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Calendar) addWeekly(at string, w Window) error {
	sp, err := parseSpan(at+".from", at+".to", w.From, w.To)
	if err != nil {
		return err
	}
	days, err := parseDays(at+".days", w.Days)
	if err != nil {
		return err
	}
	for _, d := range days {
		c.weekly[d] = append(c.weekly[d], sp)
	}
	return nil
}

func (c *Calendar) addDate(at string, r DateRule) error {
	date, err := parseDate(at+".date", r.Date)
	if err != nil {
		return err
	}
	if r.Closed == (len(r.Windows) > 0) {
		return fmt.Errorf("%s: needs either windows or closed: true", at)
	}
	c.dates[date] = []span{}
	for i, w := range r.Windows {
		field := fmt.Sprintf("%s.windows[%d]", at, i)
		from, to, ok := cut(w)
		if !ok {
			return fmt.Errorf("%s: %q is no span such as 08:00-12:00", field, w)
		}
		sp, err := parseSpan(field, field, from, to)
		if err != nil {
			return err
		}
		c.dates[date] = append(c.dates[date], sp)
	}
	slices.SortFunc(c.dates[date], func(a, b span) int { return a.from - b.from })
	return nil
}
