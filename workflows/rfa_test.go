package workflows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"signalbox/workflows"
	"signalbox/workflows/contract"
)

func person(id string) contract.Person {
	return contract.Person{ID: id, Name: "Name " + id, Email: id + "@example.com"}
}

// rfaWorld is an approval with its children under a clock that skips.
type rfaWorld struct {
	*testsuite.TestWorkflowEnvironment
	t     *testing.T
	zone  *time.Location
	in    contract.RFAInput
	rules contract.RFARules
	rfa   *workflows.RFA
	// send is what becomes of a notice; nil for delivered.
	send func(contract.Notice) error
	mu   sync.Mutex
	told []string
	// record is the approval's final one, report the distribution's.
	record contract.RecordRFAInput
	report contract.DistributionReport
}

func newRFAWorld(t *testing.T, zone, start string) *rfaWorld {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	w := &rfaWorld{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t, rules: contract.DefaultRFARules()}
	var err error
	w.zone, err = time.LoadLocation(zone)
	require.NoError(t, err)
	w.in = contract.RFAInput{
		Number: "RFA-1", Revision: "A", ProjectID: "p", DocumentType: "SHOP", Category: "ENGINEERING", TimeZone: zone,
		Submitter: person("sub"), ProjectManager: person("pm"),
		Disciplines: []contract.Discipline{
			{Name: "STR", Reviewer: person("str"), Manager: person("str-m"), Lead: true},
			{Name: "ARC", Reviewer: person("arc"), Manager: person("arc-m")},
			{Name: "MEP", Reviewer: person("mep"), Manager: person("mep-m")},
		},
	}
	w.SetStartTime(w.at(start))
	w.SetTestTimeout(time.Minute)
	w.SetDetachedChildWait(true)
	w.SetStartWorkflowOptions(client.StartWorkflowOptions{
		ID: contract.RFAID("p", "RFA-1", "A"), TaskQueue: contract.QueueRFAApproval,
	})
	w.rfa = &workflows.RFA{Listing: &workflows.Listing{}, TimeZone: "UTC", GiveUp: 24 * time.Hour}
	w.RegisterWorkflowWithOptions(w.rfa.RFAApproval, workflow.RegisterOptions{Name: contract.WorkflowRFAApproval})
	w.RegisterWorkflowWithOptions(w.rfa.RFAReminders, workflow.RegisterOptions{Name: contract.WorkflowRFAReminders})
	w.RegisterWorkflowWithOptions(w.rfa.RFADistribution, workflow.RegisterOptions{Name: contract.WorkflowRFADistribution})
	// The environment knows of signals to children alone.
	w.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, contract.SignalReminded, mock.Anything).Return(
		func(_, _, _, name string, arg any) error {
			w.SignalWorkflow(name, arg)
			return nil
		})
	w.RegisterActivityWithOptions(func(_ context.Context, n contract.Notice) (contract.NoticeSent, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.send != nil {
			if err := w.send(n); err != nil {
				return contract.NoticeSent{}, err
			}
		}
		return contract.NoticeSent{MessageID: n.ID}, nil
	}, activity.RegisterOptions{Name: contract.ActivitySendNotice})
	w.RegisterActivityWithOptions(func(_ context.Context, in contract.RecordRFAInput) (string, error) {
		w.record = in
		return "rfa-records/approval.json", nil
	}, activity.RegisterOptions{Name: contract.ActivityRecordRFA})
	w.RegisterActivityWithOptions(func(_ context.Context, r contract.DistributionReport) error { w.report = r; return nil },
		activity.RegisterOptions{Name: contract.ActivityRecordDistribution})
	w.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
		var n contract.Notice
		if info.ActivityType.Name != contract.ActivitySendNotice || args.Get(&n) != nil || info.Attempt > 1 {
			return
		}
		at := w.Now().In(w.zone)
		if n.Kind == contract.NoticeReminder { // they are spread over four minutes
			at = at.Truncate(5 * time.Minute)
		}
		text := at.Format("Mon 15:04 ") + string(n.Kind)
		if n.Level > 0 {
			text += fmt.Sprintf(" %d.%d", n.Level, n.Strike)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told = append(w.told, text+" "+n.To.ID)
	})
	return w
}

