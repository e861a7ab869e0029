package tests

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/config"
	"signalbox/internal/mail"
	"signalbox/internal/store"
	"signalbox/internal/testmail"
	"signalbox/starter"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// mailed makes a system send its mail to a server.
func mailed(m *testmail.Server) func(*config.Config) {
	return func(c *config.Config) {
		c.RFA.Mail.Outbox, c.RFA.Mail.Host, c.RFA.Mail.Port, c.RFA.Mail.TLS = "", m.Host, m.Port, mail.TLSNone
		c.RFA.Mail.From, c.RFA.Mail.Timeout = "signalbox@example.com", 2*time.Second
	}
}

// approvals is a system that serves approvals alone, and its mail server.
func approvals(t *testing.T) (*system, *testmail.Server) {
	t.Helper()
	m := testmail.Start(t, testmail.Options{})
	s := systemAt(t, record(t, "http://127.0.0.1:1"), startServer(t, contract.SearchAttributes()).Address(), mailed(m))
	return s, m
}

func somebody(id string) contract.Person {
	return contract.Person{ID: id, Name: "Name " + id, Email: id + "@example.com"}
}

// anRFA is due in a year, so that nobody is reminded in the test.
func anRFA(number string) contract.RFAInput {
	return contract.RFAInput{
		Number: number, Revision: "A", ProjectID: "สะพาน 7", Title: "Piles", DocumentType: "SHOP", Category: "ENGINEERING",
		Due: time.Now().AddDate(1, 0, 0).Format(time.DateOnly), Submitter: somebody("sub"), ProjectManager: somebody("pm"),
		Disciplines: []contract.Discipline{
			{Name: "STR", Reviewer: somebody("str"), Manager: somebody("str-m"), Lead: true},
			{Name: "ARC", Reviewer: somebody("arc"), Manager: somebody("arc-m")},
		},
		Matrix: []contract.MatrixRow{{Recipients: recipients(3)}},
	}
}

func recipients(n int) (list []contract.Person) {
	for i := range n {
		list = append(list, contract.Person{Email: fmt.Sprintf("site-%d@example.com", i)})
	}
	return list
}

// startRFA starts an approval and returns its id.
func (s *system) startRFA(in contract.RFAInput) string {
	s.t.Helper()
	run, err := s.StartRFA(s.ctx, in)
	require.NoError(s.t, err)
	return run.GetID()
}

func (s *system) rfa(id, update string, r contract.RFARequest) contract.RFAStatus {
	s.t.Helper()
	st, err := s.UpdateRFA(s.ctx, id, update, r)
	require.NoError(s.t, err)
	return st
}

func (s *system) review(id, actor, discipline, code string) contract.RFAStatus {
	s.t.Helper()
	return s.rfa(id, contract.UpdateSubmitReview, contract.RFARequest{Actor: actor, Discipline: discipline, Code: code})
}

// approve lets all review, and the lead decide.
func (s *system) approve(id string) {
	s.t.Helper()
	s.review(id, "arc", "ARC", "1A")
	s.review(id, "str", "STR", "1A")
	s.rfa(id, contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "1A"})
}

// distributed waits until nothing of a distribution is pending.
func (s *system) distributed(id string) (r contract.DistributionReport) {
	s.t.Helper()
	s.eventually("the distribution of "+id, func() bool {
		var err error
		r, err = s.RFADistribution(s.ctx, id)
		return err == nil && r.Pending == 0
	})
	return r
}

// TestAnRFA: from its start to its distribution on a real server with real mail.
func TestAnRFA(t *testing.T) {
	s, m := approvals(t)
	s.run(workers.RoleRFA)
	in := anRFA("RFA/STR-042")
	id := s.startRFA(in)
	require.Equal(t, "rfa/%E0%B8%AA%E0%B8%B0%E0%B8%9E%E0%B8%B2%E0%B8%99%207/RFA%2FSTR-042/A", id)
	_, err := s.StartRFA(s.ctx, in)
	require.ErrorIs(t, err, starter.ErrRFAExists)
	s.finds(fmt.Sprintf(`%s = "in-review" AND %s = "สะพาน 7"`, contract.AttrRFAState.GetName(), contract.AttrProject.GetName()), id)
	list, err := s.ListRFAs(s.ctx, "default", starter.RFAFilter{ProjectID: in.ProjectID})
	require.NoError(t, err)
	require.Equal(t, id, list[0].ID)
	require.Equal(t, "in-review", list[0].State)
	require.False(t, list[0].Overdue)
	s.eventually("the reviewers are told", func() bool { return len(m.To("str@example.com"))+len(m.To("arc@example.com")) == 2 })

	require.Equal(t, 1, s.review(id, "arc", "ARC", "1A").Reviewed)
	st := s.review(id, "str", "STR", "1B")
	require.Equal(t, contract.RFAToDecide, st.State)
	s.eventually("the lead is told", func() bool { return len(m.To("str@example.com")) == 2 })
	s.rfa(id, contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "1A", Transmittal: "TRN-7"})
	r, err := s.RFA(s.ctx, id)
	require.NoError(t, err)
	require.Equal(t, contract.RFADecided, r.State)
	require.Empty(t, r.Undelivered)
	report := s.distributed(id)
	require.Equal(t, 3, report.Sent)
	for _, to := range recipients(3) {
		require.Equal(t, []string{"TRN-7: RFA/STR-042 rev. A, code 1A"}, m.To(to.Email))
	}

	// The record outlives the workflow, and says which client did what.
	var kept contract.RFAStatus
	require.NoError(t, s.docs.ReadJSON(s.ctx, store.DocumentKey(in.ProjectID, r.Record), &kept))
	require.Equal(t, contract.RFADecided, kept.State)
	require.Len(t, kept.Audit, 4)
	require.Empty(t, kept.Audit[0].Client, "it was started")
	for _, e := range kept.Audit[1:] {
		require.Contains(t, e.Client, "@", "the identity of the client of %s", e.Action)
	}
	var sent contract.DistributionReport
	require.NoError(t, s.docs.ReadJSON(s.ctx, store.DocumentKey(in.ProjectID, store.RFAKey(in.Number, in.Revision, "distribution.json")), &sent))
	require.Equal(t, report, sent)

	_, err = s.UpdateRFA(s.ctx, id, contract.UpdateWithdraw, contract.RFARequest{Actor: "sub"})
	require.ErrorContains(t, err, "rfa: was decided by Name str with code 1A (approved)")
	_, err = s.StartRFA(s.ctx, in)
	require.ErrorIs(t, err, starter.ErrRFAExists, "one approval of a revision, also when it has ended")
}

