package scheduling_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// order is an operator's order for an hour, or its end.
func (w *world) order(kind scheduling.OrderKind, on bool) {
	o := contract.Order{State: contract.OrderOff}
	if on {
		o = contract.Order{State: contract.OrderOn, Reason: "why", By: "ann", Until: w.now.Add(time.Hour)}
	}
	w.s.Order(kind, o)
	w.decide()
}

func (w *world) sendsGate() bool {
	return slices.ContainsFunc(w.said, func(d scheduling.Decision) bool { return d.Gate != nil })
}

// gateSent is the gate that was just sent, which has to be.
func (w *world) gateSent() contract.Gate {
	w.t.Helper()
	for _, d := range w.said {
		if d.Gate != nil {
			return *d.Gate
		}
	}
	require.FailNow(w.t, "no gate was sent")
	return contract.Gate{}
}

func TestAPauseHoldsBatchAndEndsByItself(t *testing.T) {
	w := ready(t)
	w.register("j", 1000, 0)
	w.decide()
	w.order(scheduling.OrderPause, true)
	require.False(t, w.told("j").Open)
	require.Contains(t, w.told("j").Reason, "paused by ann until 2026-11-24T19:00:00Z: why")
	require.Equal(t, contract.OrderOn, w.gateSent().Orders.Pause.State)
	require.Equal(t, contract.OrderUnchanged, w.gateSent().Orders.Drain.State)
	require.False(t, w.s.Confirmed())
	w.answerGate()
	require.True(t, w.s.Confirmed())
	w.decide()
	require.Equal(t, w.now.Add(15*time.Minute-scheduling.RenewAhead), w.wake, "the lease is looked at first")
	w.pass(time.Hour)
	w.decide()
	require.True(t, w.s.Verdict(w.now).Open)
}

func TestAResumeIsAChangeToo(t *testing.T) {
	w := ready(t)
	w.register("j", 1000, 0)
	w.order(scheduling.OrderPause, true)
	w.answerGate()
	w.order(scheduling.OrderPause, false)
	require.Equal(t, contract.OrderOff, w.gateSent().Orders.Pause.State)
	require.True(t, w.told("j").Open)
}

func TestADrainComesBeforeEverything(t *testing.T) {
	w := ready(t)
	w.s.SetWindow(scheduling.Window{})
	w.order(scheduling.OrderDrain, true)
	require.Equal(t, scheduling.CauseDrain, w.s.Verdict(w.now).Cause)
}

func TestAnOverrideOpensTheWindowUntilItsEnd(t *testing.T) {
	w := ready(t)
	w.s.SetWindow(scheduling.Window{NextChange: w.now.Add(9 * time.Hour)})
	w.register("j", 1000, 0)
	w.decide()
	require.False(t, w.s.Verdict(w.now).Open)
	w.order(scheduling.OrderOverride, true)
	require.Equal(t, w.now.Add(15*time.Minute), w.told("j").Lease.Until)
	w.pass(50 * time.Minute)
	w.register("j", 1000, w.told("j").Lease.Token)
	w.decide()
	end := w.now.Add(10 * time.Minute)
	require.Equal(t, end, w.told("j").Lease.Until, "no lease is longer than the override")
	require.Equal(t, end, w.s.Verdict(w.now).Until)
}

// An override that is ended, or a window that is moved, ends the leases that were
// given under it: on the device too.
func TestWhatBringsTheEndForwardRevokesLeases(t *testing.T) {
	for name, end := range map[string]func(*world){
		"override ended": func(w *world) { w.order(scheduling.OrderOverride, false) },
		"window closed": func(w *world) {
			w.s.Order(scheduling.OrderOverride, contract.Order{State: contract.OrderOff})
			w.s.SetWindow(scheduling.Window{NextChange: w.now.Add(time.Hour)})
			w.decide()
		},
		"window shortened": func(w *world) {
			w.s.Order(scheduling.OrderOverride, contract.Order{State: contract.OrderOff})
			w.s.SetWindow(scheduling.Window{Open: true, NextChange: w.now.Add(time.Minute)})
			w.decide()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := ready(t)
			w.s.SetWindow(scheduling.Window{NextChange: w.now.Add(9 * time.Hour)})
			w.register("j", 1000, 0)
			w.order(scheduling.OrderOverride, true)
			token := w.told("j").Lease.Token
			w.answerGate()
			end(w)
			require.Equal(t, token, w.gateSent().RevokedUpTo)
			if d := w.told("j"); d != nil && d.Open {
				require.Greater(t, d.Lease.Token, token)
				require.False(t, d.Lease.Until.After(w.now.Add(time.Minute)))
			}
		})
	}
}