func (w *rfaWorld) at(s string) time.Time {
	w.t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", s, w.zone)
	require.NoError(w.t, err)
	return at
}

// when makes an update at a time.
func (w *rfaWorld) when(at, update string, r contract.RFARequest) {
	w.do(at, func() {
		w.UpdateWorkflow(update, at+update, &testsuite.TestUpdateCallback{
			OnReject: func(err error) { w.t.Errorf("%s was refused: %v", update, err) }, OnAccept: func() {},
			OnComplete: func(_ any, err error) {
				if err != nil {
					w.t.Errorf("%s failed: %v", update, err)
				}
			},
		}, w.json(r))
	})
}

// json is a request as another language's client makes it.
func (w *rfaWorld) json(r contract.RFARequest) map[string]any {
	data, err := json.Marshal(r)
	require.NoError(w.t, err)
	var out map[string]any
	require.NoError(w.t, json.Unmarshal(data, &out))
	return out
}

func (w *rfaWorld) do(at string, do func()) {
	w.RegisterDelayedCallback(do, w.at(at).Sub(w.Now()))
}

func (w *rfaWorld) run() contract.RFAResult {
	w.t.Helper()
	w.rfa.Rules = w.rules
	w.ExecuteWorkflow(contract.WorkflowRFAApproval, w.in)
	require.True(w.t, w.IsWorkflowCompleted())
	require.NoError(w.t, w.GetWorkflowError())
	var r contract.RFAResult
	require.NoError(w.t, w.GetWorkflowResult(&r))
	return r
}

// messages are what was told, those of one moment in the order of the alphabet.
func (w *rfaWorld) messages() []string {
	list := slices.Clone(w.told)
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && list[j][:9] == list[i][:9] {
			j++
		}
		slices.Sort(list[i:j])
		i = j
	}
	return list
}

