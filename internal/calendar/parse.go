package calendar

import (
	"fmt"
	"strings"
	"time"
)

func cut(w string) (from, to string, ok bool) {
	from, to, ok = strings.Cut(w, "-")
	return strings.TrimSpace(from), strings.TrimSpace(to), ok
}

// parseSpan reads a span; one whose end is not after its start crosses midnight.
func parseSpan(fromField, toField, from, to string) (span, error) {
	f, err := parseMinutes(fromField, from, day-1)
	if err != nil {
		return span{}, err
	}
	t, err := parseMinutes(toField, to, day)
	if err != nil {
		return span{}, err
	}
	if t <= f {
		t += day
	}
	return span{f, t}, nil
}

func parseMinutes(field, s string, most int) (int, error) {
	var h, m int
	bad := func() (int, error) {
		limit := "23:59"
		if most == day {
			limit = "24:00"
		}
		return 0, fmt.Errorf("%s: %q is no time of day (00:00 to %s)", field, s, limit)
	}
	if len(s) != 5 || s[2] != ':' {
		return bad()
	}
	for _, i := range []int{0, 1, 3, 4} {
		if s[i] < '0' || s[i] > '9' {
			return bad()
		}
	}
	h, m = int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	if n := h*60 + m; m < 60 && n <= most {
		return n, nil
	}
	return bad()
}

func parseDate(field, s string) (string, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", fmt.Errorf("%s: %q is no date such as 2026-12-25", field, s)
	}
	return s, nil
}

var dayNames = map[string][]time.Weekday{
	"mon": {time.Monday}, "tue": {time.Tuesday}, "wed": {time.Wednesday}, "thu": {time.Thursday},
	"fri": {time.Friday}, "sat": {time.Saturday}, "sun": {time.Sunday},
	"weekdays": {time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday},
	"weekend":  {time.Saturday, time.Sunday},
	"daily": {
		time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday,
	},
}

func parseDays(field string, names []string) ([]time.Weekday, error) {
	if len(names) == 0 {
		return dayNames["daily"], nil
	}
	seen := map[time.Weekday]bool{}
	var days []time.Weekday
	for i, name := range names {
		list, ok := dayNames[strings.ToLower(name)]
		if !ok {
			return nil, fmt.Errorf("%s[%d]: %q is unknown; allowed are mon to sun, daily, weekdays, weekend", field, i, name)
		}
		for _, d := range list {
			if !seen[d] {
				seen[d] = true
				days = append(days, d)
			}
		}
	}
	return days, nil
}
