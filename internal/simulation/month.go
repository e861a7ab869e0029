package simulation

import (
	"slices"
	"time"

	"signalbox/workflows/contract"
)

// Month is the specified workload: a backlog of 20,000 documents of 30 to 120 s,
// off-peak from 18:00 to 09:00, and people who ask in office hours for answers of
// 5 to 30 s.
type Month struct {
	Seed uint64
	Days int
	// RequestsPerDay between 09:00 and 18:00; a tenth of them come at night.
	RequestsPerDay int
}

// MonthReport is what a month came to.
type MonthReport struct {
	Documents, Requests int
	// WindowHours that batch might run, BatchHours that it had the GPU in them,
	// LostHours of those thrown away by preemption.
	WindowHours, BatchHours, LostHours float64
	// WaitP50, WaitP99 and WaitMax until a request's model call.
	WaitP50, WaitP99, WaitMax time.Duration
	Preemptions, Switches     int
	// Signals to and from the scheduler.
	Signals int
}

// Run lets the month pass, in a world without faults.
func (m Month) Run() (MonthReport, error) {
	w := newWorld(Config{
		Seed: m.Seed, Span: time.Duration(m.Days) * 24 * time.Hour, Steady: true,
		RealtimeCall: 17 * time.Second, BatchCall: 75 * time.Second, Abort: 50 * time.Millisecond,
		Quantum: 15 * time.Minute, VisibilityLag: 2 * time.Second,
	})
	h := newHost(w, "a")
	w.hosts = append(w.hosts, h)
	w.after(0, h.boot)
	w.after(time.Second, w.keep)
	w.startJob(&batch{
		flow: &workflow{id: "backlog"}, stages: []string{contract.StageOCR}, docs: 20_000, calls: 1, chunk: contract.ChunkSize,
	})
	for day := range m.Days {
		evening := w.start.Add(time.Duration(day) * 24 * time.Hour) // 18:00
		w.file.window.closed = append(w.file.window.closed, span{evening.Add(15 * time.Hour), evening.Add(24 * time.Hour)})
		for i := range m.RequestsPerDay {
			at := w.between(15*time.Hour, 24*time.Hour)
			if i%10 == 0 {
				at = w.between(0, 15*time.Hour)
			}
			w.at(evening.Add(at), func() { w.startRequest() })
		}
	}
	w.enforced = w.file
	var idle func()
	idle = func() {
		w.checkIdle()
		w.after(10*time.Second, idle)
	}
	w.after(10*time.Second, idle)
	w.run(w.start.Add(w.cfg.Span))
	return w.month(m), w.failed
}

func (w *world) month(m Month) MonthReport {
	r := MonthReport{
		Documents: w.stats.Calls, Requests: len(w.requests), WindowHours: float64(m.Days) * 15,
		BatchHours: w.stats.GPU.Hours(), LostHours: w.stats.Lost.Hours(),
		Preemptions: w.stats.Aborted, Switches: w.stats.Switches, Signals: w.stats.Signals + w.stats.Directives,
	}
	var waits []time.Duration
	for _, q := range w.requests {
		if !q.served.IsZero() {
			waits = append(waits, q.served.Sub(q.due))
		}
	}
	if slices.Sort(waits); len(waits) > 0 {
		at := func(share float64) time.Duration { return waits[int(share*float64(len(waits)-1))] }
		r.WaitP50, r.WaitP99, r.WaitMax = at(0.5), at(0.99), at(1)
	}
	return r
}
