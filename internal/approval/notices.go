package approval

import (
	"fmt"
	"slices"
	"strings"

	"signalbox/workflows/contract"
)

// TakeNotices returns what is to be told, once.
func (c *Case) TakeNotices() []contract.Notice {
	list := c.notices
	c.notices = nil
	return list
}

// tell adds a notice. Its id is the same whenever the same is done again.
func (c *Case) tell(to contract.Person, n contract.Notice) {
	c.noticed++
	n.ID, n.To, n.RFA, n.Due = fmt.Sprintf("%s/%s/%d", c.id, c.run, c.noticed), to, c.in.Ref(), c.due
	c.notices = append(c.notices, n)
}

// tellAssigned tells reviewers that they have to review, each once.
func (c *Case) tellAssigned(members []member) {
	var reviewers []contract.Person
	for _, m := range members {
		reviewers = append(reviewers, m.Reviewer)
	}
	for _, p := range Once(reviewers) {
		var of []string
		for _, m := range members {
			if strings.EqualFold(m.Reviewer.Email, p.Email) {
				of = append(of, m.Name)
			}
		}
		c.tell(p, contract.Notice{Kind: contract.NoticeAssigned, Actor: c.in.Submitter.String(), Disciplines: of})
	}
}

// tellReassigned tells the new reviewer, or the new one to decide, and the former one.
func (c *Case) tellReassigned(m *member, before contract.Person, r contract.RFARequest, at Moment) {
	if c.state == contract.RFAToDecide {
		c.tellReviewed(at)
	} else {
		c.tell(m.Reviewer, contract.Notice{
			Kind: contract.NoticeAssigned, Actor: c.name(r.Actor), Instead: before.String(), Disciplines: []string{m.Name}, Text: r.Reason,
		})
	}
	c.tell(before, contract.Notice{
		Kind: contract.NoticeReleased, Actor: c.name(r.Actor), Instead: m.Reviewer.String(), Disciplines: []string{m.Name}, Text: r.Reason,
	})
}

// tellReviewed tells the lead that all have reviewed.
func (c *Case) tellReviewed(at Moment) {
	lead := c.waiting(c.lead(), true)
	c.tell(lead.On(at.Today), contract.Notice{Kind: contract.NoticeReviewed, Disciplines: []string{lead.Discipline}, Reviews: c.lines()})
}

// lines are all reviews: everyone sees everything.
func (c *Case) lines() []contract.ReviewLine {
	var list []contract.ReviewLine
	for _, m := range c.members {
		if r := m.Review; r != nil {
			list = append(list, contract.ReviewLine{
				Discipline: m.Name, By: r.By.String(), Code: r.Code, Comments: r.Comments,
			})
		}
	}
	return list
}

// tellCode tells those of a response code whom the rules name, but for others who
// are told of it anyway. Each code is told once.
func (c *Case) tellCode(code, discipline, text string, by contract.Person, others []contract.Person) {
	if c.toldCodes[code] {
		return
	}
	var to []contract.Person
	for _, row := range c.rules.Notify {
		if slices.Contains(row.Codes, code) {
			for _, role := range row.Roles {
				to = append(to, c.role(role)...)
			}
			to = append(to, row.Recipients...)
		}
	}
	for _, p := range Once(to) {
		c.toldCodes[code] = true
		if !slices.ContainsFunc(others, func(o contract.Person) bool { return strings.EqualFold(o.Email, p.Email) }) {
			c.tell(p, contract.Notice{
				Kind: contract.NoticeCode, Code: code, Actor: by.String(), Disciplines: []string{discipline}, Text: text,
			})
		}
	}
}

// role are the people of a role of the rules.
func (c *Case) role(role string) (people []contract.Person) {
	switch role {
	case contract.RoleSubmitter:
		return []contract.Person{c.in.Submitter}
	case contract.RoleProjectManager:
		return []contract.Person{c.in.ProjectManager}
	}
	for _, m := range c.members {
		if role == contract.RoleManagers {
			people = append(people, m.Manager)
		} else {
			people = append(people, m.Reviewer)
		}
	}
	return people
}

// everybody are those who take part.
func (c *Case) everybody() []contract.Person {
	list := []contract.Person{c.in.Submitter, c.in.ProjectManager}
	for _, m := range c.members {
		if m.Review != nil { // a delegate, or the reviewer
			list = append(list, m.Review.By)
		}
		list = append(list, m.Reviewer)
		if m.Delegation != nil {
			list = append(list, m.Delegation.To)
		}
	}
	return Once(list)
}

func (c *Case) tellDecided(d contract.RFADecision) {
	var vetoed []string
	for _, m := range c.members {
		if d.Overridden && m.Review != nil && m.Review.Code == contract.CodeRejected {
			vetoed = append(vetoed, m.Name)
		}
	}
	told := c.everybody()
	for _, p := range told {
		c.tell(p, contract.Notice{
			Kind: contract.NoticeDecided, Code: d.Code, Actor: d.By.String(), Text: d.Comments, Reviews: c.lines(), Transmittal: d.Transmittal,
			Vetoed: vetoed,
		})
	}
	c.tellCode(d.Code, c.lead().Name, d.Comments, d.By, told)
}

func (c *Case) tellDue(r contract.RFARequest, at Moment) {
	var to []contract.Person
	for _, w := range c.WaitsFor() {
		to = append(to, w.On(at.Today))
	}
	for _, p := range Once(append(to, c.in.Submitter)) {
		c.tell(p, contract.Notice{Kind: contract.NoticeDue, Actor: c.name(r.Actor), Text: r.Reason})
	}
}

func (c *Case) tellWithdrawn(waited []contract.Waiting, r contract.RFARequest, at Moment) {
	var to []contract.Person
	for _, w := range waited {
		to = append(to, w.On(at.Today))
	}
	for _, p := range Once(append(to, c.in.ProjectManager, c.in.Submitter)) {
		c.tell(p, contract.Notice{Kind: contract.NoticeWithdrawn, Actor: c.name(r.Actor), Text: r.Reason})
	}
}
