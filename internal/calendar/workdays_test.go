package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/calendar"
)

func workdays(t *testing.T, s calendar.WorkdaySpec) *calendar.Workdays {
	t.Helper()
	w, err := calendar.NewWorkdays(s)
	require.NoError(t, err)
	return w
}

func TestWorkdays(t *testing.T) {
	w := workdays(t, calendar.WorkdaySpec{TimeZone: "Asia/Bangkok", Holidays: []string{"2026-12-07"}})
	require.True(t, w.Works("2026-12-04")) // Friday
	require.False(t, w.Works("2026-12-05"))
	require.False(t, w.Works("2026-12-07"), "a holiday on Monday")
	require.Equal(t, "2026-12-08", w.After("2026-12-04"))
	require.Equal(t, "2026-12-04", w.Before("2026-12-08"))
	require.Equal(t, "2026-12-04", w.Before("2026-12-06"))
	require.Empty(t, w.After("nonsense"))

	six := workdays(t, calendar.WorkdaySpec{TimeZone: "Asia/Bangkok", Workdays: []string{"weekdays", "sat"}})
	require.True(t, six.Works("2026-12-05"))
	require.False(t, six.Works("2026-12-06"))

	// Midnight in Bangkok is 17:00 the day before in UTC.
	require.Equal(t, "2026-12-05", w.Date(time.Date(2026, 12, 4, 17, 0, 0, 0, time.UTC)))
	end, err := w.At("2026-12-04", "24:00")
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 12, 4, 17, 0, 0, 0, time.UTC), end.UTC())
}

// Nine o'clock stays nine o'clock on the days after the clocks change.
func TestNineOClockOnBothSidesOfAChange(t *testing.T) {
	w := workdays(t, calendar.WorkdaySpec{TimeZone: "Europe/London"})
	for date, utc := range map[string]int{
		"2026-03-27": 9, "2026-03-30": 8, // the clocks go forward on the 29th
		"2026-10-23": 8, "2026-10-26": 9, // and back on the 25th
	} {
		at, err := w.At(date, "09:00")
		require.NoError(t, err)
		require.Equal(t, utc, at.UTC().Hour(), date)
		require.Equal(t, date+" 09:00", at.In(w.Zone()).Format("2006-01-02 15:04"))
	}
}

func TestWorkdaysThatAreWrong(t *testing.T) {
	for want, s := range map[string]calendar.WorkdaySpec{
		"timeZone: is missing":                          {},
		`workdays[0]: "someday" is unknown`:             {TimeZone: "UTC", Workdays: []string{"someday"}},
		`holidays[0]: "25.12." is no date such as 2026`: {TimeZone: "UTC", Holidays: []string{"25.12."}},
	} {
		_, err := calendar.NewWorkdays(s)
		require.ErrorContains(t, err, want)
	}
	none := workdays(t, calendar.WorkdaySpec{TimeZone: "UTC", Workdays: []string{"sun"}, Holidays: nil})
	require.False(t, none.Works("2026-12-04"))
	_, err := none.At("2026-12-04", "9 o'clock")
	require.ErrorContains(t, err, "no time of day")
	_, err = none.At("tomorrow", "09:00")
	require.ErrorContains(t, err, "no date")
}