// TestAWholeLife: submitted on a Friday, due on the Wednesday after a holiday, one
// rejects, one delegates, two answer nobody, and the project manager overrides.
func TestAWholeLife(t *testing.T) {
	w := newRFAWorld(t, "Asia/Bangkok", "2026-12-04 10:00")
	w.in.Due = "2026-12-09"
	w.rules.Reminders.Holidays = []string{"2026-12-07"}
	w.rules.Matrix = []contract.MatrixRow{{Codes: []string{"1A"}, Recipients: []contract.Person{person("site"), person("archive")}}}
	w.when("2026-12-08 14:00", contract.UpdateSubmitReview, contract.RFARequest{Actor: "arc", Discipline: "ARC", Code: "3", Comments: "no"})
	deputy := person("dep")
	w.when("2026-12-09 15:00", contract.UpdateDelegate,
		contract.RFARequest{Actor: "mep", Discipline: "MEP", To: &deputy, From: "2026-12-10", Until: "2026-12-11"})
	w.do("2026-12-09 23:59", func() { require.False(t, w.status().Overdue) })
	w.do("2026-12-10 00:01", func() { require.True(t, w.status().Overdue) })
	w.when("2026-12-17 10:00", contract.UpdateOverrideVeto, contract.RFARequest{Actor: "pm", Reason: "the client takes the risk"})
	r := w.run()

	require.Equal(t, []string{
		"Fri 10:00 assigned arc", "Fri 10:00 assigned mep", "Fri 10:00 assigned str",
		"Tue 09:00 reminder 1.1 arc", "Tue 09:00 reminder 1.1 mep", "Tue 09:00 reminder 1.1 str", // after the holiday
		"Tue 14:00 code pm", "Tue 14:00 code sub",
		"Wed 09:00 reminder 1.2 mep", "Wed 09:00 reminder 1.2 str",
		"Wed 15:00 delegated dep",
		"Thu 09:00 reminder 1.3 dep", "Thu 09:00 reminder 1.3 str",
		"Fri 09:00 reminder 2.1 mep-m", "Fri 09:00 reminder 2.1 str-m",
		"Mon 09:00 reminder 2.2 mep-m", "Mon 09:00 reminder 2.2 str-m",
		"Tue 09:00 reminder 2.3 mep-m", "Tue 09:00 reminder 2.3 str-m",
		"Wed 09:00 reminder 3.1 mep-m", "Wed 09:00 reminder 3.1 pm", "Wed 09:00 reminder 3.1 str-m",
		"Thu 09:00 reminder 3.2 mep-m", "Thu 09:00 reminder 3.2 pm", "Thu 09:00 reminder 3.2 str-m",
		"Thu 10:00 decided arc", "Thu 10:00 decided dep", "Thu 10:00 decided mep", "Thu 10:00 decided pm", "Thu 10:00 decided str", "Thu 10:00 decided sub",
		"Thu 10:00 transmittal archive", "Thu 10:00 transmittal site",
	}, w.messages())
	require.Equal(t, contract.RFADecided, r.State)
	require.Equal(t, "1A", r.Decision.Code)
	require.True(t, r.Decision.Overridden)
	require.Empty(t, r.Undelivered)
	require.Equal(t, "rfa-records/approval.json", r.Record)

	st := w.record.Status
	require.Len(t, st.Reminders, 3+2+2+2+2+2+2+2)
	require.Equal(t, []string{"submitted", "submit-review", "delegate", "override-veto"}, actions(st))
	require.Equal(t, contract.RFADistributionID("p", "RFA-1", "A"), r.Distribution)
	require.NoError(t, w.GetWorkflowErrorByID(r.Distribution))
	require.Equal(t, 2, w.report.Sent)
	require.Equal(t, "RFA-1-A-T01", w.report.Transmittal)
}

func (w *rfaWorld) status() (st contract.RFAStatus) {
	w.t.Helper()
	v, err := w.QueryWorkflow(contract.QueryStatus)
	require.NoError(w.t, err)
	require.NoError(w.t, v.Get(&st))
	return st
}

func actions(st contract.RFAStatus) (list []string) {
	for _, e := range st.Audit {
		list = append(list, e.Action)
	}
	return list
}

// TestNineOClockWhenTheClocksChange: London's go back on Sunday the 25th.
func TestNineOClockWhenTheClocksChange(t *testing.T) {
	w := newRFAWorld(t, "Europe/London", "2026-10-22 12:00")
	w.in.Due = "2026-10-26"
	w.when("2026-10-27 12:00", contract.UpdateWithdraw, contract.RFARequest{Actor: "sub"})
	w.in.Disciplines = w.in.Disciplines[:1]
	r := w.run()
	require.Equal(t, contract.RFAWithdrawn, r.State)
	require.Empty(t, r.Distribution)
	require.Equal(t, []string{
		"Thu 12:00 assigned str",
		"Fri 09:00 reminder 1.1 str", "Mon 09:00 reminder 1.2 str", "Tue 09:00 reminder 1.3 str",
		"Tue 12:00 withdrawn pm", "Tue 12:00 withdrawn str", "Tue 12:00 withdrawn sub",
	}, w.messages())
}

