package approval

import (
	"time"

	"signalbox/internal/calendar"
	"signalbox/workflows/contract"
)

// NextReminder is when somebody is reminded next: at the time of day of the rules on
// the last working day before the due date, on that, and on every working day after.
// A day that was missed is not made up for, but for the rest of office hours on the
// same one. handled is the last date that was seen to; a day is left out on which
// people were told of something after the reminder's time (notBefore). until is the
// end of that day's office hours. Both are zero where there is none within a year.
func NextReminder(
	days *calendar.Workdays, rules contract.ReminderRules, review contract.ReviewState, handled string, now time.Time,
) (at, until time.Time, err error) {
	first := days.Before(review.Due)
	date := days.Date(now)
	if date < first {
		date = first
	}
	for range 400 {
		if date == "" {
			break
		}
		if days.Works(date) && date > handled {
			if at, err = days.At(date, rules.At); err != nil {
				return at, until, err
			}
			if until, err = days.At(date, rules.Until); err != nil {
				return at, until, err
			}
			if !review.NotBefore.After(at) && now.Before(until) {
				if now.After(at) {
					at = now
				}
				return at, until, nil
			}
		}
		date = days.After(date)
	}
	return time.Time{}, time.Time{}, nil
}

// mostReminders are kept of one RFA: enough for every strike, and small enough for a
// history that lasts.
const mostReminders = 1000

// Trim drops the oldest of too many reminders.
func Trim(sent []contract.Reminder) []contract.Reminder {
	return sent[max(0, len(sent)-mostReminders):]
}

// Remind says who is reminded of one who is waited for: strike after strike at one
// level, and then at the next. A reminder that nobody could be given is no strike.
func Remind(w contract.Waiting, manager contract.Person, sent []contract.Reminder, strikes int, today string) contract.Reminder {
	n := 0
	for _, r := range sent {
		if r.Key == w.Key && r.Failed == "" {
			n++
		}
	}
	level := min(n/strikes+1, contract.LevelProject)
	r := contract.Reminder{Key: w.Key, Discipline: w.Discipline, Level: level, Strike: n - (level-1)*strikes + 1}
	switch level {
	case contract.LevelReviewer:
		r.To = []contract.Person{w.On(today)}
	case contract.LevelManager:
		r.To = []contract.Person{w.Manager}
	default:
		r.To = Once([]contract.Person{manager, w.Manager})
	}
	return r
}
