package approval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/approval"
	"signalbox/internal/calendar"
	"signalbox/workflows/contract"
)

func bangkok(t *testing.T) *calendar.Workdays {
	t.Helper()
	d, err := calendar.NewWorkdays(calendar.WorkdaySpec{TimeZone: "Asia/Bangkok", Holidays: []string{"2026-12-07"}})
	require.NoError(t, err)
	return d
}

// Due on Tuesday the 8th, after a weekend and a holiday on Monday: the working day
// before is Friday.
func TestWhenSomebodyIsReminded(t *testing.T) {
	days := bangkok(t)
	at := func(s string) time.Time {
		tm, err := time.ParseInLocation("2006-01-02 15:04", s, days.Zone())
		require.NoError(t, err)
		return tm
	}
	rules := contract.DefaultRFARules().Reminders
	for name, c := range map[string]struct{ now, handled, notBefore, want string }{
		"long before":                              {"2026-12-01 10:00", "", "2026-12-01 10:00", "2026-12-04 09:00"},
		"early on the day before":                  {"2026-12-04 08:00", "", "2026-12-01 10:00", "2026-12-04 09:00"},
		"the day was seen to":                      {"2026-12-04 09:00", "2026-12-04", "2026-12-01 10:00", "2026-12-08 09:00"},
		"the worker comes back in office hours":    {"2026-12-04 14:00", "", "2026-12-01 10:00", "2026-12-04 14:00"},
		"it comes back in the evening":             {"2026-12-04 17:00", "", "2026-12-01 10:00", "2026-12-08 09:00"},
		"it comes back on a Saturday":              {"2026-12-05 10:00", "", "2026-12-01 10:00", "2026-12-08 09:00"},
		"it comes back on a holiday":               {"2026-12-07 10:00", "2026-12-04", "2026-12-01 10:00", "2026-12-08 09:00"},
		"overdue, after days of an outage":         {"2026-12-11 11:00", "2026-12-08", "2026-12-01 10:00", "2026-12-11 11:00"},
		"overdue, over a weekend":                  {"2026-12-11 09:00", "2026-12-11", "2026-12-01 10:00", "2026-12-14 09:00"},
		"people have just been told":               {"2026-12-08 10:00", "", "2026-12-08 10:00", "2026-12-09 09:00"},
		"they were told before nine":               {"2026-12-08 08:00", "", "2026-12-08 08:00", "2026-12-08 09:00"},
		"told the day before, back in office time": {"2026-12-09 15:00", "", "2026-12-08 10:00", "2026-12-09 15:00"},
	} {
		review := contract.ReviewState{Due: "2026-12-08", NotBefore: at(c.notBefore)}
		next, until, err := approval.NextReminder(days, rules, review, c.handled, at(c.now))
		require.NoError(t, err, name)
		require.Equal(t, c.want, next.In(days.Zone()).Format("2006-01-02 15:04"), name)
		require.Equal(t, c.want[:10]+" 17:00", until.In(days.Zone()).Format("2006-01-02 15:04"), name)
	}
}

func TestThreeStrikesAtEachLevel(t *testing.T) {
	w := contract.Waiting{
		Key: "k", Discipline: "STR", Person: person("str"), Manager: person("m"),
		Delegation: &contract.Delegation{To: person("dep"), From: "2026-12-03", Until: "2026-12-03"},
	}
	var sent []contract.Reminder
	var got []string
	for i := range 9 {
		today := "2026-12-04"
		if i == 1 {
			today = "2026-12-03"
		}
		r := approval.Remind(w, person("pm"), sent, 3, today)
		if i == 4 { // nobody could be told: no strike
			failed := r
			failed.Failed = "no mail server"
			sent = append(sent, failed)
			r = approval.Remind(w, person("pm"), sent, 3, today)
		}
		sent = append(sent, r, contract.Reminder{Key: "another"})
		text := ""
		for _, p := range r.To {
			text += " " + p.ID
		}
		got = append(got, string(rune('0'+r.Level))+"."+string(rune('0'+r.Strike))+text)
	}
	require.Equal(t, []string{"1.1 str", "1.2 dep", "1.3 str", "2.1 m", "2.2 m", "2.3 m", "3.1 pm m", "3.2 pm m", "3.3 pm m"}, got)
}
