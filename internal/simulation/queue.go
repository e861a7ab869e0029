package simulation

import (
	"time"

	"signalbox/workflows/contract"
)

// queue is the task queue gpu on the server: strict priorities, first come first
// served within one, and activities that run at least once.
type queue struct {
	w     *world
	tasks []*task
	seq   int64
	// polls are the hosts that wait for a task, the longest first. A frozen
	// host's poll stays open and takes one.
	polls []*host
}

// task is one activity.
type task struct {
	q           *queue
	priority    int
	seq         int64
	attempt     int
	maxAttempts int
	heartbeat   time.Duration // timeout
	retry       time.Duration
	started     bool
	closed      bool
	host        *host // of the present attempt
	timer       *event

	stage *stageRun    // what it is: one of the two
	ask   *realtimeRun // (the other is nil)
	// closed activities tell their workflow how they ended.
	done func(result)
}

// result is how an activity ended.
type result struct {
	outcome contract.StageOutcome // of a stage
	// lost: the attempts were lost with their hosts.
	lost bool
	// late: it did not start in time.
	late bool
	// unavailable is why a request was refused, "" if it was answered.
	unavailable contract.Reason
}

// schedule puts an activity on the queue. startBy is its ScheduleToStart, zero
// for none.
func (q *queue) schedule(t *task, startBy time.Duration) *task {
	q.seq++
	t.q, t.seq, t.attempt = q, q.seq, 1
	q.w.after(q.w.hop(), func() {
		if t.closed {
			return
		}
		q.tasks = append(q.tasks, t)
		q.match()
	})
	if startBy > 0 {
		q.w.after(startBy, func() {
			if !t.started {
				t.close(result{late: true})
			}
		})
	}
	return t
}

// poll is a host that waits for a task.
func (q *queue) poll(h *host) {
	q.polls = append(q.polls, h)
	q.match()
}

// unpoll takes a host's poll back.
func (q *queue) unpoll(h *host) {
	for i, other := range q.polls {
		if other == h {
			q.polls = append(q.polls[:i], q.polls[i+1:]...)
			return
		}
	}
}

func (q *queue) match() {
	for len(q.polls) > 0 {
		t := q.first()
		if t == nil {
			return
		}
		h := q.polls[0]
		q.polls = q.polls[1:]
		t.start(h)
	}
}

func (q *queue) first() *task {
	best := -1
	for i, t := range q.tasks {
		if best < 0 || t.priority < q.tasks[best].priority || t.priority == q.tasks[best].priority && t.seq < q.tasks[best].seq {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	t := q.tasks[best]
	q.tasks = append(q.tasks[:best], q.tasks[best+1:]...)
	return t
}

// start gives an attempt to a host. If the host is gone before it begins, only
// the heartbeat timeout tells.
func (t *task) start(h *host) {
	w := t.q.w
	t.started, t.host = true, h
	attempt := t.attempt
	t.beat()
	tenure := h.epoch
	w.after(w.between(time.Millisecond, 10*time.Millisecond), func() {
		if h.epoch != tenure {
			return // the process has died; the server does not know yet
		}
		h.awake(func() { h.begin(t, attempt) })
	})
}

// beat starts the heartbeat timeout anew.
func (t *task) beat() {
	t.timer.cancel()
	attempt := t.attempt
	t.timer = t.q.w.after(t.heartbeat, func() { t.timedOut(attempt) })
}

// current reports whether an attempt is the one that the server counts on: what
// the answer to a heartbeat says.
func (t *task) current(attempt int) bool { return !t.closed && t.attempt == attempt && t.started }

func (t *task) timedOut(attempt int) {
	if !t.current(attempt) || t.q.w.tamper.no(RuleHeartbeat) {
		return
	}
	if t.host != nil && t.host.alive() && t.host.runs(t, attempt) {
		t.beat() // heartbeats have come all the time
		return
	}
	t.q.w.say("attempt %d of %s is lost", attempt, t.name())
	t.again(result{lost: true})
}

// again makes the next attempt, or closes the activity if there is none.
func (t *task) again(r result) {
	t.started, t.host = false, nil
	t.timer.cancel()
	if t.attempt >= t.maxAttempts {
		t.close(r)
		return
	}
	t.attempt++
	q := t.q
	q.w.after(t.retry, func() {
		if t.closed {
			return
		}
		q.tasks = append(q.tasks, t)
		q.match()
	})
}

// close ends the activity: its workflow is told.
func (t *task) close(r result) {
	if t.closed {
		return
	}
	t.closed = true
	t.timer.cancel()
	t.drop()
	if t.done != nil {
		t.done(r)
	}
}

// cancel is a workflow that no longer wants the activity, or that has ended.
func (t *task) cancel() {
	if t == nil || t.closed {
		return
	}
	t.closed, t.done = true, nil
	t.timer.cancel()
	t.drop()
	if h := t.host; h != nil {
		// The cancel comes with the answer to the next heartbeat.
		h.w.after(h.w.between(0, 600*time.Millisecond), func() { h.awake(func() { h.cancelled(t) }) })
	}
}

func (t *task) drop() {
	for i, other := range t.q.tasks {
		if other == t {
			t.q.tasks = append(t.q.tasks[:i], t.q.tasks[i+1:]...)
			return
		}
	}
}

// complete is an attempt that a host says has ended.
func (t *task) complete(attempt int, r result) {
	if t.current(attempt) {
		t.close(r)
	}
}

func (t *task) name() string {
	if t.stage != nil {
		return t.stage.name()
	}
	return t.ask.req.flow.id
}
