package approval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/approval"
	"signalbox/workflows/contract"
)

func person(id string) contract.Person {
	return contract.Person{ID: id, Name: "Name " + id, Email: id + "@example.com"}
}

func input() contract.RFAInput {
	return contract.RFAInput{
		Number: "RFA-1", Revision: "A", ProjectID: "p", DocumentType: "SHOP", Category: "ENGINEERING", Due: "2026-12-08",
		Submitter: person("sub"), ProjectManager: person("pm"),
		Disciplines: []contract.Discipline{
			{Name: "STR", Reviewer: person("str"), Manager: person("str-m"), Lead: true},
			{Name: "ARC", Reviewer: person("arc"), Manager: person("arc-m")},
			{Name: "MEP", Reviewer: person("mep"), Manager: person("mep-m")},
		},
	}
}

func on(date string) approval.Moment {
	at, err := time.Parse("2006-01-02 15:04", date+" 10:00")
	if err != nil {
		panic(err)
	}
	return approval.Moment{Now: at, Today: date}
}

// trial is a case with the updates made on it.
type trial struct {
	*approval.Case
	t  *testing.T
	at approval.Moment
}

func begin(t *testing.T, change ...func(*contract.RFAInput, *contract.RFARules)) *trial {
	t.Helper()
	in, rules := input(), contract.DefaultRFARules()
	for _, c := range change {
		c(&in, &rules)
	}
	require.NoError(t, in.Validate())
	require.NoError(t, rules.Check(""))
	return &trial{Case: approval.New("id", "run", in, rules, on("2026-12-01")), t: t, at: on("2026-12-02")}
}

// try makes an update as the workflow does.
func (c *trial) try(update string, r contract.RFARequest) error {
	c.t.Helper()
	u, err := contract.FindRFAUpdate(update)
	require.NoError(c.t, err)
	if err := r.Check(u); err != nil {
		return err
	}
	before := c.Status(c.at.Today)
	if err := c.Check(update, r, c.at); err != nil {
		require.Equal(c.t, before, c.Status(c.at.Today), "a refusal leaves no trace")
		return err
	}
	c.Apply(update, r, c.at, "u")
	return nil
}

func (c *trial) do(update string, r contract.RFARequest) {
	c.t.Helper()
	require.NoError(c.t, c.try(update, r))
}

func (c *trial) refused(says, update string, r contract.RFARequest) {
	c.t.Helper()
	require.ErrorContains(c.t, c.try(update, r), says)
}

func (c *trial) review(actor, discipline, code string) {
	c.t.Helper()
	c.do(contract.UpdateSubmitReview, contract.RFARequest{Actor: actor, Discipline: discipline, Code: code})
}

// told lists the notices: "kind to".
func (c *trial) told() []string {
	var list []string
	for _, n := range c.TakeNotices() {
		list = append(list, string(n.Kind)+" "+n.To.ID)
	}
	return list
}

