package calendar_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signalbox/internal/calendar"
)

func at(t *testing.T, zone, wall string) time.Time {
	loc, err := time.LoadLocation(zone)
	require.NoError(t, err)
	when, err := time.ParseInLocation("2006-01-02 15:04", wall, loc)
	require.NoError(t, err)
	return when
}

func TestAt(t *testing.T) {
	night := []calendar.Window{{From: "18:00", To: "09:00"}}
	cases := map[string]struct {
		spec       calendar.Spec
		now        string
		open       bool
		nextChange string
	}{
		"default, by day":       {calendar.Spec{}, "2026-11-24 12:00", false, "2026-11-24 18:00"},
		"default, by night":     {calendar.Spec{}, "2026-11-24 22:00", true, "2026-11-25 09:00"},
		"the start belongs":     {calendar.Spec{Windows: night}, "2026-11-24 18:00", true, "2026-11-25 09:00"},
		"the end does not":      {calendar.Spec{Windows: night}, "2026-11-24 09:00", false, "2026-11-24 18:00"},
		"never":                 {calendar.Spec{Windows: []calendar.Window{}}, "2026-11-24 12:00", false, ""},
		"always":                {calendar.Spec{Windows: calendar.AllDay()}, "2026-11-24 12:00", true, ""},
		"weekdays only":         {calendar.Spec{Windows: []calendar.Window{{Days: []string{"weekdays"}, From: "18:00", To: "09:00"}}}, "2026-11-28 10:00", false, "2026-11-30 18:00"},
		"friday's goes on":      {calendar.Spec{Windows: []calendar.Window{{Days: []string{"fri"}, From: "18:00", To: "09:00"}}}, "2026-11-28 08:00", true, "2026-11-28 09:00"},
		"holiday joins nights":  {calendar.Spec{Windows: night, Holidays: []string{"2026-12-25"}}, "2026-12-25 12:00", true, "2026-12-26 00:00"},
		"closed date":           {calendar.Spec{Windows: night, Dates: []calendar.DateRule{{Date: "2026-11-24", Closed: true}}}, "2026-11-24 20:00", false, "2026-11-25 18:00"},
		"own spans":             {calendar.Spec{Windows: night, Dates: []calendar.DateRule{{Date: "2026-11-24", Windows: []string{"12:00-13:00"}}}}, "2026-11-24 12:30", true, "2026-11-24 13:00"},
		"adjacent spans merge":  {calendar.Spec{Windows: []calendar.Window{{From: "10:00", To: "11:00"}, {From: "11:00", To: "12:00"}}}, "2026-11-24 10:30", true, "2026-11-24 12:00"},
		"overlapping ones, too": {calendar.Spec{Windows: []calendar.Window{{From: "10:00", To: "12:00"}, {From: "11:00", To: "13:00"}}}, "2026-11-24 10:30", true, "2026-11-24 13:00"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.spec.TimeZone = "Asia/Bangkok"
			cal, err := calendar.New(c.spec)
			require.NoError(t, err)
			got := cal.At(at(t, "Asia/Bangkok", c.now))
			require.Equal(t, c.open, got.Open)
			if c.nextChange == "" {
				require.True(t, got.NextChange.IsZero())
				return
			}
			require.WithinDuration(t, at(t, "Asia/Bangkok", c.nextChange), got.NextChange, 0)
		})
	}
}

// The 18:00 to 09:00 window keeps its hours on the nights on which clocks
// change, and so lasts an hour less or more.
func TestNightsOnWhichClocksChange(t *testing.T) {
	for _, c := range []struct {
		zone, start, end string
		hours            float64
	}{
		{"Europe/London", "2026-03-28 18:00", "2026-03-29 09:00", 14},
		{"Europe/London", "2026-10-24 18:00", "2026-10-25 09:00", 16},
		{"America/New_York", "2026-03-07 18:00", "2026-03-08 09:00", 14},
		{"America/New_York", "2026-10-31 18:00", "2026-11-01 09:00", 16},
		{"Asia/Kolkata", "2026-03-28 18:00", "2026-03-29 09:00", 15},
	} {
		t.Run(c.zone+c.start, func(t *testing.T) {
			cal, err := calendar.New(calendar.Spec{TimeZone: c.zone})
			require.NoError(t, err)
			start := at(t, c.zone, c.start)
			got := cal.At(start)
			require.True(t, got.Open)
			require.WithinDuration(t, at(t, c.zone, c.end), got.NextChange, 0)
			require.InDelta(t, c.hours, got.NextChange.Sub(start).Hours(), 0.001)
		})
	}
}

