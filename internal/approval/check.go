package approval

import (
	"fmt"
	"slices"
	"strings"

	"signalbox/workflows/contract"
)

// Check says why an update is refused, nil where it is not. The error names the
// field. The request has been checked by itself before.
func (c *Case) Check(update string, r contract.RFARequest, at Moment) error {
	if !c.state.Open() {
		return wrong("rfa", "%s", c.over())
	}
	changes := []string{contract.UpdateDelegate, contract.UpdateReassign, contract.UpdateChangeDueDate}
	if len(c.audit) > mostChanges && slices.Contains(changes, update) {
		return wrong("rfa", "was changed %d times; it can be reviewed, decided or withdrawn now", mostChanges)
	}
	switch update {
	case contract.UpdateSubmitReview:
		return c.checkReview(r, at)
	case contract.UpdateFinalize:
		return c.checkFinalize(r, at)
	case contract.UpdateOverrideVeto:
		return c.checkOverride(r)
	case contract.UpdateDelegate:
		return c.checkDelegate(r, at)
	case contract.UpdateReassign:
		return c.checkReassign(r)
	case contract.UpdateChangeDueDate:
		return c.checkDue(r, at)
	case contract.UpdateWithdraw:
		if r.Actor != c.in.Submitter.ID && r.Actor != c.in.ProjectManager.ID {
			return wrong("actor", "%q may not withdraw it; the submitter (%s) and the project manager (%s) may",
				r.Actor, c.in.Submitter.ID, c.in.ProjectManager.ID)
		}
		return nil
	}
	return wrong("update", "%q is no update of an RFA", update)
}

// mostChanges keeps room in the history for what ends an RFA: the server takes 2,000
// updates of a workflow.
const mostChanges = 500

