package calendar

import (
	"fmt"
	"time"
)

// WorkdaySpec is the configuration's shape of working days.
type WorkdaySpec struct {
	// TimeZone is an IANA name such as Asia/Bangkok; required.
	TimeZone string `json:"timeZone" yaml:"timeZone"`
	// Workdays are mon to sun, daily, weekdays or weekend; weekdays unless given.
	Workdays []string `json:"workdays,omitempty" yaml:"workdays,flow"`
	// Holidays are dates such as 2026-12-25 on which nobody works.
	Holidays []string `json:"holidays,omitempty" yaml:"holidays"`
}

// Workdays knows on which dates people work. Dates are "2026-12-25", in its zone.
type Workdays struct {
	times    *Calendar // of the zone, for instants
	days     [7]bool
	holidays map[string]bool
}

// NewWorkdays checks a WorkdaySpec. The error names the field and says what is
// allowed.
func NewWorkdays(s WorkdaySpec) (*Workdays, error) {
	c, err := New(Spec{TimeZone: s.TimeZone, Windows: []Window{}})
	if err != nil {
		return nil, err
	}
	w := &Workdays{times: c, holidays: map[string]bool{}}
	names := s.Workdays
	if len(names) == 0 {
		names = []string{"weekdays"}
	}
	days, err := parseDays("workdays", names)
	if err != nil {
		return nil, err
	}
	for _, d := range days {
		w.days[d] = true
	}
	for i, h := range s.Holidays {
		date, err := parseDate(fmt.Sprintf("holidays[%d]", i), h)
		if err != nil {
			return nil, err
		}
		w.holidays[date] = true
	}
	return w, nil
}

// Zone is the time zone of the dates.
func (w *Workdays) Zone() *time.Location { return w.times.zone }

// Date is the date at t.
func (w *Workdays) Date(t time.Time) string { return t.In(w.times.zone).Format(time.DateOnly) }

// Works reports whether people work on a date.
func (w *Workdays) Works(date string) bool {
	d, err := time.Parse(time.DateOnly, date)
	return err == nil && w.days[d.Weekday()] && !w.holidays[date]
}

// After is the first working day after a date, "" where there is none within a year.
func (w *Workdays) After(date string) string { return w.step(date, 1) }

// Before is the last working day before a date, "" where there is none within a year.
func (w *Workdays) Before(date string) string { return w.step(date, -1) }

func (w *Workdays) step(date string, by int) string {
	d, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return ""
	}
	for range horizon {
		d = d.AddDate(0, 0, by)
		if next := d.Format(time.DateOnly); w.Works(next) {
			return next
		}
	}
	return ""
}

// At is the instant of a time of day such as "09:00" on a date; "24:00" is the end of
// the date. A time that the clocks skip is the moment at which they do; one that they
// show twice is the first.
func (w *Workdays) At(date, clock string) (time.Time, error) {
	d, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no date such as 2026-12-25", date)
	}
	m, err := parseMinutes("time", clock, day)
	if err != nil {
		return time.Time{}, err
	}
	return w.times.instant(d, m), nil
}
