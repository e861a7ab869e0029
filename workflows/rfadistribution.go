package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// resendWithin is how long a distribution stays open for what has failed to be sent
// again.
const resendWithin = 30 * 24 * time.Hour

// RFADistribution sends what was decided to its recipients, each once. One who fails
// does not stop the others, and can be sent it again for resendWithin.
func (w *RFA) RFADistribution(ctx workflow.Context, in contract.DistributionInput) (contract.DistributionReport, error) {
	without := RFA{Listing: w.Listing, GiveUp: w.GiveUp, Backend: w.Backend} // the rules have been applied
	settings, err := without.settings(ctx)
	if err != nil {
		return contract.DistributionReport{}, err
	}
	d := &rfaDistribution{in: in, within: settings.GiveUp, backend: settings.Backend, report: contract.DistributionReport{
		RFARef: in.RFARef, Transmittal: in.Decision.Transmittal, Code: in.Decision.Code, Deliveries: deliveries(in.Decision.Recipients),
	}}
	if err := d.setup(ctx, settings.Listed); err != nil {
		return d.report, err
	}
	err = d.run(ctx)
	return d.report, err
}

// deliveries are one for each address and each webhook, whoever stands for it.
func deliveries(recipients []contract.Person) []contract.Delivery {
	list := []contract.Delivery{}
	seen := map[string]bool{}
	add := func(to contract.Person, via, address string) {
		if address != "" && !seen[via+address] {
			seen[via+address] = true
			list = append(list, contract.Delivery{To: to, Via: via, State: contract.DeliveryPending})
		}
	}
	for _, to := range recipients {
		add(to, contract.ViaEmail, strings.ToLower(to.Email))
		add(to, contract.ViaWebhook, to.Webhook)
	}
	return list
}

// mostDelivering bounds the deliveries that are on the way at once: three are made at
// a time, and what one workflow task schedules has to fit into a message.
const mostDelivering = 50

type rfaDistribution struct {
	in     contract.DistributionInput
	within time.Duration
	// backend is whether the app backend is told.
	backend bool
	report  contract.DistributionReport
	rounds  int // of sending
	telling int // events on the way
	// waiting are the deliveries that are to be begun, onTheWay counts those begun.
	waiting  []int
	onTheWay int
}

func (d *rfaDistribution) setup(ctx workflow.Context, l listed) error {
	l.set(ctx, text(contract.AttrProject, d.in.ProjectID)...)
	d.count(ctx)
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.QueryStatus,
		func() (contract.DistributionReport, error) { return d.report, nil },
		workflow.QueryHandlerOptions{Description: "What was sent, is pending and has failed."})
	if err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateResend,
		func(ctx workflow.Context) (contract.DistributionReport, error) {
			d.queue(ctx, contract.DeliveryFailed)
			return d.report, nil
		},
		workflow.UpdateHandlerOptions{Description: "Sends again what has failed.", Validator: func() error {
			if d.report.Failed > 0 {
				return nil
			}
			return contract.NewInvalidInput(&contract.FieldError{Field: "rfa", Reason: fmt.Sprintf(
				"nothing has failed: %d sent, %d pending", d.report.Sent, d.report.Pending)})
		}})
}

func (d *rfaDistribution) run(ctx workflow.Context) error {
	workflow.Go(ctx, d.pump)
	d.queue(ctx, contract.DeliveryPending)
	for {
		round := d.rounds
		if err := workflow.Await(ctx, func() bool { return d.report.Pending == 0 }); err != nil {
			return err
		}
		d.tell(ctx)
		if err := d.record(ctx); err != nil {
			return err
		}
		if d.rounds != round { // sent again meanwhile
			continue
		}
		again, err := d.waitForResend(ctx)
		if err != nil {
			return err
		}
		if again {
			continue
		}
		done := func() bool { return d.telling == 0 && workflow.AllHandlersFinished(ctx) || d.report.Pending > 0 }
		if err := workflow.Await(ctx, done); err != nil || d.report.Pending == 0 {
			return err
		}
	}
}

// waitForResend waits, where something has failed, until it is sent again.
func (d *rfaDistribution) waitForResend(ctx workflow.Context) (again bool, err error) {
	if d.report.Failed == 0 {
		return false, nil
	}
	d.report.Resend = workflow.Now(ctx).Add(resendWithin).UTC()
	d.count(ctx)
	again, err = workflow.AwaitWithTimeout(ctx, resendWithin, func() bool { return d.report.Pending > 0 })
	d.report.Resend = time.Time{}
	d.count(ctx)
	return again, err
}

// record writes the report to the document store: the server forgets a workflow that
// has ended.
func (d *rfaDistribution) record(ctx workflow.Context) error {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, recordOptions(contract.QueueRFADistribution)),
		contract.ActivityRecordDistribution, d.report).Get(ctx, nil)
}

