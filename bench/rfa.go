package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"signalbox/internal/mail"
	"signalbox/internal/testmail"
	"signalbox/workers"
	"signalbox/workflows"
	"signalbox/workflows/contract"
)

// approvalsEach is how many approvals each figure of the section rfa is taken of.
const approvalsEach = 60

// rfa measures approvals while the GPU is idle, drained, away, and full: they are not
// to notice any of it.
func rfa(ctx context.Context, o options, t *table) error {
	post, err := newPost()
	if err != nil {
		return err
	}
	defer post.Close()
	b, model, err := startOnModel(ctx, thisProcess, post.configure)
	if err != nil {
		return err
	}
	defer b.stop()
	r := &approvals{b: b, post: post, t: t}
	if err := r.warmUp(ctx); err != nil {
		return err
	}
	if err := r.measure(ctx, "GPU idle"); err != nil {
		return err
	}
	if _, err := b.Operate(ctx, contract.DefaultGPU, contract.UpdateDrain, contract.OperatorRequest{For: "1h"}); err != nil {
		return err
	}
	if err := r.measure(ctx, "GPU drained"); err != nil {
		return err
	}
	if _, err := b.Operate(ctx, contract.DefaultGPU, contract.UpdateUndrain, contract.OperatorRequest{}); err != nil {
		return err
	}
	model.slow("DOC", time.Second)
	if err := b.job(ctx, "full", "DOC", o.documents); err != nil {
		return err
	}
	if _, err := model.next(ctx, "DOC"); err != nil {
		return err
	}
	if err := r.measure(ctx, fmt.Sprintf("GPU full (%d documents of a second)", o.documents)); err != nil {
		return err
	}
	return r.withoutGPU(ctx)
}

// withoutGPU measures where no GPU worker is.
func (r *approvals) withoutGPU(ctx context.Context) error {
	b, _, err := startOnModel(ctx, thisProcess, r.post.configure, func(s *workerSpec) {
		s.Roles = []workers.Role{workers.RoleAI, workers.RoleScheduler, workers.RoleRFA}
	})
	if err != nil {
		return err
	}
	defer b.stop()
	other := &approvals{b: b, post: r.post, t: r.t, idle: r.idle, round: r.round}
	if err := other.warmUp(ctx); err != nil {
		return err
	}
	return other.measure(ctx, "GPU host gone")
}

// post is an SMTP server that tells when what arrives.
type post struct {
	*testmail.Server
	mu      sync.Mutex
	arrived map[string][]time.Time // by address
	news    chan struct{}
}

func newPost() (*post, error) {
	s, err := testmail.New(testmail.Options{})
	if err != nil {
		return nil, err
	}
	p := &post{Server: s, arrived: map[string][]time.Time{}, news: make(chan struct{}, 1)}
	s.Watch(func(m testmail.Mail) {
		p.mu.Lock()
		p.arrived[m.To] = append(p.arrived[m.To], m.At)
		p.mu.Unlock()
		select {
		case p.news <- struct{}{}:
		default:
		}
	})
	return p, nil
}

// configure makes workers send their mail here.
func (p *post) configure(s *workerSpec) {
	m := &s.Config.RFA.Mail
	m.Outbox, m.Host, m.Port, m.TLS, m.From = "", p.Host, p.Port, mail.TLSNone, "signalbox@example.com"
}