func TestHoursThatAreSkippedOrRepeated(t *testing.T) {
	spec := calendar.Spec{TimeZone: "Europe/London", Windows: []calendar.Window{{From: "01:30", To: "03:00"}}}
	cal, err := calendar.New(spec)
	require.NoError(t, err)

	// 01:30 does not occur on 29 March: the window begins where the clock jumps.
	got := cal.At(at(t, "Europe/London", "2026-03-29 00:30"))
	require.WithinDuration(t, time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), got.NextChange, 0)

	// 01:30 occurs twice on 25 October: it begins at the first.
	got = cal.At(at(t, "Europe/London", "2026-10-25 00:30"))
	require.WithinDuration(t, time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), got.NextChange, 0)
	require.WithinDuration(t, time.Date(2026, 10, 25, 3, 0, 0, 0, time.UTC), cal.At(got.NextChange).NextChange, 0)
}

func TestErrorsNameTheField(t *testing.T) {
	cases := map[string]calendar.Spec{
		"timeZone":            {},
		`timeZone: "Mars"`:    {TimeZone: "Mars"},
		"windows[0].from":     {TimeZone: "UTC", Windows: []calendar.Window{{From: "25:00", To: "09:00"}}},
		"windows[0].to":       {TimeZone: "UTC", Windows: []calendar.Window{{From: "18:00", To: "9"}}},
		"windows[0].days[1]":  {TimeZone: "UTC", Windows: []calendar.Window{{Days: []string{"mon", "xxx"}, From: "18:00", To: "09:00"}}},
		"holidays[0]":         {TimeZone: "UTC", Holidays: []string{"25.12.2026"}},
		"dates[0].date":       {TimeZone: "UTC", Dates: []calendar.DateRule{{Date: "x", Closed: true}}},
		"dates[0]: needs":     {TimeZone: "UTC", Dates: []calendar.DateRule{{Date: "2026-12-24"}}},
		"dates[0].windows[0]": {TimeZone: "UTC", Dates: []calendar.DateRule{{Date: "2026-12-24", Windows: []string{"8-9"}}}},
	}
	for want, spec := range cases {
		t.Run(want, func(t *testing.T) {
			_, err := calendar.New(spec)
			require.ErrorContains(t, err, want)
		})
	}
}

// TestAgainstTheMinutes compares with an oracle that asks, for each minute, what
// the wall clock shows.
func TestAgainstTheMinutes(t *testing.T) {
	zones := []string{"Europe/London", "America/New_York", "Asia/Kolkata", "Asia/Bangkok", "Australia/Lord_Howe"}
	starts := []string{"2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31", "2026-06-10"}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		loc, err := time.LoadLocation(zone)
		require.NoError(t, err)
		day, err := time.ParseInLocation(time.DateOnly, rapid.SampledFrom(starts).Draw(t, "day"), loc)
		require.NoError(t, err)
		var windows []calendar.Window
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			from := rapid.IntRange(0, 47).Draw(t, "from") * 30
			to := rapid.IntRange(1, 48).Draw(t, "to") * 30
			windows = append(windows, calendar.Window{From: clock(from), To: clock(to)})
		}
		cal, err := calendar.New(calendar.Spec{TimeZone: zone, Windows: append([]calendar.Window{}, windows...)})
		require.NoError(t, err)
		o := oracle{loc: loc, windows: windows, known: map[string]time.Time{}}
		first := day.Add(time.Duration(rapid.IntRange(0, 47).Draw(t, "start")) * 30 * time.Minute)
		state := cal.At(first)
		for i := range 36 * 12 { // every boundary lies on a multiple of five minutes
			now := first.Add(time.Duration(i) * 5 * time.Minute)
			want := o.open(now)
			require.Equal(t, want, cal.Open(now), "at %s (%s)", now, now.In(loc))
			// The change that was announced is the first one that happens.
			changed := want != state.Open
			announced := !state.NextChange.IsZero() && !now.Before(state.NextChange)
			require.Equal(t, announced, changed, "announced %s, at %s", state.NextChange.In(loc), now.In(loc))
			if changed {
				return
			}
		}
	})
}

func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// oracle knows for each boundary of each day the first minute at which the wall
// clock has reached it.
type oracle struct {
	loc     *time.Location
	windows []calendar.Window
	known   map[string]time.Time
}

func (o oracle) open(now time.Time) bool {
	local := now.In(o.loc)
	for back := -1; back <= 1; back++ {
		day := local.Day() + back
		for _, w := range o.windows {
			next := day
			if w.To <= w.From {
				next++
			}
			from := o.reached(local.Year(), local.Month(), day, w.From)
			if to := o.reached(local.Year(), local.Month(), next, w.To); !now.Before(from) && now.Before(to) {
				return true
			}
		}
	}
	return false
}

// reached is the first minute of a date at which the wall clock shows s or more.
func (o oracle) reached(y int, m time.Month, d int, s string) time.Time {
	noon := time.Date(y, m, d, 12, 0, 0, 0, o.loc)
	date := noon.Format(time.DateOnly)
	if t, ok := o.known[date+s]; ok {
		return t
	}
	t := noon.Add(-14 * time.Hour)
	for ; ; t = t.Add(time.Minute) {
		local := t.In(o.loc)
		if today := local.Format(time.DateOnly); today > date || today == date && local.Format("15:04") >= s {
			o.known[date+s] = t
			return t
		}
	}
}
