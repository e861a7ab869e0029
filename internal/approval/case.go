// Package approval is the pure core of RFA approvals: what an update changes and who
// is told, who is waited for, when somebody is reminded, and who receives what was
// decided. It has no clock and no Temporal in it.
package approval

import (
	"fmt"
	"slices"
	"time"

	"signalbox/workflows/contract"
)

// Moment is when something is done: the instant, and the date in the RFA's zone.
type Moment struct {
	Now   time.Time
	Today string
}

// Case is one RFA's approval.
type Case struct {
	in       contract.RFAInput
	id       string // of the workflow
	run      string // which of those with that id
	rules    contract.RFARules
	state    contract.RFAState
	due      string
	dues     int // how many due dates it has had
	members  []member
	decision *contract.RFADecision
	overdue  bool
	audit    []contract.AuditEntry
	sent     []contract.Reminder
	// toldCodes are the response codes of which people were told.
	toldCodes map[string]bool
	notices   []contract.Notice
	noticed   int // how many notices there have been
	events    []contract.Event
	evented   int
	// sequence grows with every change that reminders go by.
	sequence  int
	notBefore time.Time
}

// member is one discipline.
type member struct {
	contract.DisciplineStatus
	assigned int // how many reviewers it has had
}

// New begins an approval: its reviewers are told. The input has been validated.
func New(id, run string, in contract.RFAInput, rules contract.RFARules, at Moment) *Case {
	c := &Case{
		in: in, id: id, run: run, rules: rules.With(in), state: contract.RFAInReview, due: in.Due, dues: 1,
		toldCodes: map[string]bool{},
	}
	for _, d := range in.Disciplines {
		c.members = append(c.members, member{DisciplineStatus: contract.DisciplineStatus{Discipline: d}, assigned: 1})
	}
	c.log(at, contract.AuditEntry{Actor: in.Submitter.ID, Action: "submitted", Text: "due " + in.Due})
	c.changed(at)
	c.tellAssigned(c.members)
	return c
}

// Rules are those that the RFA goes by.
func (c *Case) Rules() contract.RFARules { return c.rules }

// State is how far the approval is.
func (c *Case) State() contract.RFAState { return c.state }

// Decision is nil until there is one.
func (c *Case) Decision() *contract.RFADecision { return c.decision }

// Due is the due date.
func (c *Case) Due() string { return c.due }

// Sequence grows with everything that reminders go by.
func (c *Case) Sequence() int { return c.sequence }

// Overdue is whether the due date has passed.
func (c *Case) Overdue() bool { return c.overdue }

// SetOverdue says whether the due date has passed.
func (c *Case) SetOverdue(overdue bool) { c.overdue = overdue && c.state.Open() }

// Log adds to the audit trail.
func (c *Case) Log(at Moment, action, text string) {
	c.log(at, contract.AuditEntry{Action: action, Text: text})
}

func (c *Case) log(at Moment, e contract.AuditEntry) {
	e.At = at.Now.UTC()
	c.audit = append(c.audit, e)
}

// Reminded adds reminders that were sent.
func (c *Case) Reminded(list []contract.Reminder) { c.sent = Trim(append(c.sent, list...)) }

// Cancel ends the approval because its workflow was cancelled.
func (c *Case) Cancel(at Moment) {
	if c.state.Open() {
		c.end(at, contract.RFACancelled)
		c.log(at, contract.AuditEntry{Action: "cancelled", Text: "the workflow was cancelled"})
	}
}

func (c *Case) end(at Moment, state contract.RFAState) {
	c.state, c.overdue = state, false
	c.changed(at)
}

// changed is that reminders go by something else from now on.
func (c *Case) changed(at Moment) {
	c.sequence++
	c.notBefore = at.Now
}

// member finds a discipline.
func (c *Case) member(name string) *member {
	for i := range c.members {
		if c.members[i].Name == name {
			return &c.members[i]
		}
	}
	return nil
}

// lead is the discipline that decides.
func (c *Case) lead() *member {
	return &c.members[slices.IndexFunc(c.members, func(m member) bool { return m.Lead })]
}

// acts returns the one who acts under an id for the discipline on a date: its
// reviewer, or the delegate.
func (m *member) acts(id, today string) (contract.Person, bool) {
	switch {
	case id == m.Reviewer.ID:
		return m.Reviewer, true
	case m.Delegation.On(today) && id == m.Delegation.To.ID:
		return m.Delegation.To, true
	}
	return contract.Person{}, false
}

// who says who may act for the discipline on a date.
func (m *member) who(today string) string {
	text := m.Reviewer.ID
	if m.Delegation.On(today) {
		text += " or, until " + m.Delegation.Until + ", " + m.Delegation.To.ID
	}
	return text
}

// waiting is the discipline as one who is waited for.
func (c *Case) waiting(m *member, decide bool) contract.Waiting {
	what := "review"
	if decide {
		what = "decision"
	}
	return contract.Waiting{
		Key:        fmt.Sprintf("%s:%s:%d:%d", what, m.Name, m.assigned, c.dues),
		Discipline: m.Name, Decide: decide, Person: m.Reviewer, Delegation: m.Delegation, Manager: m.Manager,
	}
}

// people are those who take part.
func (c *Case) people() []contract.Person {
	list := []contract.Person{c.in.Submitter, c.in.ProjectManager}
	for _, m := range c.members {
		list = append(list, m.Reviewer, m.Manager)
		if m.Delegation != nil {
			list = append(list, m.Delegation.To)
		}
	}
	return list
}

// name is what a person is called who is known by an id.
func (c *Case) name(id string) string {
	for _, p := range c.people() {
		if p.ID == id {
			return p.String()
		}
	}
	return id
}

// CheckStart says why an RFA cannot begin, nil where it can. It has been checked by
// itself before.
func CheckStart(in contract.RFAInput, rules contract.RFARules, at Moment) error {
	if err := rules.Check(""); err != nil { // its own beside the configuration's
		return err
	}
	if err := CheckMatrix(rules.Matrix, rules.Webhooks); err != nil {
		return err
	}
	if in.Due < at.Today {
		return wrong("due", "%s is over (today is %s)", in.Due, at.Today)
	}
	return nil
}

// WaitsFor lists those who have to act.
func (c *Case) WaitsFor() []contract.Waiting {
	list := []contract.Waiting{}
	switch c.state {
	case contract.RFAInReview:
		for i := range c.members {
			if m := &c.members[i]; m.Review == nil {
				list = append(list, c.waiting(m, false))
			}
		}
	case contract.RFAToDecide:
		list = append(list, c.waiting(c.lead(), true))
	}
	return list
}

// Review is the state of the review as reminders go by it.
func (c *Case) Review() contract.ReviewState {
	return contract.ReviewState{
		Sequence: c.sequence, Due: c.due, WaitsFor: c.WaitsFor(), Ended: !c.state.Open(), NotBefore: c.notBefore,
	}
}
