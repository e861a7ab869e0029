package workflows

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"signalbox/internal/approval"
	"signalbox/internal/calendar"
	"signalbox/workflows/contract"
)

// RFAReminders reminds those whom an approval waits for, until it has ended. The
// approval tells it the whole state of the review at each change.
func (w *RFA) RFAReminders(ctx workflow.Context, in contract.RemindersInput) (contract.RemindersStatus, error) {
	r := &rfaReminders{in: in, review: in.Review, handled: in.Handled, news: workflow.GetSignalChannel(ctx, contract.SignalReview)}
	r.status = contract.RemindersStatus{RFARef: in.RFARef, Sent: in.Sent}
	if err := r.setup(ctx); err != nil {
		return r.status, err
	}
	err := r.run(ctx, w)
	return r.status, err
}

type rfaReminders struct {
	in     contract.RemindersInput
	days   *calendar.Workdays
	review contract.ReviewState
	// handled is the last date that was seen to.
	handled string
	status  contract.RemindersStatus
	news    workflow.ReceiveChannel
}

func (r *rfaReminders) setup(ctx workflow.Context) (err error) {
	if r.days, err = workdays(r.in.Rules, r.in.TimeZone); err != nil {
		return contract.NewInvalidInput(err)
	}
	return workflow.SetQueryHandlerWithOptions(ctx, contract.QueryStatus,
		func() (contract.RemindersStatus, error) { return r.status, nil },
		workflow.QueryHandlerOptions{Description: "When the next reminder is due, and which were sent."})
}

// reminding is when people are reminded next.
type reminding struct {
	At    time.Time `json:"at"`
	Until time.Time `json:"until"` // the end of office hours
	Date  string    `json:"date"`
}

func (r *rfaReminders) run(ctx workflow.Context, w *RFA) error {
	for !r.review.Ended {
		next, err := r.next(ctx)
		if err != nil {
			return err
		}
		due, err := r.await(ctx, next)
		if err != nil {
			return err
		}
		if due {
			if err := r.remind(ctx, next); err != nil {
				return err
			}
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() && !r.hear() {
			in := r.in
			in.Review, in.Sent, in.Handled = r.review, r.status.Sent, r.handled
			return workflow.NewContinueAsNewError(ctx, w.RFAReminders, in)
		}
	}
	return nil
}

// reminderSpread is over how long the reminders of one time are spread: a thousand at
// one moment would make people wait for their answers (30 s of all the server can do on
// two cores).
const reminderSpread = 4 * time.Minute

// ReminderOffset is when in the four minutes after the reminders' time an approval's
// are sent: 0 to 239 s, always the same for a workflow id.
func ReminderOffset(approval string) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(approval)) // it never fails
	return time.Duration(h.Sum32()%uint32(reminderSpread/time.Second)) * time.Second
}

// next is computed once and recorded.
func (r *rfaReminders) next(ctx workflow.Context) (next reminding, err error) {
	now := workflow.Now(ctx)
	err = workflow.SideEffect(ctx, func(workflow.Context) any {
		at, until, err := approval.NextReminder(r.days, r.in.Rules, r.review, r.handled, now)
		if err != nil || at.IsZero() {
			return reminding{}
		}
		date := r.days.Date(at)
		if at.After(now) { // not one that an outage has made late
			at = at.Add(ReminderOffset(r.in.Approval))
		}
		return reminding{At: at, Until: until, Date: date}
	}).Get(&next)
	r.status.Next = next.At.UTC()
	r.show(ctx)
	return next, err
}

// await waits until a reminder is due, or until there is news.
func (r *rfaReminders) await(ctx workflow.Context, next reminding) (due bool, err error) {
	if r.hear() {
		return false, nil
	}
	heard := false
	condition := func() bool { heard = heard || r.hear(); return heard }
	if next.At.IsZero() {
		return false, workflow.Await(ctx, condition)
	}
	early, err := workflow.AwaitWithTimeout(ctx, max(0, next.At.Sub(workflow.Now(ctx))), condition)
	// After an outage the timer fires when its office hours are over: then it is
	// another day's.
	return !early && err == nil && workflow.Now(ctx).Before(next.Until), err
}

// hear takes the newest news of the review, and reports whether there was any.
func (r *rfaReminders) hear() (news bool) {
	var review contract.ReviewState
	for r.news.ReceiveAsync(&review) {
		if review.Sequence > r.review.Sequence {
			r.review, news = review, true
		}
		review = contract.ReviewState{}
	}
	return news
}

// letter is one notice, and the reminders that it is.
type letter struct {
	notice    contract.Notice
	reminders []int
	cancel    workflow.CancelFunc
	done      bool
	err       error
}