// tell tells the app backend how a round of sending has ended, without waiting for it.
func (d *rfaDistribution) tell(ctx workflow.Context) {
	if !d.backend {
		return
	}
	e := contract.NewEvent(fmt.Sprintf("%s/%s/distributed/%d", d.in.Approval, d.in.Decision.Transmittal, d.rounds),
		contract.EventRFADistributed, workflow.Now(ctx), d.report)
	d.telling++
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer func() { d.telling-- }()
		options := tellOptions(contract.QueueRFADistribution, d.within, e.Type)
		err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), contract.ActivitySendEvents,
			contract.SendEventsInput{Events: []contract.Event{e}}).Get(ctx, nil)
		if err != nil {
			workflow.GetLogger(ctx).Warn("the app backend was not told of a distribution", "error", undelivered(err))
		}
	})
}

// queue makes the deliveries of a state pending.
func (d *rfaDistribution) queue(ctx workflow.Context, state contract.DeliveryState) {
	d.rounds++
	for i := range d.report.Deliveries {
		if to := &d.report.Deliveries[i]; to.State == state {
			*to = contract.Delivery{To: to.To, Via: to.Via, State: contract.DeliveryPending}
			d.waiting = append(d.waiting, i)
		}
	}
	d.count(ctx)
}

// pump begins what is waiting, without anybody waiting for it.
func (d *rfaDistribution) pump(ctx workflow.Context) {
	for workflow.Await(ctx, func() bool { return len(d.waiting) > 0 && d.onTheWay < mostDelivering }) == nil {
		to := &d.report.Deliveries[d.waiting[0]]
		d.waiting = d.waiting[1:]
		d.onTheWay++
		f, id := d.begin(ctx, to)
		workflow.Go(ctx, func(ctx workflow.Context) {
			var sent contract.NoticeSent
			err := f.Get(ctx, &sent)
			d.onTheWay--
			to.State, to.MessageID, to.At = contract.DeliverySent, sent.MessageID, workflow.Now(ctx).UTC()
			if to.MessageID == "" {
				to.MessageID = id
			}
			if err != nil {
				to.State, to.MessageID, to.Reason = contract.DeliveryFailed, "", undelivered(err)
			}
			d.count(ctx)
		})
	}
}

// begin begins a delivery. Its id is the same whenever it is tried: who gets it can tell.
func (d *rfaDistribution) begin(ctx workflow.Context, to *contract.Delivery) (f workflow.Future, id string) {
	decision := d.in.Decision
	if to.Via == contract.ViaWebhook {
		name := fmt.Sprintf("%s/%s/%s", d.in.Approval, d.in.Decision.Transmittal, to.To.Webhook)
		e := contract.NewEvent(name, contract.EventRFATransmittal, workflow.Now(ctx), contract.Transmittal{
			RFARef: d.in.RFARef, Transmittal: d.in.Decision.Transmittal, Code: decision.Code, Meaning: decision.Meaning,
			Comments: decision.Comments, To: to.To,
		})
		options := tellOptions(contract.QueueRFADistribution, d.within, e.Type+" to "+to.To.String())
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), contract.ActivitySendEvents,
			contract.SendEventsInput{URL: to.To.Webhook, Events: []contract.Event{e}}), e.ID
	}
	n := contract.Notice{
		ID:   fmt.Sprintf("%s/%s/%s", d.in.Approval, d.in.Decision.Transmittal, strings.ToLower(to.To.Email)),
		Kind: contract.NoticeTransmittal, RFA: d.in.RFARef, To: to.To, Code: decision.Code,
		Text: decision.Comments, Actor: decision.By.String(), Transmittal: d.in.Decision.Transmittal,
	}
	options := noticeOptions(contract.QueueRFADistribution, d.within, n)
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), contract.ActivitySendNotice, n), n.ID
}

// count counts the deliveries, and says so in the Web UI.
func (d *rfaDistribution) count(ctx workflow.Context) {
	d.report.Sent, d.report.Pending, d.report.Failed = 0, 0, 0
	var failed strings.Builder
	for _, to := range d.report.Deliveries {
		switch to.State {
		case contract.DeliverySent:
			d.report.Sent++
		case contract.DeliveryPending:
			d.report.Pending++
		case contract.DeliveryFailed:
			d.report.Failed++
			fmt.Fprintf(&failed, "- %s (%s): %s\n", to.To, to.Via, to.Reason)
		}
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Transmittal %s: %d sent, %d pending, %d failed.\n\n%s",
		d.in.Decision.Transmittal, d.report.Sent, d.report.Pending, d.report.Failed, failed.String()))
}