// TestAnotherDueDateMovesEverything: and the lead is reminded to decide.
func TestAnotherDueDateMovesEverything(t *testing.T) {
	w := newRFAWorld(t, "Asia/Bangkok", "2026-12-01 10:00")
	w.in.Due = "2026-12-02"
	w.in.Disciplines = w.in.Disciplines[:2]
	w.when("2026-12-03 10:00", contract.UpdateChangeDueDate, contract.RFARequest{Actor: "pm", Due: "2026-12-10"})
	w.when("2026-12-09 10:00", contract.UpdateSubmitReview, contract.RFARequest{Actor: "arc", Discipline: "ARC", Code: "1A"})
	w.when("2026-12-09 11:00", contract.UpdateSubmitReview, contract.RFARequest{Actor: "str", Discipline: "STR", Code: "1B"})
	w.when("2026-12-11 10:00", contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "3", Comments: "again, please"})
	r := w.run()
	require.Equal(t, []string{
		"Tue 10:00 assigned arc", "Tue 10:00 assigned str",
		"Wed 09:00 reminder 1.1 arc", "Wed 09:00 reminder 1.1 str",
		"Thu 09:00 reminder 1.2 arc", "Thu 09:00 reminder 1.2 str",
		"Thu 10:00 due arc", "Thu 10:00 due str", "Thu 10:00 due sub",
		"Wed 09:00 reminder 1.1 arc", "Wed 09:00 reminder 1.1 str", // the working day before the new one
		"Wed 11:00 reviewed str",
		"Thu 09:00 reminder 1.1 str", "Fri 09:00 reminder 1.2 str", // to decide
		"Fri 10:00 decided arc", "Fri 10:00 decided pm", "Fri 10:00 decided str", "Fri 10:00 decided sub",
		"Fri 10:00 transmittal sub", // rejected: to the submitter alone
	}, w.messages())
	require.Equal(t, "3", r.Decision.Code)
}

// TestMailThatFails: a refused address stops nobody else and is sent again later; a
// mail server that is away costs no strike, and nothing waits for ever.
func TestMailThatFails(t *testing.T) {
	w := newRFAWorld(t, "Asia/Bangkok", "2026-12-01 10:00")
	w.in.Due = "2026-12-03"
	w.in.Disciplines = w.in.Disciplines[:1]
	w.rules.Matrix = []contract.MatrixRow{{Recipients: []contract.Person{person("site"), person("archive")}}}
	full := true
	w.send = func(n contract.Notice) error {
		switch {
		case n.Kind == contract.NoticeReminder && w.Now().Before(w.at("2026-12-02 18:00")):
			return fmt.Errorf("mail server: connection refused")
		case n.Kind == contract.NoticeTransmittal && n.To.ID == "archive" && full:
			return contract.NewUndeliverable("no such mailbox")
		}
		return nil
	}
	w.when("2026-12-03 10:00", contract.UpdateSubmitReview, contract.RFARequest{Actor: "str", Discipline: "STR", Code: "1A"})
	w.when("2026-12-03 11:00", contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "1A"})
	distribution := contract.RFADistributionID("p", "RFA-1", "A")
	resend := func(check func(error)) {
		err := w.UpdateWorkflowByID(distribution, contract.UpdateResend, w.Now().String(), &testsuite.TestUpdateCallback{
			OnReject: check, OnAccept: func() {}, OnComplete: func(_ any, err error) { check(err) },
		})
		require.NoError(t, err)
	}
	w.do("2026-12-05 09:00", func() {
		v, err := w.QueryWorkflowByID(distribution, contract.QueryStatus)
		require.NoError(t, err)
		var report contract.DistributionReport
		require.NoError(t, v.Get(&report))
		require.Equal(t, [3]int{1, 0, 1}, [3]int{report.Sent, report.Pending, report.Failed})
		require.Equal(t, "no such mailbox", report.Deliveries[1].Reason)
		full = false
		resend(func(err error) { require.NoError(t, err) })
	})
	r := w.run()
	require.Len(t, r.Undelivered, 0)
	reminders := w.record.Status.Reminders
	require.Len(t, reminders, 2)
	require.Equal(t, "mail server: connection refused", reminders[0].Failed)
	require.Equal(t, 1, reminders[0].Strike)
	require.Empty(t, reminders[1].Failed)
	require.Equal(t, 1, reminders[1].Strike, "one that nobody got was none")
	require.Equal(t, [3]int{2, 0, 0}, [3]int{w.report.Sent, w.report.Pending, w.report.Failed})
}

