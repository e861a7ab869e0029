package scheduling_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// paced is a ready world in which a document's ocr takes a minute.
func paced(t *testing.T) *world {
	w := ready(t)
	w.device(func(g *contract.GPUState) {
		g.Paces = []contract.StagePace{{Stage: contract.StageOCR, Model: "m", Ms: 60_000, Runs: 9}}
	})
	return w
}

func (w *world) registerAt(id string, priority, ocr int) {
	w.s.Register(w.now, contract.Registration{Job: ref(id), Priority: priority, Left: contract.StagesLeft{ocr}})
	w.decide()
}

// TestEstimates: of jobs that take turns, one that needs less ends before one that
// needs more, and those of a higher priority go first.
func TestEstimates(t *testing.T) {
	w := paced(t)
	w.registerAt("long", 3, 100)
	w.registerAt("short", 3, 30)
	w.registerAt("late", 5, 10)
	e := w.s.Estimates(w.now)
	require.Equal(t, scheduling.Estimate{End: 130 * time.Minute}, e["long"])
	require.Equal(t, scheduling.Estimate{Position: 1, Start: 15 * time.Minute, End: 60 * time.Minute}, e["short"])
	require.Equal(t, scheduling.Estimate{Position: 2, Start: 30 * time.Minute, End: 140 * time.Minute}, e["late"])

	w.pass(10 * time.Minute)
	w.decide()
	e = w.s.Estimates(w.now)
	require.Equal(t, 120*time.Minute, e["long"].End, "what it has had counts")
	require.Equal(t, 5*time.Minute, e["short"].Start)
}

func TestAnEstimateNeedsAPace(t *testing.T) {
	w := paced(t)
	w.s.Register(w.now, contract.Registration{Job: ref("new"), Priority: 3, Left: contract.StagesLeft{9, 9}})
	w.decide()
	w.registerAt("next", 3, 5)
	e := w.s.Estimates(w.now)
	require.True(t, e["new"].EndUnknown)
	require.False(t, e["next"].EndUnknown)
	require.Equal(t, 15*time.Minute, e["next"].Start, "at the latest")
	w.registerAt("low", 4, 5)
	require.True(t, w.s.Estimates(w.now)["low"].EndUnknown, "one before it may need any time")
}

// nights are open from 18:00 to 09:00.
func nights(t time.Time) scheduling.Window {
	day := t.Truncate(24 * time.Hour)
	switch h := t.Hour(); {
	case h < 9:
		return scheduling.Window{Open: true, NextChange: day.Add(9 * time.Hour)}
	case h < 18:
		return scheduling.Window{NextChange: day.Add(18 * time.Hour)}
	}
	return scheduling.Window{Open: true, NextChange: day.Add(33 * time.Hour)}
}

func TestWhen(t *testing.T) {
	never := func(time.Time) scheduling.Window { return scheduling.Window{} }
	always := func(time.Time) scheduling.Window { return scheduling.Window{Open: true} }
	on := func(lasts time.Duration) contract.Order {
		return contract.Order{State: contract.OrderOn, Until: night.Add(lasts)}
	}
	for name, c := range map[string]struct {
		change   func(*scheduling.State)
		calendar func(time.Time) scheduling.Window
		need     time.Duration
		want     time.Duration // from the evening on, -1 for not known
	}{
		"tonight":                   {nil, nights, 2 * time.Hour, 2 * time.Hour},
		"at the window's end":       {nil, nights, 15 * time.Hour, 15 * time.Hour},
		"tomorrow night":            {nil, nights, 16 * time.Hour, 25 * time.Hour},
		"in a week":                 {nil, nights, 100 * time.Hour, (6*24 + 10) * time.Hour},
		"never":                     {nil, never, time.Hour, -1},
		"at any hour":               {nil, always, 100 * time.Hour, 100 * time.Hour},
		"peak open":                 {func(s *scheduling.State) { s.Params.Peak = contract.PeakOpen }, nights, 16 * time.Hour, 16 * time.Hour},
		"paused":                    {func(s *scheduling.State) { s.Order(scheduling.OrderPause, on(time.Hour)) }, nights, time.Hour, 2 * time.Hour},
		"drained till morning":      {func(s *scheduling.State) { s.Order(scheduling.OrderDrain, on(20*time.Hour)) }, nights, time.Hour, 25 * time.Hour},
		"overridden":                {func(s *scheduling.State) { s.Order(scheduling.OrderOverride, on(17*time.Hour)) }, nights, 16 * time.Hour, 16 * time.Hour},
		"overridden, never open":    {func(s *scheduling.State) { s.Order(scheduling.OrderOverride, on(2*time.Hour)) }, never, time.Hour, time.Hour},
		"not enough of an override": {func(s *scheduling.State) { s.Order(scheduling.OrderOverride, on(2*time.Hour)) }, never, 3 * time.Hour, -1},
	} {
		t.Run(name, func(t *testing.T) {
			w := ready(t)
			if c.change != nil {
				c.change(w.s)
			}
			got := w.s.When(w.now, c.need, c.calendar)
			if c.want < 0 {
				require.Zero(t, got)
				return
			}
			require.Equal(t, night.Add(c.want), got)
		})
	}
	w := ready(t)
	w.s.HostGone(w.now, contract.HostGone{Instance: "a"})
	require.Zero(t, w.s.When(w.now, time.Hour, nights), "nobody knows when a host comes back")
}

// TestTheLongestWait: a job of the lowest priority gets its turn, counted in time
// that batch was open.
func TestTheLongestWait(t *testing.T) {
	w := ready(t)
	w.s.Params.LongestWait = time.Hour
	w.registerAt("a", 1, 1000)
	w.registerAt("b", 1, 1000)
	w.registerAt("low", 5, 1000)
	require.Equal(t, "b", w.s.Line()[0].Ref.WorkflowID)
	closed := scheduling.Window{NextChange: night.Add(48 * time.Hour)}
	w.s.SetWindow(closed)
	w.decide()
	w.pass(10 * time.Hour)
	w.decide()
	require.NotEqual(t, "low", w.s.Line()[0].Ref.WorkflowID, "time at which nothing may run does not count")
	w.s.SetWindow(scheduling.Window{Open: true})
	w.decide()
	for range 3 { // a and b take turns
		w.pass(15 * time.Minute)
		w.decide()
		require.Equal(t, 2, w.s.Position("low"))
	}
	w.pass(15 * time.Minute)
	w.decide()
	require.Zero(t, w.s.Position("low"), "it has waited for an hour")
	w.pass(15 * time.Minute)
	w.decide()
	require.Equal(t, 2, w.s.Position("low"), "and waits anew")
}
