package device_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// anything is a device to which anything happens in any order. What it is told is
// remembered here, in the simplest way.
type anything struct {
	c       *device.Core
	now     time.Time
	claimed bool
	acked   time.Time
	rang    map[contract.RequestRef]time.Time
	over    map[contract.RequestRef]bool
	gate    contract.Gate
	run     *device.Run
}

func newAnything() *anything {
	return &anything{
		c: device.NewCore(contract.Gate{}), now: noon,
		rang: map[contract.RequestRef]time.Time{}, over: map[contract.RequestRef]bool{},
	}
}

func (a *anything) request(t *rapid.T) contract.RequestRef {
	r := request(fmt.Sprint("r", rapid.IntRange(0, 3).Draw(t, "request")))
	r.Attempt = rapid.IntRange(1, 2).Draw(t, "attempt")
	return r
}

func (a *anything) owned() bool { return a.claimed && a.now.Sub(a.acked) <= device.ClaimTimeout }

// due reports whether a request that may not be forgotten yet is due.
func (a *anything) due() bool {
	for r, at := range a.rang {
		newer := r
		newer.Attempt++
		_, superseded := a.rang[newer]
		if a.now.Sub(at) <= device.RingExpiry && !a.over[r] && !superseded && !a.over[newer] {
			return true
		}
	}
	return false
}

// forbids says why a lease permits nothing now.
func (a *anything) forbids(l contract.Lease) string {
	o := a.gate.Orders
	switch {
	case l.Token <= a.gate.RevokedUpTo, !l.Live(a.now):
		return "the lease is over"
	case o.Pause.InForce(a.now), o.Drain.InForce(a.now):
		return "an operator's order"
	}
	return ""
}

func (a *anything) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"claim": func(*rapid.T) {
			a.c.Claim(a.now, "i")
			a.claimed, a.acked = true, a.now
		},
		"acked":   func(*rapid.T) { a.c.Acked(a.now); a.acked = a.now },
		"unclaim": func(*rapid.T) { a.c.Unclaim(); a.claimed = false },
		"ring": func(t *rapid.T) {
			r := a.request(t)
			old := rapid.IntRange(0, 9).Draw(t, "late") == 0
			at := a.now
			if old {
				at = at.Add(-time.Minute)
			}
			answer, preempt := a.c.Ring(a.now, at, r)
			running := a.run != nil && a.run.Request == r
			if preempt {
				require.Equal(t, contract.Batch, a.run.Class)
			}
			if running {
				require.Equal(t, contract.PhaseRunning, answer.Phase)
			}
			if answer.Position > 0 || running {
				a.rang[r] = a.now
			}
			if answer.Position > 0 && a.run != nil && a.run.Class == contract.Batch {
				require.True(t, preempt, "batch makes way for a request that is due")
			}
		},
		"withdraw": func(t *rapid.T) {
			r := a.request(t)
			a.c.Withdraw(a.now, r)
			if a.run == nil || a.run.Request != r {
				a.over[r] = true
			}
		},
		"gate": func(t *rapid.T) {
			g := contract.Gate{
				Token: int64(rapid.IntRange(0, 300).Draw(t, "token")), Change: int64(rapid.IntRange(0, 3).Draw(t, "change")),
				RevokedUpTo: int64(rapid.IntRange(0, 250).Draw(t, "revoked")),
			}
			if rapid.Bool().Draw(t, "pauses") {
				g.Orders.Pause = contract.Order{State: contract.OrderOn, Until: a.now.Add(time.Minute)}
			}
			changed := a.c.SetGate(g)
			require.Equal(t, g.Newer(a.gate), changed, "a gate that is older changes nothing")
			if changed {
				g.Orders = g.Orders.Over(a.gate.Orders)
				a.gate = g
			}
			require.Equal(t, a.gate, a.c.Gate())
		},
		"want": a.want,
		"continue": func(t *rapid.T) {
			_, ok := a.c.MayContinue(a.now)
			if ok && a.run.Class == contract.Batch {
				require.True(t, a.owned())
				require.Empty(t, a.forbids(a.run.Lease))
				require.False(t, a.due(), "a request is due")
			}
		},
		"ended": func(*rapid.T) {
			a.c.Ended(a.now)
			if a.run != nil && a.run.Class == contract.Realtime {
				a.over[a.run.Request] = true
			}
			a.run = nil
		},
		"failed":    func(*rapid.T) { a.c.RunFailed(a.now, "boom") },
		"succeeded": func(*rapid.T) { a.c.RunSucceeded() },
		"probed": func(t *rapid.T) {
			a.c.Probed(rapid.SampledFrom([]contract.Health{
				{Value: contract.Healthy, Admits: contract.AdmitAll}, {Value: contract.Unhealthy, Admits: contract.AdmitNothing, Reason: "ill"},
			}).Draw(t, "health"))
		},
		"time": func(t *rapid.T) {
			a.now = a.now.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 4 * time.Second, 11 * time.Second, time.Hour}).Draw(t, "passes"))
			lost := a.c.Tick(a.now)
			require.Equal(t, a.run != nil && !a.owned(), lost)
		},
	}
}

func (a *anything) want(t *rapid.T) {
	r := device.Run{Class: contract.Realtime, Request: a.request(t), Model: "text"}
	if rapid.Bool().Draw(t, "batch") {
		r = device.Run{
			Class: contract.Batch, Job: "job", Model: rapid.SampledFrom([]string{"text", "embed"}).Draw(t, "model"),
			Lease: contract.Lease{
				Token: int64(rapid.IntRange(0, 300).Draw(t, "token")),
				Until: a.now.Add(time.Duration(rapid.IntRange(-2, 5).Draw(t, "minutes")) * time.Minute),
			},
		}
	}
	v := a.c.Want(a.now, r)
	if !v.Admit {
		require.NotEqual(t, contract.OutcomeDone, v.Outcome)
		require.NotEmpty(t, v.Reason)
		if r.Class == contract.Batch && v.Outcome == contract.OutcomeBounced && !v.LeaseOver {
			require.Positive(t, v.RetryAfter, "a bounce says for how long: at once would be a loop")
		}
		return
	}
	require.Nil(t, a.run, "one run at a time")
	require.True(t, a.owned(), "under a claim")
	if r.Class == contract.Batch {
		require.Empty(t, a.forbids(r.Lease))
		require.False(t, a.due(), "no batch while a request is due")
		require.Equal(t, contract.AdmitAll, a.c.Health(a.now).Admits)
	} else {
		require.NotEqual(t, contract.AdmitNothing, a.c.Health(a.now).Admits)
	}
	a.run = &r
}

// TestAnythingMayHappen to a device, in any order.
func TestAnythingMayHappen(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value
	usual := checks.String()
	require.NoError(t, checks.Set("5000")) // fewer do not find every rule that is missing
	defer func() { require.NoError(t, checks.Set(usual)) }()
	rapid.Check(t, func(t *rapid.T) {
		a := newAnything()
		a.c.Claim(a.now, "i")
		a.claimed, a.acked = true, a.now
		t.Repeat(a.actions())
	})
}
