package approval

import (
	"fmt"
	"slices"
	"strings"

	"signalbox/workflows/contract"
)

// Sent are the reminders that were sent.
func (c *Case) Sent() []contract.Reminder { return append([]contract.Reminder{}, c.sent...) }

// Status is everything that is known of the RFA; who acts for whom is that of a date.
func (c *Case) Status(today string) contract.RFAStatus {
	st := contract.RFAStatus{
		RFARef: c.in.Ref(), State: c.state, Summary: c.summary(today), Due: c.due, Overdue: c.overdue, Reviewed: c.reviews(),
		WaitsFor: c.WaitsFor(), Decision: c.decision,
		Reminders: c.Sent(), Audit: slices.Clone(c.audit),
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

func (c *Case) summary(today string) string {
	if !c.state.Open() {
		text := c.over()
		if c.decision != nil && len(c.decision.Recipients) == 0 {
			text += "; nobody receives it: no row of the matrix matches"
		}
		return text
	}
	var people []string
	for _, w := range c.WaitsFor() {
		what := w.Discipline
		if w.Decide {
			what = "to decide"
		}
		if w.Delegation.On(today) {
			what += " for " + w.Person.String()
		}
		people = append(people, fmt.Sprintf("%s (%s)", w.On(today), what))
	}
	text := c.counted() + ", waits for " + strings.Join(people, ", ") + " until the end of " + c.due
	if c.overdue {
		text += ", overdue"
	}
	return text
}
