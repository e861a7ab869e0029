package workflows

import (
	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// mostSending bounds the notices and events that are on the way at once: each has all
// reviews in it, and what one workflow task schedules has to fit into a message.
const mostSending = 20

// rfaSending is a notice or an event that is to be sent.
type rfaSending struct {
	activity string
	options  workflow.ActivityOptions
	input    any
}

// notify takes the notices and events that are there.
func (a *rfaApproval) notify() {
	for _, n := range a.c.TakeNotices() {
		options := noticeOptions(contract.QueueRFAApproval, a.settings.GiveUp, n)
		a.queue = append(a.queue, rfaSending{contract.ActivitySendNotice, options, n})
	}
	for _, e := range a.c.TakeEvents() {
		if a.settings.Backend {
			options := tellOptions(contract.QueueRFAApproval, a.settings.GiveUp, e.Type)
			a.queue = append(a.queue, rfaSending{contract.ActivitySendEvents, options, contract.SendEventsInput{Events: []contract.Event{e}}})
		}
	}
}

// pump sends what is queued, without anybody waiting for it.
func (a *rfaApproval) pump(ctx workflow.Context) {
	for workflow.Await(ctx, func() bool { return len(a.queue) > 0 && a.sending < mostSending }) == nil {
		next := a.queue[0]
		a.queue = a.queue[1:]
		a.sending++
		f := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, next.options), next.activity, next.input)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer func() { a.sending-- }()
			if err := f.Get(ctx, nil); err != nil {
				text := next.options.Summary + ": " + undelivered(err)
				a.result.Undelivered = append(a.result.Undelivered, text)
				a.log(ctx, "notice-failed", text)
			}
		})
	}
}