func TestAllReviewAndTheLeadDecides(t *testing.T) {
	c := begin(t, func(in *contract.RFAInput, r *contract.RFARules) {
		r.Matrix = []contract.MatrixRow{{Recipients: []contract.Person{person("site")}}}
	})
	require.Equal(t, []string{"assigned str", "assigned arc", "assigned mep"}, c.told())
	require.Equal(t, "0 of 3 disciplines reviewed, waits for Name str (STR), Name arc (ARC), Name mep (MEP) until the end of 2026-12-08", c.Status(c.at.Today).Summary)

	c.refused("0 of 3 disciplines reviewed; the lead decides when all have", contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "1A"})
	c.review("arc", "ARC", "1A")
	c.refused("was reviewed by Name arc with code 1A", contract.UpdateSubmitReview, contract.RFARequest{Actor: "arc", Discipline: "ARC", Code: "2"})
	c.review("mep", "MEP", "1B")
	require.Equal(t, 2, c.Status(c.at.Today).Reviewed)
	require.Empty(t, c.told())
	c.review("str", "STR", "1A")
	require.Equal(t, contract.RFAToDecide, c.State())
	require.Equal(t, []string{"reviewed str"}, c.told())
	require.Equal(t, "3 of 3 disciplines reviewed, waits for Name str (to decide) until the end of 2026-12-08", c.Status(c.at.Today).Summary)

	c.refused("the lead does, str of STR", contract.UpdateFinalize, contract.RFARequest{Actor: "arc", Code: "1A"})
	c.do(contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "1B", Comments: "fine", Recipients: []contract.Person{person("owner"), {Email: "SITE@example.com"}}})
	require.Equal(t, contract.RFADecided, c.State())
	require.Equal(t, []string{"decided sub", "decided pm", "decided str", "decided arc", "decided mep"}, c.told())
	d := c.Decision()
	require.Equal(t, "RFA-1-A-T01", d.Transmittal)
	require.Equal(t, []contract.Person{person("site"), person("owner")}, d.Recipients, "each address once")
	require.Empty(t, c.Status(c.at.Today).WaitsFor)

	for _, u := range []string{contract.UpdateFinalize, contract.UpdateSubmitReview} {
		c.refused("rfa: was decided by Name str with code 1B", u, contract.RFARequest{Actor: "str", Discipline: map[string]string{contract.UpdateSubmitReview: "STR"}[u], Code: "1A"})
	}
}

func TestWhoMayWhat(t *testing.T) {
	c := begin(t, func(_ *contract.RFAInput, r *contract.RFARules) {
		r.Codes = map[string][]string{"ENGINEERING": {"1A", "2", "3"}}
	})
	c.refused(`"arc" does not review STR; str does`, contract.UpdateSubmitReview, contract.RFARequest{Actor: "arc", Discipline: "STR", Code: "1A"})
	c.refused("allowed are STR, ARC, MEP", contract.UpdateSubmitReview, contract.RFARequest{Actor: "arc", Discipline: "str", Code: "1A"})
	c.refused("code: 1G is no code of category ENGINEERING; allowed are 1A, 2, 3", contract.UpdateSubmitReview, contract.RFARequest{Actor: "str", Discipline: "STR", Code: "1G"})
	c.refused(`code: "5" is unknown`, contract.UpdateSubmitReview, contract.RFARequest{Actor: "str", Discipline: "STR", Code: "5"})
	c.refused("actor: is missing", contract.UpdateSubmitReview, contract.RFARequest{Discipline: "STR", Code: "1A"})
	c.refused("due: is no field of submit-review", contract.UpdateSubmitReview, contract.RFARequest{Actor: "str", Discipline: "STR", Code: "1A", Due: "2026-12-09"})
	c.refused(`"str" may not withdraw it`, contract.UpdateWithdraw, contract.RFARequest{Actor: "str"})
	c.refused(`"arc" may not change the due date`, contract.UpdateChangeDueDate, contract.RFARequest{Actor: "arc", Due: "2026-12-09"})
	c.refused("2026-12-01 is over", contract.UpdateChangeDueDate, contract.RFARequest{Actor: "pm", Due: "2026-12-01"})
	c.refused("it is due on 2026-12-08 already", contract.UpdateChangeDueDate, contract.RFARequest{Actor: "pm", Due: "2026-12-08"})
	to := person("new")
	c.refused(`"str" may not reassign ARC`, contract.UpdateReassign, contract.RFARequest{Actor: "str", Discipline: "ARC", To: &to})
}

