package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"signalbox/internal/approval"
	"signalbox/internal/calendar"
	"signalbox/workflows/contract"
)

// Times of an approval.
const (
	// remindersEnd is how long the reminders may take to end.
	remindersEnd = 10 * time.Second
	// remindersAgain is the pause before reminders that were lost begin again.
	remindersAgain = 10 * time.Second
)

// RFAApproval is one request for approval, until it is decided or withdrawn. Its
// input is contract.RFAInput as JSON, its workflow id contract.RFAID.
func (w *RFA) RFAApproval(ctx workflow.Context, raw converter.RawValue) (contract.RFAResult, error) {
	info := workflow.GetInfo(ctx)
	a := &rfaApproval{id: info.WorkflowExecution.ID, run1: info.FirstRunID}
	if err := a.setup(ctx, w, raw); err != nil {
		return contract.RFAResult{}, err
	}
	return a.run(ctx)
}

type rfaApproval struct {
	id       string
	run1     string // the first run's id: another approval of the revision is another one
	in       contract.RFAInput
	settings rfaSettings
	days     *calendar.Workdays
	c        *approval.Case
	// reminders is RFAReminders while it runs; told the sequence that it knows of.
	reminders workflow.ChildWorkflowFuture
	told      int
	// listed is what the list knows.
	listed rfaListed
	// queue are notices and events that are to be sent, sending counts those on the way.
	queue   []rfaSending
	sending int
	result  contract.RFAResult
}

func (a *rfaApproval) setup(ctx workflow.Context, w *RFA, raw converter.RawValue) (err error) {
	if a.in, err = contract.DecodeRFAInput(raw.Payload().GetData()); err != nil {
		return contract.NewInvalidInput(err)
	}
	if want := contract.RFAID(a.in.ProjectID, a.in.Number, a.in.Revision); a.id != want {
		return contract.NewInvalidInput(&contract.FieldError{
			Field: "workflowId", Reason: fmt.Sprintf("is %q; of this revision it has to be %q, so that there is one approval alone", a.id, want),
		})
	}
	if a.settings, err = w.settings(ctx); err != nil {
		return err
	}
	if a.in.TimeZone == "" {
		a.in.TimeZone = a.settings.TimeZone
	}
	if a.days, err = workdays(a.settings.Rules.With(a.in).Reminders, a.in.TimeZone); err != nil {
		return contract.NewInvalidInput(err)
	}
	at, err := moment(ctx, a.days)
	if err != nil {
		return err
	}
	if err := approval.CheckStart(a.in, a.settings.Rules.With(a.in), at); err != nil {
		return contract.NewInvalidInput(err)
	}
	a.c = approval.New(a.id, a.run1, a.in, a.settings.Rules, at)
	a.result.RFARef = a.in.Ref()
	err = workflow.SetQueryHandlerWithOptions(ctx, contract.QueryStatus,
		func() (contract.RFAStatus, error) { return a.status(ctx), nil },
		workflow.QueryHandlerOptions{Description: "Disciplines, who is waited for, due date, reminders, audit trail."})
	if err != nil {
		return err
	}
	a.settings.Listed.set(ctx, text(contract.AttrProject, a.in.ProjectID)...)
	return a.obey(ctx)
}

func (a *rfaApproval) run(ctx workflow.Context) (contract.RFAResult, error) {
	// What is done to the end is done when the workflow is cancelled, too. Never
	// cancelled: that would cancel the distribution.
	last, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(last, a.hear)
	workflow.Go(last, a.watchDue)
	workflow.Go(last, a.remind)
	workflow.Go(last, a.pump)
	for a.c.State().Open() {
		known, overdue := a.c.Sequence(), a.c.Overdue() // before: more may change while it is passed on
		a.passOn(last)
		err := workflow.Await(ctx, func() bool { return a.c.Sequence() != known || a.c.Overdue() != overdue })
		if err != nil {
			at, e := moment(last, a.days)
			if e != nil {
				return a.result, e
			}
			a.c.Cancel(at)
		}
	}
	if err := a.finish(last); err != nil {
		return a.result, err
	}
	if a.c.State() == contract.RFACancelled {
		return a.result, ctx.Err()
	}
	return a.result, nil // what was decided is decided, whoever cancels the rest
}

// finish does what an approval that has ended leaves to be done.
func (a *rfaApproval) finish(ctx workflow.Context) error {
	a.result.State, a.result.Decision = a.c.State(), a.c.Decision()
	a.distribute(ctx)
	a.passOn(ctx)
	_, err := workflow.AwaitWithTimeout(ctx, remindersEnd, func() bool { return a.reminders == nil })
	if err != nil {
		return err
	}
	if err := a.record(ctx); err != nil {
		return err
	}
	known := len(a.c.Status("").Audit)
	err = workflow.Await(ctx, func() bool { return len(a.queue)+a.sending == 0 && workflow.AllHandlersFinished(ctx) })
	if err != nil || len(a.c.Status("").Audit) == known {
		return err
	}
	return a.record(ctx) // with those who could not be told of the end
}

