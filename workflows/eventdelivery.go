package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// eventsGiveUp is how long the events of a batch job are tried.
const eventsGiveUp = 24 * time.Hour

// EventDelivery delivers events of a batch job to the app backend; the job does not
// wait for it. It fails with the reason where the backend cannot be told.
func (a *AI) EventDelivery(ctx workflow.Context, in contract.SendEventsInput) error {
	options := tellOptions(contract.QueueAIBatch, eventsGiveUp, fmt.Sprintf("%d events", len(in.Events)))
	options.StartToCloseTimeout = 0 // a post takes seconds, a chunk of them minutes
	return directCause(workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), contract.ActivitySendEvents, in).Get(ctx, nil))
}

// tellsBackend is whether an app backend is told, recorded for the run. Runs from
// before there was one go on without.
func (a *AI) tellsBackend(ctx workflow.Context) (tells bool, err error) {
	if workflow.GetVersion(ctx, "webhooks", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return false, nil
	}
	err = workflow.SideEffect(ctx, func(workflow.Context) any { return a.Backend }).Get(&tells)
	return tells, err
}

// tellDocuments tells the app backend how documents have ended.
func (b *batch) tellDocuments(ctx workflow.Context, in contract.RecordInput) {
	if !b.backend {
		return
	}
	var events []contract.Event
	for _, l := range in.Lines {
		id := fmt.Sprintf("%s/%s/%d", b.ref.WorkflowID, b.ref.RunID, l.Index)
		if in.Again { // its end is another one
			id += fmt.Sprintf("/%d", workflow.Now(ctx).UnixMilli())
		}
		events = append(events, contract.NewEvent(id, contract.EventBatchDocument, workflow.Now(ctx), contract.BatchDocumentEvent{
			Job: b.ref.WorkflowID, ProjectID: b.in.ProjectID, DocumentReport: l.DocumentReport,
		}))
	}
	b.deliver(ctx, fmt.Sprintf("documents-%d-%d", b.state.From, workflow.Now(ctx).UnixMilli()), events)
}

// tellEnd tells the app backend how the job has ended.
func (b *batch) tellEnd(ctx workflow.Context, r contract.BatchResult, err error) {
	if !b.backend {
		return
	}
	ended := contract.BatchEndedEvent{Job: b.ref.WorkflowID, BatchResult: r, WasCancelled: b.state.Cancelled}
	if err != nil {
		ended.Error = directCause(err).Error()
	}
	id := fmt.Sprintf("%s/%s/ended", b.ref.WorkflowID, b.ref.RunID)
	b.deliver(ctx, "end", []contract.Event{contract.NewEvent(id, contract.EventBatchEnded, workflow.Now(ctx), ended)})
}

// deliver begins an EventDelivery, which outlives the job.
func (b *batch) deliver(ctx workflow.Context, what string, events []contract.Event) {
	b.sending++
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: fmt.Sprintf("events/%s/%s/%s", b.ref.WorkflowID, b.ref.RunID, what), TaskQueue: contract.QueueAIBatch,
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON, StaticSummary: summary("events of " + b.ref.WorkflowID),
	}), contract.WorkflowEventDelivery, contract.SendEventsInput{Events: events})
	workflow.Go(ctx, func(ctx workflow.Context) {
		if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Error("the app backend is not told", "error", err)
		}
		b.sending--
		b.dirty = true
	})
}