func TestAVetoIsOverridden(t *testing.T) {
	c := begin(t)
	reason := "the client has accepted the risk"
	c.refused("no discipline has given code 3", contract.UpdateOverrideVeto, contract.RFARequest{Actor: "pm", Reason: reason})
	c.told()
	c.review("arc", "ARC", "3")
	require.Equal(t, []string{"code pm", "code sub"}, c.told(), "a code that the rules name")
	c.review("mep", "MEP", "3")
	require.Empty(t, c.told(), "once")
	c.refused(`"str" may not override`, contract.UpdateOverrideVeto, contract.RFARequest{Actor: "str", Reason: reason})
	c.refused("reason: has 9 characters; at least 10", contract.UpdateOverrideVeto, contract.RFARequest{Actor: "pm", Reason: "  too short"})
	c.refused("3 does not approve", contract.UpdateOverrideVeto, contract.RFARequest{Actor: "pm", Reason: reason, Code: "3"})
	c.refused("4 does not approve", contract.UpdateOverrideVeto, contract.RFARequest{Actor: "pm", Reason: reason, Code: "4"})
	c.review("str", "STR", "1A")
	c.refused("code: ARC has given code 3, a veto: the lead can decide 3, or the project manager (pm) overrides it",
		contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "1A"})
	c.told()
	c.do(contract.UpdateOverrideVeto, contract.RFARequest{Actor: "pm", Reason: reason})
	require.Equal(t, []string{"ARC", "MEP"}, c.TakeNotices()[0].Vetoed)
	d := c.Decision()
	require.Equal(t, "1A", d.Code)
	require.True(t, d.Overridden)
	audit := c.Status(c.at.Today).Audit
	last := audit[len(audit)-1]
	require.Equal(t, contract.AuditEntry{At: c.at.Now, Actor: "pm", Action: contract.UpdateOverrideVeto, Code: "1A", Text: reason, UpdateID: "u"}, last)
}

func TestARejectedDocumentGoesToItsSubmitterAlone(t *testing.T) {
	c := begin(t, func(_ *contract.RFAInput, r *contract.RFARules) {
		r.Matrix = []contract.MatrixRow{{Codes: []string{"3"}, Recipients: []contract.Person{person("site")}}}
	})
	for actor, discipline := range map[string]string{"str": "STR", "arc": "ARC", "mep": "MEP"} {
		c.review(actor, discipline, "3")
	}
	c.do(contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "3", Recipients: []contract.Person{person("owner")}})
	require.Equal(t, []contract.Person{person("sub")}, c.Decision().Recipients)
}

func TestDelegation(t *testing.T) {
	c := begin(t)
	c.told()
	deputy := person("dep")
	r := contract.RFARequest{Actor: "arc", Discipline: "ARC", To: &deputy, From: "2026-12-03", Until: "2026-12-05"}
	stranger := r
	stranger.Actor = "mep"
	c.refused("arc) and manager (arc-m) may", contract.UpdateDelegate, stranger)
	past := r
	past.From, past.Until = "2026-11-01", "2026-12-01"
	c.refused("until: 2026-12-01 is over", contract.UpdateDelegate, past)
	past.From = "2026-12-05"
	c.refused("is before 2026-12-05", contract.UpdateDelegate, past)
	self := r
	reviewer := person("arc")
	self.To = &reviewer
	c.refused("arc is the reviewer", contract.UpdateDelegate, self)
	known := person("mep")
	known.Email = "another@example.com"
	twice := r
	twice.To = &known
	c.refused("to.email: mep is known with mep@example.com", contract.UpdateDelegate, twice)
	c.do(contract.UpdateDelegate, r)
	require.Equal(t, []string{"delegated dep"}, c.told())

	// Not before it begins; then the delegate is the one who is waited for.
	c.refused(`"dep" does not review ARC; arc does`, contract.UpdateSubmitReview, contract.RFARequest{Actor: "dep", Discipline: "ARC", Code: "1A"})
	c.at = on("2026-12-03")
	require.Equal(t, "dep", c.WaitsFor()[1].On("2026-12-03").ID)
	require.Equal(t, "arc", c.WaitsFor()[1].On("2026-12-06").ID)
	require.Contains(t, c.Status("2026-12-03").Summary, "Name dep (ARC for Name arc)")
	require.Contains(t, c.Status("2026-12-06").Summary, "Name arc (ARC)")
	other := person("another")
	c.refused("may not delegate again", contract.UpdateDelegate, contract.RFARequest{Actor: "dep", Discipline: "ARC", To: &other, From: "2026-12-03", Until: "2026-12-04"})
	back, second := person("arc"), person("arc")
	c.refused("one level alone", contract.UpdateDelegate, contract.RFARequest{Actor: "mep", Discipline: "MEP", To: &back, From: "2026-12-05", Until: "2026-12-09"})
	c.do(contract.UpdateDelegate, contract.RFARequest{Actor: "mep", Discipline: "MEP", To: &second, From: "2026-12-06", Until: "2026-12-09"})

	c.review("dep", "ARC", "1A")
	rev := c.Status(c.at.Today).Disciplines[1].Review
	require.Equal(t, "dep", rev.By.ID)
	require.Equal(t, "arc", rev.For)
}