// TestALeaseThatWasGivenUpIsRevokedToo: a job that an operator has paused, or that was
// terminated, may still have a run on the GPU under it.
func TestALeaseThatWasGivenUpIsRevokedToo(t *testing.T) {
	for name, giveUp := range map[string]func(w *world, token int64){
		"paused": func(w *world, token int64) {
			w.s.Register(w.now, contract.Registration{
				Job: ref("j"), Priority: 3, Over: token, Paused: contract.Order{State: contract.OrderOn, Until: w.now.Add(time.Hour)},
			})
		},
		"ended": func(w *world, _ int64) { w.s.Ended(ref("j")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := ready(t)
			w.register("j", 1000, 0)
			w.decide()
			token := w.told("j").Lease.Token
			giveUp(w, token)
			w.decide()
			require.False(t, w.sendsGate(), "a lease that ends in the window may go on")
			w.s.SetWindow(scheduling.Window{NextChange: w.now.Add(time.Hour)})
			w.decide()
			require.Equal(t, token, w.gateSent().RevokedUpTo)
			w.answerGate()
			w.decide()
			require.False(t, w.sendsGate(), "once")
		})
	}
}

func TestANewSchedulerHearsOfOrdersFromTheDevice(t *testing.T) {
	w := ready(t)
	w.order(scheduling.OrderPause, true)
	w.answerGate()
	kept := w.state.Gate

	next := newWorld(t)
	next.pass(time.Minute)
	next.decide()
	require.Equal(t, contract.Orders{}, next.gateSent().Orders, "it was told nothing, and says so")
	next.s.Order(scheduling.OrderDrain, contract.Order{State: contract.OrderOff}) // told before it has heard
	next.decide()
	next.seq++
	next.state.Seq, next.state.Gate = next.seq, next.s.Gate
	next.state.Gate.Orders = next.state.Gate.Orders.Over(kept.Orders) // as the device merges
	next.s.GateAnswer(next.now, &next.state)
	next.decide()
	require.Equal(t, scheduling.CausePause, next.s.Verdict(next.now).Cause)
	require.True(t, next.s.Confirmed())
}

func TestPeakHoursAreFilledWhenNobodyAsks(t *testing.T) {
	w := ready(t)
	w.s.Params.Peak, w.s.Params.PeakIdle = contract.PeakFill, 5*time.Minute
	w.s.SetWindow(scheduling.Window{NextChange: w.now.Add(9 * time.Hour)})
	w.register("j", 1000, 0)
	w.decide()
	require.Equal(t, scheduling.CausePeak, w.s.Verdict(w.now).Cause)
	require.Equal(t, w.now.Add(5*time.Minute), w.wake)
	w.pass(5 * time.Minute)
	w.decide()
	require.True(t, w.told("j").Open)
	token := w.told("j").Lease.Token

	w.device(func(g *contract.GPUState) { g.RealtimeWaiting = 1 })
	w.decide()
	require.Equal(t, token, w.gateSent().RevokedUpTo, "what is queued waits too")
	require.Equal(t, scheduling.CauseWindow, w.s.Verdict(w.now).Cause)
	w.answerGate()
	w.device(func(g *contract.GPUState) { g.RealtimeWaiting = 0 })
	w.decide()
	require.Equal(t, w.now.Add(5*time.Minute), w.s.Verdict(w.now).Until)
	w.pass(5 * time.Minute)
	w.register("j", 1000, token)
	w.decide()
	require.True(t, w.told("j").Open)
}

func TestPeakOpenKnowsNoHours(t *testing.T) {
	w := ready(t)
	w.s.Params.Peak = contract.PeakOpen
	w.s.SetWindow(scheduling.Window{NextChange: w.now.Add(9 * time.Hour)})
	require.True(t, w.s.Verdict(w.now).Open)
	w.device(func(g *contract.GPUState) { g.RealtimeWaiting = 1 })
	require.Equal(t, scheduling.CauseRealtime, w.s.Verdict(w.now).Cause, "people come first at any hour")
}