// record writes the final record.
func (a *rfaApproval) record(ctx workflow.Context) error {
	info := workflow.GetInfo(ctx).WorkflowExecution
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, recordOptions(contract.QueueRFAApproval)), contract.ActivityRecordRFA,
		contract.RecordRFAInput{Status: a.status(ctx), WorkflowID: info.ID, RunID: info.RunID}).Get(ctx, &a.result.Record)
}

// distribute starts RFADistribution, which outlives the approval.
func (a *rfaApproval) distribute(ctx workflow.Context) {
	d := a.c.Decision()
	if d == nil {
		return
	}
	id := contract.RFADistributionID(a.in.ProjectID, a.in.Number, a.in.Revision)
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: id, TaskQueue: contract.QueueRFADistribution, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowTaskTimeout:   rfaTaskTimeout, StaticSummary: "transmittal " + d.Transmittal,
	}), contract.WorkflowRFADistribution, contract.DistributionInput{
		RFARef: a.in.Ref(), Approval: a.id, Decision: *d,
	})
	err := child.GetChildWorkflowExecution().Get(ctx, nil)
	if err != nil { // an earlier approval of the revision was distributed
		workflow.GetLogger(ctx).Error("the distribution did not start", "error", err)
		a.log(ctx, "distribution-not-started", err.Error())
		a.result.Undelivered = append(a.result.Undelivered, "the distribution did not start: "+err.Error())
		return
	}
	a.result.Distribution = id
}

// rfaTaskTimeout lets a workflow go on quickly after a crash.
const rfaTaskTimeout = 3 * time.Second

// log adds to the audit trail.
func (a *rfaApproval) log(ctx workflow.Context, action, text string) {
	a.c.Log(approval.Moment{Now: workflow.Now(ctx)}, action, text)
}

// passOn brings what has changed to those who go by it.
func (a *rfaApproval) passOn(ctx workflow.Context) {
	a.notify()
	a.show(ctx)
	review := a.c.Review()
	if a.reminders == nil || review.Sequence == a.told {
		return
	}
	// Should that fail, the reminders have ended, and begin again with what is now.
	if err := a.reminders.SignalChildWorkflow(ctx, contract.SignalReview, review).Get(ctx, nil); err == nil {
		a.told = review.Sequence
	}
}

// show makes the approval one that can be listed, and says in the Web UI whom it
// waits for.
func (a *rfaApproval) show(ctx workflow.Context) {
	st := a.status(ctx)
	workflow.SetCurrentDetails(ctx, "**"+string(st.State)+"**: "+st.Summary)
	now := rfaListed{st.State, st.Overdue, st.Due}
	if now == a.listed {
		return
	}
	updates := append(text(contract.AttrRFAState, string(st.State)), contract.AttrRFAOverdue.ValueSet(st.Overdue))
	if st.Due != a.listed.due {
		if end, err := a.endOf(ctx, st.Due); err == nil {
			updates = append(updates, contract.AttrRFADue.ValueSet(end))
		}
	}
	a.listed = now
	a.settings.Listed.set(ctx, updates...)
}

// rfaListed is what an approval is listed by.
type rfaListed struct {
	state   contract.RFAState
	overdue bool
	due     string
}

// status is how far the approval is today.
func (a *rfaApproval) status(ctx workflow.Context) contract.RFAStatus {
	return a.c.Status(a.days.Date(workflow.Now(ctx)))
}

// endOf is the end of a date.
func (a *rfaApproval) endOf(ctx workflow.Context, date string) (end time.Time, err error) {
	err = workflow.SideEffect(ctx, func(workflow.Context) any {
		end, err := a.days.At(date, "24:00")
		if err != nil {
			return time.Time{}
		}
		return end
	}).Get(&end)
	return end, err
}

// watchDue finds out that the due date has passed.
func (a *rfaApproval) watchDue(ctx workflow.Context) {
	for a.c.State().Open() {
		due := a.c.Due()
		changed := func() bool { return a.c.Due() != due || !a.c.State().Open() }
		end, err := a.endOf(ctx, due)
		if err != nil {
			return
		}
		early, err := workflow.AwaitWithTimeout(ctx, max(0, end.Sub(workflow.Now(ctx))), changed)
		if err != nil {
			return
		}
		if !early {
			a.c.SetOverdue(true)
			if workflow.Await(ctx, changed) != nil {
				return
			}
		}
	}
}