func TestACycleOfDelegations(t *testing.T) {
	c := begin(t)
	mep, arc := person("mep"), person("arc")
	c.do(contract.UpdateDelegate, contract.RFARequest{Actor: "arc", Discipline: "ARC", To: &mep, From: "2026-12-03", Until: "2026-12-05"})
	c.refused("that would be a cycle", contract.UpdateDelegate,
		contract.RFARequest{Actor: "mep", Discipline: "MEP", To: &arc, From: "2026-12-05", Until: "2026-12-06"})
	other := person("other")
	c.refused("mep reviews ARC for arc from 2026-12-03 until 2026-12-05: there is one level alone", contract.UpdateDelegate,
		contract.RFARequest{Actor: "mep", Discipline: "MEP", To: &other, From: "2026-12-05", Until: "2026-12-06"})
	c.do(contract.UpdateDelegate, contract.RFARequest{Actor: "mep", Discipline: "MEP", To: &other, From: "2026-12-06", Until: "2026-12-07"})
}

func TestReassigningAndAnotherDueDateBeginAgain(t *testing.T) {
	c := begin(t)
	c.told()
	key := c.WaitsFor()[1].Key
	to := person("new")
	c.do(contract.UpdateReassign, contract.RFARequest{Actor: "arc-m", Discipline: "ARC", To: &to})
	require.Equal(t, []string{"assigned new", "released arc"}, c.told())
	require.NotEqual(t, key, c.WaitsFor()[1].Key)
	c.refused(`"arc" does not review ARC`, contract.UpdateSubmitReview, contract.RFARequest{Actor: "arc", Discipline: "ARC", Code: "1A"})
	key = c.WaitsFor()[0].Key
	c.SetOverdue(true)
	c.do(contract.UpdateChangeDueDate, contract.RFARequest{Actor: "str", Due: "2026-12-20"})
	require.False(t, c.Status(c.at.Today).Overdue)
	require.NotEqual(t, key, c.WaitsFor()[0].Key)
	require.Equal(t, []string{"due str", "due new", "due mep", "due sub"}, c.told())
	c.do(contract.UpdateWithdraw, contract.RFARequest{Actor: "sub", Reason: "wrong drawing"})
	require.Equal(t, contract.RFAWithdrawn, c.State())
	require.Equal(t, []string{"withdrawn str", "withdrawn new", "withdrawn mep", "withdrawn pm", "withdrawn sub"}, c.told())
	require.True(t, c.Review().Ended)
}

func TestTheMatrix(t *testing.T) {
	in := input()
	row := func(project string, types, codes []string, who ...string) contract.MatrixRow {
		m := contract.MatrixRow{ProjectID: project, DocumentTypes: types, Codes: codes}
		for _, w := range who {
			m.Recipients = append(m.Recipients, person(w))
		}
		return m
	}
	matrix := []contract.MatrixRow{
		row("", nil, nil, "global"),
		row("p", []string{"SHOP"}, []string{"1A", "1B", "2"}, "site"),
		row("p", []string{"METHOD"}, nil, "method"),
		row("other", nil, nil, "other"),
	}
	ids := func(code string) (list []string) {
		for _, p := range approval.Recipients(matrix, in, code, nil) {
			list = append(list, p.ID)
		}
		return list
	}
	require.Equal(t, []string{"site"}, ids("2"), "the project's before the global")
	require.Equal(t, []string{"global"}, ids("1C"), "no row of the project matches")
	require.Equal(t, []string{"sub"}, ids("3"))
	in.DocumentType = "METHOD"
	require.Equal(t, []string{"method"}, ids("1A"))
}
