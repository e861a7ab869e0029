package workflows

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// remind keeps RFAReminders running while somebody is waited for. Should they end
// before, they begin again with what was sent.
func (a *rfaApproval) remind(ctx workflow.Context) {
	for a.c.State().Open() {
		review := a.c.Review()
		handled, err := a.remindedOn(ctx)
		if err != nil {
			return
		}
		child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: contract.RFARemindersID(a.in.ProjectID, a.in.Number, a.in.Revision), TaskQueue: contract.QueueRFAReminders,
			ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_TERMINATE,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			WorkflowTaskTimeout:   rfaTaskTimeout, StaticSummary: "reminders of " + a.in.Number + " rev. " + a.in.Revision,
		}), contract.WorkflowRFAReminders, contract.RemindersInput{
			RFARef: a.in.Ref(), Approval: a.id, Run: a.run1, ProjectManager: a.in.ProjectManager, TimeZone: a.in.TimeZone,
			Rules: a.c.Rules().Reminders, Review: review, Sent: a.c.Sent(), Handled: handled,
		})
		if err := child.GetChildWorkflowExecution().Get(ctx, nil); err == nil {
			a.reminders, a.told = child, review.Sequence
			a.passOn(ctx) // what has changed meanwhile
			err = child.Get(ctx, nil)
			a.reminders = nil
			if err == nil && !a.c.State().Open() {
				return
			}
			a.log(ctx, "reminders-lost", "they begin again")
		}
		if workflow.Sleep(ctx, remindersAgain) != nil {
			return
		}
	}
}

// remindedOn is the last date on which somebody was reminded, "" for none.
func (a *rfaApproval) remindedOn(ctx workflow.Context) (date string, err error) {
	sent := a.c.Sent()
	if len(sent) == 0 {
		return "", nil
	}
	err = workflow.SideEffect(ctx, func(workflow.Context) any { return a.days.Date(sent[len(sent)-1].At) }).Get(&date)
	return date, err
}

// hear takes what the reminders have sent.
func (a *rfaApproval) hear(ctx workflow.Context) {
	for {
		var sent []contract.Reminder
		if !workflow.GetSignalChannel(ctx, contract.SignalReminded).Receive(ctx, &sent) {
			return
		}
		a.c.Reminded(sent)
	}
}