func wrong(field, format string, args ...any) error {
	return &contract.FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// over says how the RFA has ended.
func (c *Case) over() string {
	if d := c.decision; d != nil {
		return fmt.Sprintf("was decided by %s with code %s (%s)", d.By, d.Code, d.Meaning)
	}
	return "is " + string(c.state)
}

// pending finds a discipline whose review, or whose decision, is waited for.
func (c *Case) pending(name string) (*member, error) {
	m, err := c.find(name)
	if err != nil {
		return nil, err
	}
	if m.Review != nil && (c.state != contract.RFAToDecide || !m.Lead) {
		return nil, c.reviewed(m)
	}
	return m, nil
}

func (c *Case) find(name string) (*member, error) {
	if m := c.member(name); m != nil {
		return m, nil
	}
	var names []string
	for _, m := range c.members {
		names = append(names, m.Name)
	}
	return nil, wrong("discipline", "%q does not review this RFA; allowed are %s", name, strings.Join(names, ", "))
}

func (c *Case) reviewed(m *member) error {
	return wrong("discipline", "%s was reviewed by %s with code %s", m.Name, m.Review.By, m.Review.Code)
}

func (c *Case) checkCode(code string) error {
	codes := c.rules.CodesOf(c.in.Category)
	if slices.Contains(codes, code) {
		return nil
	}
	return wrong("code", "%s is no code of category %s; allowed are %s", code, c.in.Category, strings.Join(codes, ", "))
}

func (c *Case) checkReview(r contract.RFARequest, at Moment) error {
	m, err := c.find(r.Discipline)
	if err != nil {
		return err
	}
	if m.Review != nil {
		return c.reviewed(m)
	}
	if _, ok := m.acts(r.Actor, at.Today); !ok {
		return wrong("actor", "%q does not review %s; %s does", r.Actor, m.Name, m.who(at.Today))
	}
	return c.checkCode(r.Code)
}

func (c *Case) checkFinalize(r contract.RFARequest, at Moment) error {
	lead := c.lead()
	if _, ok := lead.acts(r.Actor, at.Today); !ok {
		return wrong("actor", "%q does not decide; the lead does, %s of %s", r.Actor, lead.who(at.Today), lead.Name)
	}
	if c.state != contract.RFAToDecide {
		return wrong("rfa", "%s; the lead decides when all have", c.counted())
	}
	if v := c.veto(); v != nil && contract.Approves(r.Code) {
		return wrong("code", "%s has given code %s, a veto: the lead can decide %s, or the project manager (%s) overrides it",
			v.Name, contract.CodeRejected, contract.CodeRejected, c.in.ProjectManager.ID)
	}
	if err := c.checkRecipients(r.Code, r); err != nil {
		return err
	}
	return c.checkCode(r.Code)
}

// veto is a discipline that has given code 3, nil for none.
func (c *Case) veto() *member {
	for i := range c.members {
		if m := &c.members[i]; m.Review != nil && m.Review.Code == contract.CodeRejected {
			return m
		}
	}
	return nil
}

func (c *Case) checkOverride(r contract.RFARequest) error {
	if r.Actor != c.in.ProjectManager.ID {
		return wrong("actor", "%q may not override; the project manager may, %s", r.Actor, c.in.ProjectManager.ID)
	}
	if c.veto() == nil {
		return wrong("rfa", "no discipline has given code %s, so that there is nothing to override", contract.CodeRejected)
	}
	code := overriding(r)
	if !contract.Approves(code) {
		return wrong("code", "%s does not approve; a veto is overridden with an approving code", code)
	}
	if err := c.checkRecipients(code, r); err != nil {
		return err
	}
	return c.checkCode(code)
}

// checkRecipients checks those who would receive it.
func (c *Case) checkRecipients(code string, r contract.RFARequest) error {
	if n := len(Recipients(c.rules.Matrix, c.in, code, r.Recipients)); n > contract.MaxRecipients {
		return wrong("recipients", "with those of the matrix they are %d; %d are allowed", n, contract.MaxRecipients)
	}
	return CheckWebhooks("recipients", r.Recipients, c.rules.Webhooks)
}

// overriding is the code of an override.
func overriding(r contract.RFARequest) string {
	if r.Code == "" {
		return contract.CodeApproved
	}
	return r.Code
}

func (c *Case) checkDelegate(r contract.RFARequest, at Moment) error {
	m, err := c.pending(r.Discipline)
	if err != nil {
		return err
	}
	switch {
	case r.Actor == m.Reviewer.ID, r.Actor == m.Manager.ID:
	case m.Delegation.On(at.Today) && r.Actor == m.Delegation.To.ID:
		return wrong("actor", "%s reviews for %s, and may not delegate again", r.Actor, m.Reviewer)
	default:
		return wrong("actor", "%q may not delegate the review of %s; its reviewer (%s) and manager (%s) may",
			r.Actor, m.Name, m.Reviewer.ID, m.Manager.ID)
	}
	if err := c.checkTo(m, r.To); err != nil {
		return err
	}
	if r.Until < r.From {
		return wrong("until", "%s is before %s", r.Until, r.From)
	}
	if r.Until < at.Today {
		return wrong("until", "%s is over (today is %s)", r.Until, at.Today)
	}
	for _, other := range c.members {
		d := other.Delegation
		if d != nil && other.Name != m.Name && d.To.ID == m.Reviewer.ID && d.From <= r.Until && r.From <= d.Until {
			if other.Reviewer.ID == r.To.ID {
				return wrong("to.id", "%s has delegated to %s from %s until %s: that would be a cycle", r.To.ID, d.To.ID, d.From, d.Until)
			}
			return wrong("discipline", "%s reviews %s for %s from %s until %s: there is one level alone",
				m.Reviewer.ID, other.Name, other.Reviewer.ID, d.From, d.Until)
		}
		if other.Reviewer.ID != r.To.ID || d == nil || d.Until < r.From || r.Until < d.From {
			continue
		}
		if d.To.ID == m.Reviewer.ID {
			return wrong("to.id", "%s has delegated to %s from %s until %s: that would be a cycle", r.To.ID, d.To.ID, d.From, d.Until)
		}
		return wrong("to.id", "%s has delegated to %s from %s until %s: there is one level alone", r.To.ID, d.To.ID, d.From, d.Until)
	}
	return nil
}

func (c *Case) checkReassign(r contract.RFARequest) error {
	m, err := c.pending(r.Discipline)
	if err != nil {
		return err
	}
	if r.Actor != m.Manager.ID && r.Actor != c.in.ProjectManager.ID {
		return wrong("actor", "%q may not reassign %s; its manager (%s) and the project manager (%s) may",
			r.Actor, m.Name, m.Manager.ID, c.in.ProjectManager.ID)
	}
	return c.checkTo(m, r.To)
}

// checkTo refuses the reviewer, and somebody who is known with another address.
func (c *Case) checkTo(m *member, to *contract.Person) error {
	if to.ID == m.Reviewer.ID {
		return wrong("to.id", "%s is the reviewer", to.ID)
	}
	for _, p := range c.people() {
		if p.ID == to.ID && !strings.EqualFold(p.Email, to.Email) {
			return wrong("to.email", "%s is known with %s", p.ID, p.Email)
		}
	}
	return nil
}

func (c *Case) checkDue(r contract.RFARequest, at Moment) error {
	lead := c.lead()
	if _, ok := lead.acts(r.Actor, at.Today); !ok && r.Actor != c.in.ProjectManager.ID {
		return wrong("actor", "%q may not change the due date; the lead (%s) and the project manager (%s) may",
			r.Actor, lead.who(at.Today), c.in.ProjectManager.ID)
	}
	if r.Due < at.Today {
		return wrong("due", "%s is over (today is %s)", r.Due, at.Today)
	}
	if r.Due == c.due {
		return wrong("due", "it is due on %s already", r.Due)
	}
	return nil
}