// nth waits for the n-th mail, from 1, to an address.
func (p *post) nth(ctx context.Context, address string, n int) (time.Time, error) {
	for {
		p.mu.Lock()
		list := p.arrived[address]
		p.mu.Unlock()
		if len(list) >= n {
			return list[n-1], nil
		}
		select {
		case <-p.news:
		case <-time.After(100 * time.Millisecond): // another one has taken the news
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// approvals measures approvals.
type approvals struct {
	b     *bench
	post  *post
	t     *table
	idle  map[string][]time.Duration // of the first measurement
	round int
}

// request is one of an RFA with its own people.
func request(name string) contract.RFAInput {
	person := func(id string) contract.Person {
		return contract.Person{ID: id, Email: strings.ToLower(id + "-" + name + "@example.com")}
	}
	in := contract.RFAInput{
		Number: name, Revision: "A", ProjectID: "bench", DocumentType: "SHOP", Category: "ENGINEERING",
		Due: time.Now().UTC().AddDate(1, 0, 0).Format(time.DateOnly), Submitter: person("sub"), ProjectManager: person("pm"),
		Disciplines: []contract.Discipline{
			{Name: "STR", Reviewer: person("str"), Manager: person("m"), Lead: true},
			{Name: "ARC", Reviewer: person("arc"), Manager: person("m")},
		},
		Notify: []contract.NotifyRow{},
	}
	in.Matrix = []contract.MatrixRow{{Recipients: []contract.Person{person("site"), person("owner"), person("archive")}}}
	return in
}

// one is one approval: how long its updates take, and its distribution from the
// decision on.
func (r *approvals) one(ctx context.Context, name string) (updates []time.Duration, distribution time.Duration, err error) {
	in := request(name)
	run, err := r.b.StartRFA(ctx, in)
	if err != nil {
		return nil, 0, err
	}
	var decided time.Time
	for _, u := range []struct {
		name string
		r    contract.RFARequest
	}{
		{contract.UpdateSubmitReview, contract.RFARequest{Actor: "arc", Discipline: "ARC", Code: "1A"}},
		{contract.UpdateSubmitReview, contract.RFARequest{Actor: "str", Discipline: "STR", Code: "1A"}},
		{contract.UpdateFinalize, contract.RFARequest{Actor: "str", Code: "1A"}},
	} {
		decided = time.Now()
		if _, err := r.b.UpdateRFA(ctx, run.GetID(), u.name, u.r); err != nil {
			return nil, 0, err
		}
		updates = append(updates, time.Since(decided))
	}
	var last time.Time
	for _, p := range in.Matrix[0].Recipients {
		at, err := r.post.nth(ctx, p.Email, 1)
		if err != nil {
			return nil, 0, err
		}
		if at.After(last) {
			last = at
		}
	}
	_, err = r.b.RFA(ctx, run.GetID())
	return updates, last.Sub(decided), err
}

// warmUp lets caches fill that a server has after its first minute.
func (r *approvals) warmUp(ctx context.Context) error {
	for range approvalsEach / 4 {
		r.round++
		if _, _, err := r.one(ctx, fmt.Sprint("W-", r.round)); err != nil {
			return err
		}
	}
	return nil
}

func (r *approvals) measure(ctx context.Context, name string) error {
	var updates, distributions []time.Duration
	for range approvalsEach {
		r.round++
		u, d, err := r.one(ctx, fmt.Sprint("R-", r.round))
		if err != nil {
			return err
		}
		updates, distributions = append(updates, u...), append(distributions, d)
	}
	r.row(name, "update to its answer", updates)
	r.row(name, "decision to the last of three recipients", distributions)
	reminders, err := r.remind(ctx)
	if err != nil {
		return err
	}
	r.row(name, "reminder late by", reminders)
	return nil
}

// row adds a figure, which is to be that of the idle GPU within 10 % or 10 ms.
func (r *approvals) row(name, what string, all []time.Duration) {
	var g goal
	if idle := r.idle[what]; idle != nil {
		within := func(q float64) float64 { is := quantile(idle, q); return max(1.1*is, is+10) }
		g = goal{p50: within(0.5), p99: within(0.99)}
	}
	r.t.times(name+": "+what+", ms", all, g)
	if r.idle == nil {
		r.idle = map[string][]time.Duration{}
	}
	if r.idle[what] == nil {
		r.idle[what] = all
	}
}

// nextMinute is the start of a minute that leaves time to prepare for it.
func nextMinute(prepare time.Duration) time.Time {
	return time.Now().UTC().Add(prepare).Truncate(time.Minute).Add(time.Minute)
}

// dueNow makes an RFA that is reminded of at a minute of today.
func dueNow(in contract.RFAInput, at time.Time) contract.RFAInput {
	in.Due, in.TimeZone = at.Format(time.DateOnly), "UTC"
	in.Reminders = contract.ReminderRules{At: at.Format("15:04"), Until: "23:59", Workdays: []string{"daily"}}
	return in
}

// remindedEach is how many RFAs each figure is taken of.
const remindedEach = 20

// earlyWithin is within how long after the minute the RFAs are reminded of that count.
const earlyWithin = 20 * time.Second

// offsetOf is when after the minute an RFA's reminders are due.
func offsetOf(name string) time.Duration {
	return workflows.ReminderOffset(contract.RFAID("bench", name, "A"))
}

// remind measures how late reminders are, each by its own second.
func (r *approvals) remind(ctx context.Context) ([]time.Duration, error) {
	at := nextMinute(10 * time.Second)
	var names []string
	for i := 0; len(names) < remindedEach; i++ {
		name := fmt.Sprintf("M-%d-%d", r.round, i)
		if offsetOf(name) > earlyWithin { // its turn comes too late to wait for
			continue
		}
		names = append(names, name)
		if _, err := r.b.StartRFA(ctx, dueNow(request(name), at)); err != nil {
			return nil, err
		}
	}
	var late []time.Duration
	for _, name := range names {
		for _, d := range request(name).Disciplines {
			got, err := r.post.nth(ctx, d.Reviewer.Email, 2) // the first says that it was assigned
			if err != nil {
				return nil, err
			}
			late = append(late, got.Sub(at.Add(offsetOf(name))))
		}
	}
	return late, nil
}
