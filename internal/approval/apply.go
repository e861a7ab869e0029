package approval

import (
	"signalbox/workflows/contract"
)

// Apply carries an update out that Check has nothing against, and leaves what is to
// be told in the notices.
func (c *Case) Apply(update string, r contract.RFARequest, at Moment, updateID string) {
	entry := contract.AuditEntry{
		Actor: r.Actor, Action: update, Discipline: r.Discipline, Code: r.Code, Text: r.Reason, UpdateID: updateID,
	}
	switch update {
	case contract.UpdateSubmitReview:
		if m := c.member(r.Discipline); r.Actor != m.Reviewer.ID {
			entry.Text = "for " + m.Reviewer.ID
		}
		c.log(at, entry)
		c.review(r, at)
	case contract.UpdateFinalize:
		c.log(at, entry)
		by, _ := c.lead().acts(r.Actor, at.Today)
		c.decide(contract.RFADecision{Code: r.Code, By: by, Comments: r.Comments}, r, at)
	case contract.UpdateOverrideVeto:
		entry.Code = overriding(r)
		c.log(at, entry)
		c.decide(contract.RFADecision{Code: entry.Code, By: c.in.ProjectManager, Comments: r.Reason, Overridden: true}, r, at)
	case contract.UpdateDelegate:
		entry.Text = "to " + r.To.ID + " from " + r.From + " until " + r.Until + reasoned(r.Reason)
		c.log(at, entry)
		m := c.member(r.Discipline)
		m.Delegation = &contract.Delegation{To: *r.To, From: r.From, Until: r.Until}
		c.sequence++
		c.tell(*r.To, contract.Notice{
			Kind: contract.NoticeDelegated, Actor: m.Reviewer.String(), Disciplines: []string{m.Name}, From: r.From, Until: r.Until, Text: r.Reason,
		})
	case contract.UpdateReassign:
		entry.Text = "to " + r.To.ID + reasoned(r.Reason)
		c.log(at, entry)
		m := c.member(r.Discipline)
		before := c.waiting(m, false).On(at.Today)
		m.Reviewer, m.Delegation = *r.To, nil
		m.assigned++
		c.changed(at)
		c.tellReassigned(m, before, r, at)
	case contract.UpdateChangeDueDate:
		entry.Text = "from " + c.due + " to " + r.Due + reasoned(r.Reason)
		c.log(at, entry)
		c.due, c.overdue = r.Due, false
		c.dues++
		c.changed(at)
		c.tellDue(r, at)
	case contract.UpdateWithdraw:
		c.log(at, entry)
		waited := c.WaitsFor()
		c.end(at, contract.RFAWithdrawn)
		c.event(contract.EventRFAWithdrawn, at, contract.RFAEvent{})
		c.tellWithdrawn(waited, r, at)
	}
}

func reasoned(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func (c *Case) review(r contract.RFARequest, at Moment) {
	m := c.member(r.Discipline)
	by, _ := m.acts(r.Actor, at.Today)
	m.Review = &contract.Review{By: by, Code: r.Code, Comments: r.Comments, At: at.Now.UTC()}
	if by.ID != m.Reviewer.ID {
		m.Review.For = m.Reviewer.ID
	}
	c.sequence++
	c.event(contract.EventRFAReview, at, contract.RFAEvent{Discipline: m.Name, Review: m.Review})
	c.tellCode(r.Code, m.Name, r.Comments, by, nil)
	if c.reviews() == len(c.members) {
		c.state = contract.RFAToDecide
		c.changed(at)
		c.tellReviewed(at)
	}
}

// reviews counts the disciplines that have reviewed.
func (c *Case) reviews() (n int) {
	for _, m := range c.members {
		if m.Review != nil {
			n++
		}
	}
	return n
}

func (c *Case) decide(d contract.RFADecision, r contract.RFARequest, at Moment) {
	d.Meaning, d.At = contract.CodeMeaning(d.Code), at.Now.UTC()
	d.Recipients = Recipients(c.rules.Matrix, c.in, d.Code, r.Recipients)
	d.Transmittal = r.Transmittal
	if d.Transmittal == "" {
		d.Transmittal = Transmittal(c.in.Number, c.in.Revision, 1)
	}
	c.decision = &d
	c.end(at, contract.RFADecided)
	c.event(contract.EventRFADecided, at, contract.RFAEvent{Decision: c.decision})
	c.tellDecided(d)
}
