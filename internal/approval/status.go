package approval

import (
	"fmt"
	"slices"
	"strings"

	"signalbox/workflows/contract"
)

// Status is everything that is known of the RFA.
func (c *Case) Status() contract.RFAStatus {
	st := contract.RFAStatus{
		RFARef: c.in.Ref(), State: c.state, Summary: c.summary(), Due: c.due, Overdue: c.overdue, Reviewed: c.reviews(),
		WaitsFor: c.WaitsFor(), Decision: c.decision,
		Reminders: append([]contract.Reminder{}, c.sent...), Audit: slices.Clone(c.audit),
	}
	for _, m := range c.members {
		st.Disciplines = append(st.Disciplines, m.DisciplineStatus)
	}
	return st
}

// counted says how many have reviewed.
func (c *Case) counted() string {
	return fmt.Sprintf("%d of %d disciplines reviewed", c.reviews(), len(c.members))
}

func (c *Case) summary() string {
	if !c.state.Open() {
		return c.over()
	}
	var people []string
	for _, w := range c.WaitsFor() {
		what := w.Discipline
		if w.Decide {
			what = "to decide"
		}
		people = append(people, fmt.Sprintf("%s (%s)", w.Person, what))
	}
	text := c.counted() + ", waits for " + strings.Join(people, ", ") + " until the end of " + c.due
	if c.overdue {
		text += ", overdue"
	}
	return text
}
