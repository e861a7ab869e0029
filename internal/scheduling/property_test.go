package scheduling_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// anything is a scheduler to which anything happens in any order.
type anything struct {
	s         *scheduling.State
	now       time.Time
	instance  int
	seq       int64
	asked     *contract.Gate // on its way to the device
	lastToken int64
	open      map[string]contract.Lease // what each job was told last
}

func newAnything() *anything {
	a := &anything{now: night, open: map[string]contract.Lease{}}
	a.s = scheduling.New(a.now, scheduling.Params{Quantum: 15 * time.Minute, ReopenAfter: time.Second, LongestWait: time.Hour})
	a.s.SetWindow(nights(a.now))
	a.lastToken = a.s.LastToken
	return a
}

func (a *anything) job(t *rapid.T) contract.JobRef {
	return ref(fmt.Sprint("job-", rapid.IntRange(0, 5).Draw(t, "job")))
}

func (a *anything) device(t *rapid.T) contract.GPUState {
	a.seq++
	g := contract.GPUState{
		Instance: fmt.Sprint("i", a.instance), Seq: a.seq,
		Health: rapid.SampledFrom([]contract.Health{
			{Value: contract.Healthy, Admits: contract.AdmitAll}, {Value: contract.HealthUnknown, Admits: contract.AdmitAll},
			{Value: contract.Unhealthy, Admits: contract.AdmitNothing, Reason: "ill"},
		}).Draw(t, "health"),
		RealtimeWaiting: rapid.IntRange(0, 1).Draw(t, "waiting"),
		Model:           rapid.SampledFrom([]string{"", "text", "vectors"}).Draw(t, "model"),
		Paces:           models,
	}
	if rapid.Bool().Draw(t, "has the gate") {
		g.Gate = a.s.Gate
	}
	return g
}

func (a *anything) actions() map[string]func(*rapid.T) {
	order := func(t *rapid.T) contract.Order {
		if rapid.Bool().Draw(t, "off") {
			return contract.Order{State: contract.OrderOff}
		}
		return contract.Order{State: contract.OrderOn, Until: a.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)}
	}
	return map[string]func(*rapid.T){
		"register": func(t *rapid.T) {
			r := contract.Registration{
				Job: a.job(t), Priority: rapid.IntRange(1, 5).Draw(t, "priority"),
				Left: contract.StagesLeft{rapid.IntRange(0, 20).Draw(t, "left")},
				Next: rapid.SampledFrom(append(contract.Stages(), "")).Draw(t, "next"),
			}
			if l := a.open[r.Job.WorkflowID]; rapid.Bool().Draw(t, "over") {
				r.Over = l.Token
			}
			if rapid.IntRange(0, 4).Draw(t, "paused") == 0 {
				r.Paused = contract.Order{State: contract.OrderOn, Until: a.now.Add(time.Hour)}
			}
			a.s.Register(a.now, r)
		},
		"finishing": func(t *rapid.T) {
			a.s.Finishing(a.now, contract.Registration{Job: a.job(t), Left: contract.StagesLeft{2}})
		},
		"ended":  func(t *rapid.T) { a.s.Ended(a.job(t)) },
		"device": func(t *rapid.T) { a.s.DeviceNews(a.now, a.device(t)) },
		"gate answer": func(t *rapid.T) {
			if a.asked == nil {
				return
			}
			a.asked = nil
			if rapid.Bool().Draw(t, "lost") {
				a.s.GateAnswer(a.now, nil)
				return
			}
			g := a.device(t)
			a.s.GateAnswer(a.now, &g)
		},
		"host gone": func(*rapid.T) {
			a.s.HostGone(a.now, contract.HostGone{Instance: fmt.Sprint("i", a.instance)})
			a.instance++
		},
		"reconciled": func(t *rapid.T) {
			r := contract.ReconcileResult{OwnerKnown: rapid.Bool().Draw(t, "known"), Owner: fmt.Sprint("i", a.instance)}
			r.Missing = []contract.JobRef{a.job(t)}
			a.s.Reconciled(a.now, a.now.Add(-time.Second), r)
		},
		"order": func(t *rapid.T) {
			kind := rapid.SampledFrom([]scheduling.OrderKind{scheduling.OrderPause, scheduling.OrderDrain, scheduling.OrderOverride}).Draw(t, "kind")
			a.s.Order(kind, order(t))
		},
		"priority": func(t *rapid.T) { a.s.SetPriority(a.job(t).WorkflowID, rapid.IntRange(1, 5).Draw(t, "to")) },
		"peak": func(t *rapid.T) {
			a.s.Params.Peak = rapid.SampledFrom(contract.PeakModes()).Draw(t, "peak")
			a.s.Params.PeakIdle = time.Minute
		},
		"time": func(t *rapid.T) {
			d := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute, 14 * time.Minute, 5 * time.Hour}).Draw(t, "passes")
			a.now = a.now.Add(d)
		},
	}
}