// TestWhatIsRefusedAtTheDoor: before anybody is told of anything.
func TestWhatIsRefusedAtTheDoor(t *testing.T) {
	for says, change := range map[string]func(*rfaWorld){
		"due: is missing":              func(*rfaWorld) {},
		"workflowId: is \"rfa/p/RFA-1": func(w *rfaWorld) { w.in.Due, w.in.Number = "2026-12-02", "RFA-2" },
		"has 2 with lead: true":        func(w *rfaWorld) { w.in.Due, w.in.Disciplines[1].Lead = "2026-12-02", true },
		"matrix[0].recipients[0].email: \"all of us\" is no e-mail address": func(w *rfaWorld) {
			w.in.Due, w.in.Matrix = "2026-12-02", []contract.MatrixRow{{Recipients: []contract.Person{{Email: "all of us"}}}}
		},
		"reminders.until: 17:00 is not after 18:00":     func(w *rfaWorld) { w.in.Due, w.in.Reminders.At = "2026-12-02", "18:00" },
		"due: 2026-11-30 is over (today is 2026-12-01)": func(w *rfaWorld) { w.in.Due = "2026-11-30" },
		"timeZone: \"Bangkok\" is no IANA":              func(w *rfaWorld) { w.in.Due, w.in.TimeZone = "2026-12-02", "Bangkok" },
	} {
		w := newRFAWorld(t, "Asia/Bangkok", "2026-12-01 10:00")
		change(w)
		w.rfa.Rules = w.rules
		w.ExecuteWorkflow(contract.WorkflowRFAApproval, w.in)
		require.ErrorContains(t, w.GetWorkflowError(), says)
		_, invalid := contract.AsInvalidInput(w.GetWorkflowError())
		require.True(t, invalid)
		require.Empty(t, w.told)
	}
}

// TestWhatWasDecidedIsDecided: also when the workflow is cancelled while somebody could not
// be told yet; the record says who could not.
func TestWhatWasDecidedIsDecided(t *testing.T) {
	w := newRFAWorld(t, "Asia/Bangkok", "2026-12-01 10:00")
	w.in.Due = "2026-12-03"
	w.in.Disciplines = w.in.Disciplines[:1]
	w.send = func(n contract.Notice) error {
		if n.Kind == contract.NoticeDecided && n.To.ID == "sub" {
			return fmt.Errorf("mail server: connection refused")
		}
		return nil
	}
	w.when("2026-12-01 11:00", contract.UpdateSubmitReview, contract.RFARequest{Actor: "str", Discipline: "STR", Code: "1A"})
	w.when("2026-12-01 12:00", contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "1A"})
	w.do("2026-12-01 12:05", w.CancelWorkflow)
	r := w.run()
	require.Equal(t, contract.RFADecided, r.State)
	require.Equal(t, []string{"decided to sub@example.com: mail server: connection refused"}, r.Undelivered)
	audit := w.record.Status.Audit
	require.Equal(t, "notice-failed", audit[len(audit)-1].Action)
}

// TestACancelledApproval: it is told nobody, and is no decision.
func TestACancelledApproval(t *testing.T) {
	w := newRFAWorld(t, "Asia/Bangkok", "2026-12-01 10:00")
	w.in.Due = "2026-12-03"
	w.do("2026-12-01 13:00", w.CancelWorkflow)
	w.rfa.Rules = w.rules
	w.ExecuteWorkflow(contract.WorkflowRFAApproval, w.in)
	require.ErrorContains(t, w.GetWorkflowError(), "canceled")
	require.Equal(t, contract.RFACancelled, w.record.Status.State)
}