// TestTwoAtTheSameMoment: one of them counts, the other is told so and leaves no trace.
func TestTwoAtTheSameMoment(t *testing.T) {
	s, _ := approvals(t)
	s.run(workers.RoleRFA)
	for i := range 5 {
		id := s.startRFA(anRFA(fmt.Sprint("RFA-", i)))
		var all sync.WaitGroup
		errs := make([]error, 4)
		for j, code := range []string{"1A", "1B", "2", "3"} {
			all.Go(func() {
				_, errs[j] = s.UpdateRFA(s.ctx, id, contract.UpdateSubmitReview, contract.RFARequest{Actor: "arc", Discipline: "ARC", Code: code})
			})
		}
		all.Wait()
		refused := 0
		for _, err := range errs {
			if err == nil {
				continue
			}
			refused++
			f, ok := contract.AsInvalidInput(err)
			require.True(t, ok, "%v", err)
			require.Equal(t, "discipline", f.Field)
			require.Contains(t, f.Reason, "was reviewed by Name arc")
		}
		require.Equal(t, 3, refused)
		st, err := s.RFAStatus(s.ctx, id)
		require.NoError(t, err)
		require.Len(t, st.Audit, 2)
	}
}

// TestRemindersStopAndComeBack: they end with the review, and begin again where
// somebody has terminated them.
func TestRemindersStopAndComeBack(t *testing.T) {
	s, _ := approvals(t)
	s.run(workers.RoleRFA)
	in := anRFA("RFA-1")
	id := s.startRFA(in)
	reminders := contract.RFARemindersID(in.ProjectID, in.Number, in.Revision)
	running := func() bool {
		d, err := s.client.DescribeWorkflowExecution(s.ctx, reminders, "")
		return err == nil && d.GetWorkflowExecutionInfo().GetStatus().String() == "Running"
	}
	s.eventually("the reminders run", running)
	require.NoError(t, s.client.TerminateWorkflow(s.ctx, reminders, "", "by mistake"))
	s.eventually("they run again", running)
	s.rfa(id, contract.UpdateWithdraw, contract.RFARequest{Actor: "sub", Reason: "wrong drawing"})
	s.eventually("they have ended", func() bool { return !running() })
	r, err := s.RFA(s.ctx, id)
	require.NoError(t, err)
	require.Equal(t, contract.RFAWithdrawn, r.State)
	_, err = s.RFADistribution(s.ctx, id)
	require.Error(t, err, "nothing is distributed")

	// One whose workflow is cancelled ends in good order, too.
	in = anRFA("RFA-2")
	id = s.startRFA(in)
	require.NoError(t, s.client.CancelWorkflow(s.ctx, id, ""))
	_, err = s.RFA(s.ctx, id)
	require.ErrorContains(t, err, "canceled")
	var kept contract.RFAStatus
	require.NoError(t, s.docs.ReadJSON(s.ctx, store.DocumentKey(in.ProjectID, store.RFAKey(in.Number, in.Revision, "approval.json")), &kept))
	require.Equal(t, contract.RFACancelled, kept.State)
}

// TestApprovalsDoNotNoticeTheGPU: they go through while a document is on it, while it is
// drained, and while its host is gone.
func TestApprovalsDoNotNoticeTheGPU(t *testing.T) {
	m := testmail.Start(t, testmail.Options{})
	s := newSystem(t, mailed(m))
	s.run(workers.RoleAI, workers.RoleScheduler, workers.RoleRFA)
	through := func(number string) {
		t.Helper()
		id := s.startRFA(anRFA(number))
		s.approve(id)
		require.Equal(t, 3, s.distributed(id).Sent)
		_, err := s.RFA(s.ctx, id)
		require.NoError(t, err)
	}
	s.startBatch("job", s.documents("p", 20))
	through("no GPU worker")
	s.run(workers.RoleGPU)
	s.documentOnGPU()
	through("a document on the GPU")
	s.operate(contract.UpdateDrain, contract.OperatorRequest{For: "1h"})
	s.unavailable("drained", contract.ReasonDrained)
	through("drained")
	s.operate(contract.UpdateUndrain, contract.OperatorRequest{})
	require.Equal(t, 20, s.endBatch("job").Done)
}