// decide decides, and checks what must hold whatever has happened.
func (a *anything) decide(t *rapid.T) {
	if !a.now.Before(a.s.Window.NextChange) {
		a.s.SetWindow(nights(a.now))
	}
	data, err := json.Marshal(a.s)
	require.NoError(t, err)
	a.s = new(scheduling.State)
	require.NoError(t, json.Unmarshal(data, a.s))

	decisions, wake := a.s.Decide(a.now)
	v := a.s.Verdict(a.now)
	require.True(t, wake.IsZero() || wake.After(a.now), "it wakes up in the future")
	for _, d := range decisions {
		if d.Gate != nil {
			require.Nil(t, a.asked, "one gate at a time is on its way")
			a.asked = d.Gate
			continue
		}
		if !d.Directive.Open {
			require.False(t, v.Open)
			require.NotEmpty(t, d.Directive.Reason)
			continue
		}
		require.True(t, v.Open, "nobody is told open on a hold: %s", v.Reason)
		l := d.Directive.Lease
		require.True(t, l.Live(a.now), "a lease is live")
		if l != a.open[d.Job.WorkflowID] {
			require.Greater(t, l.Token, a.lastToken, "news carries a new token, and tokens only grow")
			require.LessOrEqual(t, l.Until.Sub(a.now), a.s.Params.Quantum)
			a.lastToken, a.open[d.Job.WorkflowID] = l.Token, l
		}
	}
	holders := 0
	for _, j := range a.s.Jobs {
		if j.Lease == nil {
			continue
		}
		holders++
		require.False(t, j.IsPaused(), "a paused job has no lease")
		require.Greater(t, j.Lease.Token, a.s.Gate.RevokedUpTo)
		require.True(t, j.Lease.Live(a.now))
	}
	require.LessOrEqual(t, holders, scheduling.MaxHolders)
	if v.Open {
		require.True(t, holders > 0 || len(a.s.Line()) == 0, "somebody has a lease while somebody waits")
	}
	again, _ := a.s.Decide(a.now)
	require.Empty(t, again, "what it returns counts as done")
	for id, e := range a.s.Estimates(a.now) {
		require.GreaterOrEqual(t, e.End, e.Start, id)
	}
}

// TestAnythingMayHappen to a scheduler, in any order.
func TestAnythingMayHappen(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value
	usual := checks.String()
	require.NoError(t, checks.Set("1000")) // fewer do not find every rule that is missing
	defer func() { require.NoError(t, checks.Set(usual)) }()
	rapid.Check(t, func(t *rapid.T) {
		a := newAnything()
		actions := a.actions()
		actions[""] = a.decide
		t.Repeat(actions)
	})
}

// TestTwoThousandJobsAreSmall: what the scheduler carries with 2,000 of them, and
// that there may not be more than it can carry.
func TestTwoThousandJobsAreSmall(t *testing.T) {
	w := ready(t)
	register := func(n int, id string) {
		w.s.Register(w.now, contract.Registration{
			Job:      contract.JobRef{WorkflowID: fmt.Sprintf(id, n), RunID: "019ab3c4-5d6e-7f80-9123-456789abcdef"},
			Priority: 3, Left: contract.StagesLeft{100, 100, 100}, Next: contract.StageExtractMetadata,
		})
	}
	for i := range 2000 {
		register(i, "batch-20261124-101500-%06d")
	}
	w.pass(1234567 * time.Microsecond)
	w.decide()
	data, err := json.Marshal(w.s)
	require.NoError(t, err)
	require.Less(t, len(data), 512<<10)

	for i := range 2 * scheduling.MaxJobs {
		register(i, "%0255d")
	}
	data, err = json.Marshal(w.s)
	require.NoError(t, err)
	require.Less(t, len(data), 2<<20-200<<10, "what Temporal carries, and room for the rest")
	require.Len(t, w.s.Jobs, scheduling.MaxJobs)
	missing := contract.ReconcileResult{}
	for i := range 2000 {
		missing.Missing = append(missing.Missing, ref(fmt.Sprint("new-", i)))
	}
	ask, more := w.s.Reconciled(w.now, w.now, missing)
	require.Empty(t, ask, "there is no room for them")
	require.False(t, more)
	for _, j := range w.s.Jobs[:700] {
		w.s.Ended(j.Ref)
	}
	ask, more = w.s.Reconciled(w.now, w.now, missing)
	require.Len(t, ask, scheduling.MaxAsked)
	require.True(t, more)
}
