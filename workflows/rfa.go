package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"signalbox/internal/approval"
	"signalbox/internal/calendar"
	"signalbox/workflows/contract"
)

// RFA are the workflows of approvals. They need no GPU, and wait for nothing that does.
type RFA struct {
	// Listing says whether the server has the search attributes.
	Listing *Listing
	// Rules and TimeZone are those of RFAs that have none of their own.
	Rules    contract.RFARules
	TimeZone string
	// GiveUp is how long one message is tried.
	GiveUp time.Duration
	// Backend is whether an app backend is told by webhook.
	Backend bool
}

// rfaSettings are what a run goes by, recorded at its start: a replay may be on a
// worker with another configuration.
type rfaSettings struct {
	Rules    contract.RFARules `json:"rules"`
	TimeZone string            `json:"timeZone"`
	GiveUp   time.Duration     `json:"giveUp"`
	Listed   listed            `json:"listed"`
	Backend  bool              `json:"backend,omitempty"`
}

func (w *RFA) settings(ctx workflow.Context) (s rfaSettings, err error) {
	err = workflow.SideEffect(ctx, func(workflow.Context) any {
		return rfaSettings{Rules: w.Rules, TimeZone: w.TimeZone, GiveUp: w.GiveUp, Listed: listed(w.Listing.Usable()), Backend: w.Backend}
	}).Get(&s)
	return s, err
}

// workdays are those of the rules in a time zone.
func workdays(r contract.ReminderRules, zone string) (*calendar.Workdays, error) {
	return calendar.NewWorkdays(calendar.WorkdaySpec{TimeZone: zone, Workdays: r.Workdays, Holidays: r.Holidays})
}

// moment is now, with the date recorded: time zones change.
func moment(ctx workflow.Context, days *calendar.Workdays) (approval.Moment, error) {
	m := approval.Moment{Now: workflow.Now(ctx)}
	err := workflow.SideEffect(ctx, func(workflow.Context) any { return days.Date(m.Now) }).Get(&m.Today)
	return m, err
}

// Times of one try to deliver a notice, and of the pauses between two.
const (
	noticeTimeout    = 2 * time.Minute
	noticeHeartbeat  = 20 * time.Second // the SDK passes one on every 16 s
	noticeFirstPause = 5 * time.Second
	noticeLastPause  = 10 * time.Minute
)

// noticeOptions are those of SendNotice on a queue: it is tried for so long.
func noticeOptions(queue string, within time.Duration, n contract.Notice) workflow.ActivityOptions {
	return tellOptions(queue, within, string(n.Kind)+" to "+n.To.Email)
}

// tellOptions are those of what tells somebody.
func tellOptions(queue string, within time.Duration, what string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue: queue, StartToCloseTimeout: noticeTimeout, ScheduleToCloseTimeout: within, HeartbeatTimeout: noticeHeartbeat,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: noticeFirstPause, BackoffCoefficient: 2, MaximumInterval: noticeLastPause,
		},
		Summary: summary(what),
	}
}

// recordOptions are those of what writes to the document store: until it is there.
func recordOptions(queue string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue: queue, StartToCloseTimeout: time.Minute,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute},
	}
}

// undelivered says why a notice was not delivered: the last failure's own words.
func undelivered(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return "no answer in time"
	}
	return err.Error()
}
