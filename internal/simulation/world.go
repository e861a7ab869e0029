package simulation

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// world is the clock, the events to come, and everything that is in it.
type world struct {
	cfg    Config
	now    time.Time
	start  time.Time
	rng    *rand.Rand
	events events
	seq    int64
	trace  []string
	failed error

	net       network
	queue     *queue
	owner     *owner
	hosts     []*host
	scheduler *scheduler // the one that runs, nil for none
	jobs      []*batch
	requests  []*request
	open      []*request // those that have not ended
	card      card

	// file is the scheduler's configuration, enforced the newest one that the
	// device has the consequences of.
	file, enforced configuration

	schedulerUp, aiUp bool
	visibilityUp      bool
	// asked are the operators' last orders, confirmed those that the device had.
	asked, confirmed map[scheduling.OrderKind]contract.Order
	waiting          []func() // for workers that come back

	tamper    tamper
	lastFault time.Time
	// lastAnswer is when a request last ended that had been on the GPU.
	lastAnswer time.Time
	stats      Stats
}

func newWorld(cfg Config) *world {
	w := &world{
		cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 1)),
		start:       time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC),
		schedulerUp: true, aiUp: true, visibilityUp: true,
		asked: map[scheduling.OrderKind]contract.Order{}, confirmed: map[scheduling.OrderKind]contract.Order{},
	}
	w.now = w.start
	w.file.quantum = cfg.Quantum
	w.net = network{w: w}
	w.queue = &queue{w: w}
	w.owner = &owner{w: w}
	w.card = card{w: w, running: map[*call]bool{}, done: map[string]int{}, thawed: map[string]bool{}}
	return w
}

// event is something that happens at a time.
type event struct {
	at  time.Time
	seq int64
	do  func()
	off bool
}

// cancel makes the event not happen.
func (e *event) cancel() {
	if e != nil {
		e.off = true
	}
}

type events []*event

func (e events) Len() int { return len(e) }
func (e events) Less(a, b int) bool {
	if !e[a].at.Equal(e[b].at) {
		return e[a].at.Before(e[b].at)
	}
	return e[a].seq < e[b].seq
}
func (e events) Swap(a, b int) { e[a], e[b] = e[b], e[a] }

// Push and Pop are heap.Interface's.
func (e *events) Push(x any) { *e = append(*e, x.(*event)) }

// Pop is heap.Interface's.
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}

// at makes something happen at a time, at once if that is over.
func (w *world) at(t time.Time, do func()) *event {
	if t.Before(w.now) {
		t = w.now
	}
	w.seq++
	e := &event{at: t, seq: w.seq, do: do}
	heap.Push(&w.events, e)
	return e
}

func (w *world) after(d time.Duration, do func()) *event { return w.at(w.now.Add(d), do) }

// mostEvents an hour is far above what a schedule comes to.
const mostEvents = 200_000

// run lets events happen until there is none before end, or something failed.
func (w *world) run(end time.Time) {
	most := mostEvents * int(1+end.Sub(w.start)/time.Hour)
	for len(w.events) > 0 && w.failed == nil && !w.events[0].at.After(end) {
		e := heap.Pop(&w.events).(*event)
		if e.off {
			continue
		}
		w.now = e.at
		if w.stats.Events++; w.stats.Events > most {
			w.fail("a loop: more than %d events", most)
			return
		}
		e.do()
	}
	if w.failed == nil && w.now.Before(end) {
		w.now = end
	}
}

// between is a random duration.
func (w *world) between(least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + time.Duration(w.rng.Int64N(int64(most-least)))
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return w.rng.IntN(n) == 0 }

// fail ends the simulation: something that must always hold does not.
func (w *world) fail(format string, args ...any) {
	if w.failed == nil {
		w.failed = fmt.Errorf("%s: %s", w.since(), fmt.Sprintf(format, args...))
		w.say("FAILED %v", w.failed)
	}
}

func (w *world) since() time.Duration { return w.now.Sub(w.start).Round(time.Millisecond) }

// say writes a line into the trace, where one is kept.
func (w *world) say(format string, args ...any) {
	if w.cfg.Trace {
		w.trace = append(w.trace, fmt.Sprintf("%12s  %s", w.since(), fmt.Sprintf(format, args...)))
	}
}

// whenUp runs do once up says so; it is asked again whenever a worker comes back.
func (w *world) whenUp(up func() bool, do func()) {
	if up() {
		do()
		return
	}
	w.waiting = append(w.waiting, func() { w.whenUp(up, do) })
}

// cameUp lets what waited for a worker go on.
func (w *world) cameUp() {
	w.lastFault = w.now
	list := w.waiting
	w.waiting = nil
	for _, do := range list {
		do()
	}
}

func (w *world) schedulerWorks() bool { return w.schedulerUp }
func (w *world) aiWorks() bool        { return w.aiUp }