// remind sends the reminders of one day. What is not waited for any more meanwhile is
// not sent.
func (r *rfaReminders) remind(ctx workflow.Context, day reminding) error {
	r.handled = day.Date
	var reminders []contract.Reminder
	for _, w := range r.review.WaitsFor {
		reminders = append(reminders, approval.Remind(w, r.in.ProjectManager, r.status.Sent, r.in.Rules.Strikes, day.Date))
	}
	letters := r.letters(day, reminders)
	for _, l := range letters {
		var sending workflow.Context
		sending, l.cancel = workflow.WithCancel(ctx)
		within := max(noticeTimeout, day.Until.Sub(workflow.Now(ctx)))
		options := noticeOptions(contract.QueueRFAReminders, within, l.notice)
		f := workflow.ExecuteActivity(workflow.WithActivityOptions(sending, options), contract.ActivitySendNotice, l.notice)
		workflow.Go(ctx, func(ctx workflow.Context) {
			l.err = f.Get(ctx, nil)
			l.done = true
		})
	}
	all := func() bool {
		if r.hear() {
			r.drop(day, letters, reminders)
		}
		for _, l := range letters {
			if !l.done {
				return false
			}
		}
		return true
	}
	if err := workflow.Await(ctx, all); err != nil {
		return err
	}
	return r.record(ctx, reminders, letters)
}

// letters puts reminders of one level to one person into one notice.
func (r *rfaReminders) letters(day reminding, reminders []contract.Reminder) (list []*letter) {
	known := map[string]*letter{}
	for i, rem := range reminders {
		w := r.review.WaitsFor[i]
		for _, to := range rem.To {
			key := fmt.Sprintf("%d %t %s", rem.Level, w.Decide, strings.ToLower(to.Email))
			l := known[key]
			if l == nil {
				l = &letter{notice: contract.Notice{
					ID:   fmt.Sprintf("%s/%s/reminders/%s/%s", r.in.Approval, r.in.Run, day.Date, key),
					Kind: contract.NoticeReminder, RFA: r.in.RFARef, To: to, Due: r.review.Due, Level: rem.Level, Strike: rem.Strike,
					Overdue: day.Date > r.review.Due, Decide: w.Decide,
				}}
				known[key] = l
				list = append(list, l)
			}
			l.reminders = append(l.reminders, i)
			l.notice.Disciplines = append(l.notice.Disciplines, w.Discipline)
			l.notice.WaitsFor = append(l.notice.WaitsFor, fmt.Sprintf("%s (%s)", w.On(day.Date), w.Discipline))
		}
	}
	return list
}

// drop cancels the notices that do not say any more who is waited for.
func (r *rfaReminders) drop(day reminding, letters []*letter, reminders []contract.Reminder) {
	waited := map[string]contract.Person{}
	for _, w := range r.review.WaitsFor {
		waited[w.Key] = w.On(day.Date)
	}
	for _, l := range letters {
		for _, i := range l.reminders {
			person, still := waited[reminders[i].Key]
			if !still || reminders[i].Level == contract.LevelReviewer && person != reminders[i].To[0] {
				l.cancel()
			}
		}
	}
}

// record keeps what was sent, and tells the approval.
func (r *rfaReminders) record(ctx workflow.Context, reminders []contract.Reminder, letters []*letter) error {
	reached, failed := make([]int, len(reminders)), make([]string, len(reminders))
	for _, l := range letters {
		for _, i := range l.reminders {
			switch {
			case l.err == nil:
				reached[i]++
			case !temporal.IsCanceledError(l.err):
				failed[i] = undelivered(l.err)
			}
		}
	}
	var sent []contract.Reminder
	for i, rem := range reminders {
		if reached[i] == 0 && failed[i] == "" {
			continue // it was not wanted any more
		}
		if reached[i] == 0 {
			rem.Failed = failed[i]
		}
		rem.At = workflow.Now(ctx).UTC()
		sent = append(sent, rem)
	}
	if len(sent) == 0 {
		return nil
	}
	r.status.Sent = approval.Trim(append(r.status.Sent, sent...))
	err := workflow.SignalExternalWorkflow(ctx, r.in.Approval, "", contract.SignalReminded, sent).Get(ctx, nil)
	if err != nil && ctx.Err() == nil { // the approval has ended, and ends this
		workflow.GetLogger(ctx).Info("the approval was not told of reminders", "error", err)
	}
	return ctx.Err()
}

func (r *rfaReminders) show(ctx workflow.Context) {
	details := "No reminder is due."
	if next := r.status.Next; !next.IsZero() {
		details = fmt.Sprintf("Next reminder %s (%s); %d sent.", next.In(r.days.Zone()).Format("Mon 2 Jan 15:04"), r.in.TimeZone, len(r.status.Sent))
	}
	workflow.SetCurrentDetails(ctx, details)
}
