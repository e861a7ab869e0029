package scheduling_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// world drives one scheduler by hand and remembers what it has said.
type world struct {
	t     *testing.T
	s     *scheduling.State
	now   time.Time
	said  []scheduling.Decision
	wake  time.Time
	seq   int64
	state contract.GPUState
}

var night = time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: night}
	w.s = scheduling.New(w.now, scheduling.Params{Quantum: 15 * time.Minute, ReopenAfter: time.Second})
	w.s.SetWindow(scheduling.Window{Open: true, NextChange: night.Add(15 * time.Hour)})
	w.state = contract.GPUState{Instance: "a", Health: contract.Health{Value: contract.Healthy, Admits: contract.AdmitAll}}
	return w
}

// ready is a world whose device has answered the first gate.
func ready(t *testing.T) *world {
	w := newWorld(t)
	w.decide()
	w.answerGate()
	w.decide()
	return w
}

func (w *world) decide() []scheduling.Decision {
	// What a scheduler knows survives continue-as-new at any moment.
	data, err := json.Marshal(w.s)
	require.NoError(w.t, err)
	w.s = new(scheduling.State)
	require.NoError(w.t, json.Unmarshal(data, w.s))
	w.said, w.wake = w.s.Decide(w.now)
	return w.said
}

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

func (w *world) device(change func(*contract.GPUState)) {
	w.seq++
	w.state.Seq = w.seq
	change(&w.state)
	w.s.DeviceNews(w.now, w.state)
}

func (w *world) answerGate() {
	w.seq++
	w.state.Seq, w.state.Gate = w.seq, w.s.Gate
	w.s.GateAnswer(w.now, &w.state)
}

func (w *world) register(id string, left int, over int64) {
	w.s.Register(w.now, contract.Registration{Job: ref(id), Priority: 3, Left: contract.StagesLeft{left}, Over: over})
}

func ref(id string) contract.JobRef { return contract.JobRef{WorkflowID: id, RunID: "run-" + id} }

// told returns what was just said to a job, nil for nothing.
func (w *world) told(id string) *contract.Directive {
	for _, d := range w.said {
		if d.Job != nil && d.Job.WorkflowID == id {
			return &d.Directive
		}
	}
	return nil
}

func TestNothingOpensBeforeTheDeviceHasAnswered(t *testing.T) {
	w := newWorld(t)
	w.register("j", 100, 0)
	w.decide()
	require.NotNil(t, w.told("j"))
	require.False(t, w.told("j").Open)
	require.Equal(t, scheduling.GateWait, w.wake.Sub(w.now), "it looks again when the wait is over")

	w.answerGate()
	w.decide()
	require.True(t, w.told("j").Open)
	require.Greater(t, w.told("j").Lease.Token, w.s.Gate.RevokedUpTo, "a new lease outlives the first gate")
}

func TestOpensWithoutAnAnswerAfterThirtySeconds(t *testing.T) {
	w := newWorld(t)
	w.register("j", 100, 0)
	w.decide()
	w.pass(scheduling.GateWait)
	w.decide()
	require.True(t, w.told("j").Open)
}

func TestFirstGateRevokesEveryOlderToken(t *testing.T) {
	w := newWorld(t)
	w.decide()
	require.Len(t, w.said, 1)
	require.Equal(t, night.UnixMilli(), w.said[0].Gate.RevokedUpTo)
}

func TestRealtimeHoldsAndReopensWithANewToken(t *testing.T) {
	w := ready(t)
	w.register("j", 100, 0)
	w.decide()
	first := w.told("j").Lease

	w.device(func(g *contract.GPUState) { g.RealtimeWaiting = 1 })
	w.decide()
	require.False(t, w.told("j").Open)
	require.Equal(t, scheduling.ReasonRealtime, w.told("j").Reason)
	w.decide()
	require.Nil(t, w.told("j"), "a hold is said once")

	w.device(func(g *contract.GPUState) { g.RealtimeWaiting = 0 })
	w.decide()
	require.Nil(t, w.told("j"), "the next request may come within the second")
	require.Equal(t, w.now.Add(time.Second), w.wake)

	w.pass(time.Second)
	w.decide()
	require.True(t, w.told("j").Open)
	require.Greater(t, w.told("j").Lease.Token, first.Token)
	require.Equal(t, first.Until, w.told("j").Lease.Until, "realtime requests do not lengthen a quantum")
}

func TestHoldReasons(t *testing.T) {
	cases := map[string]struct {
		change func(*world)
		reason string
	}{
		"window":    {func(w *world) { w.s.SetWindow(scheduling.Window{NextChange: w.now.Add(time.Hour)}) }, "outside the batch window"},
		"unhealthy": {func(w *world) { w.device(sick) }, "the GPU is unhealthy: hot"},
		"gone":      {func(w *world) { w.s.HostGone(w.now, contract.HostGone{Instance: "a"}) }, "the GPU host is gone"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := ready(t)
			w.register("j", 100, 0)
			w.decide()
			c.change(w)
			w.decide()
			require.False(t, w.told("j").Open)
			require.Equal(t, c.reason, w.told("j").Reason)
		})
	}
}

func sick(g *contract.GPUState) {
	g.Health = contract.Health{Value: contract.Unhealthy, Admits: contract.AdmitRealtime, Reason: "hot"}
}

func TestOtherWordsAreNoNews(t *testing.T) {
	w := ready(t)
	w.register("j", 100, 0)
	w.decide()
	w.device(sick)
	w.decide()
	require.NotNil(t, w.told("j"))
	w.device(func(g *contract.GPUState) { g.Health.Reason = "still hot" })
	w.decide()
	require.Nil(t, w.told("j"))
}

func TestUnknownHealthIsNotUnhealthy(t *testing.T) {
	w := ready(t)
	w.device(func(g *contract.GPUState) {
		g.Health = contract.Health{Value: contract.HealthUnknown, Admits: contract.AdmitAll}
	})
	w.register("j", 100, 0)
	w.decide()
	require.True(t, w.told("j").Open)
}

func TestANewInstanceBringsBatchBack(t *testing.T) {
	w := ready(t)
	w.register("j", 100, 0)
	w.decide()
	w.s.HostGone(w.now, contract.HostGone{Instance: "a"})
	w.decide()
	w.device(func(g *contract.GPUState) {}) // the last words of the old instance
	w.decide()
	require.Nil(t, w.told("j"))

	w.s.GateAnswer(w.now, nil) // nobody was there to answer
	w.device(func(g *contract.GPUState) { g.Instance = "b" })
	w.decide()
	require.True(t, w.told("j").Open)
	require.NotNil(t, w.said[len(w.said)-1].Gate, "a new instance gets the gate")

	w.s.HostGone(w.now, contract.HostGone{Instance: "a"})
	w.decide()
	require.Nil(t, w.told("j"), "late news of an older instance changes nothing")
}

func TestWindowEndEndsTheLease(t *testing.T) {
	w := newWorld(t)
	w.s.SetWindow(scheduling.Window{Open: true, NextChange: night.Add(5 * time.Minute)})
	w.decide()
	w.answerGate()
	w.register("j", 100, 0)
	w.decide()
	require.Equal(t, night.Add(5*time.Minute), w.told("j").Lease.Until)
	token := w.told("j").Lease.Token

	w.pass(5 * time.Minute)
	w.s.SetWindow(scheduling.Window{NextChange: w.now.Add(9 * time.Hour)})
	w.decide()
	require.False(t, w.told("j").Open)
	w.register("j", 90, token)
	w.decide()
	require.Equal(t, w.now.Add(9*time.Hour), w.told("j").Until, "a registration is answered with the truth")

	w.pass(9 * time.Hour)
	w.s.SetWindow(scheduling.Window{Open: true, NextChange: w.now.Add(time.Hour)})
	w.decide()
	require.True(t, w.told("j").Open, "batch begins by itself")
}

func TestQuantumGoesRound(t *testing.T) {
	w := ready(t)
	w.register("a", 1000, 0)
	w.register("b", 1000, 0)
	w.decide()
	require.True(t, w.told("a").Open)
	require.Nil(t, w.told("b"))

	w.pass(15 * time.Minute)
	w.decide()
	require.True(t, w.told("b").Open, "the other one's turn")
	require.Nil(t, w.told("a"))

	w.pass(15 * time.Minute)
	w.decide()
	require.True(t, w.told("a").Open)
}

func TestAloneALeaseIsRenewedAhead(t *testing.T) {
	w := ready(t)
	w.register("a", 1000, 0)
	w.decide()
	until := w.told("a").Lease.Until
	w.pass(15*time.Minute - 10*time.Second + time.Millisecond)
	w.decide()
	require.True(t, w.told("a").Open)
	require.Greater(t, w.told("a").Lease.Until, until)
}

func TestPriorityThenArrival(t *testing.T) {
	w := ready(t)
	w.s.Register(w.now, contract.Registration{Job: ref("low"), Priority: 5, Left: contract.StagesLeft{9}})
	w.s.Register(w.now, contract.Registration{Job: ref("first"), Priority: 3, Left: contract.StagesLeft{9}})
	w.s.Register(w.now, contract.Registration{Job: ref("second"), Priority: 3, Left: contract.StagesLeft{9}})
	w.decide()
	require.True(t, w.told("first").Open)
	w.s.Ended(ref("first"))
	w.decide()
	require.True(t, w.told("second").Open, "a job's last signal lets the next one in at once")
	w.s.Ended(ref("second"))
	w.decide()
	require.True(t, w.told("low").Open)
}

// models says which model each stage was last run with.
var models = []contract.StagePace{
	{Stage: contract.StageOCR, Model: "text", Ms: 60_000, Runs: 9},
	{Stage: contract.StageExtractMetadata, Model: "text", Ms: 60_000, Runs: 9},
	{Stage: contract.StageEmbedDocument, Model: "vectors", Ms: 1_000, Runs: 9},
}

// TestTheLoadedModel: it decides among jobs of one priority that came together, and
// among no others.
func TestTheLoadedModel(t *testing.T) {
	vectors := contract.Registration{Job: ref("vectors"), Priority: 3, Left: contract.StagesLeft{0, 0, 9}, Next: contract.StageEmbedDocument}
	text := contract.Registration{Job: ref("text"), Priority: 3, Left: contract.StagesLeft{9, 9, 9}, Next: contract.StageOCR}
	for name, c := range map[string]struct {
		change func(w *world)
		later  time.Duration
		first  string
	}{
		"they came together":      {first: "text"},
		"another model is loaded": {change: func(w *world) { w.device(func(g *contract.GPUState) { g.Model = "vectors:latest" }) }, first: "vectors"},
		"two are loaded":          {change: func(w *world) { w.device(func(g *contract.GPUState) { g.Model = "kept:1b, text:latest" }) }, first: "text"},
		"none is loaded":          {change: func(w *world) { w.device(func(g *contract.GPUState) { g.Model = "" }) }, first: "vectors"},
		"none, and one stage is new": {change: func(w *world) {
			delete(w.s.Paces, contract.StageOCR)
			w.device(func(g *contract.GPUState) { g.Model, g.Paces = "", nil })
		}, first: "vectors"},
		"a minute later":                {later: time.Minute, first: "vectors"},
		"of a lower priority":           {change: func(w *world) { w.s.SetPriority("text", 4) }, first: "vectors"},
		"after one that ends with text": {change: func(w *world) { w.ahead("ahead", contract.StagesLeft{0, 1, 0}) }, first: "text"},
		"after one that ends with both": {change: func(w *world) { w.ahead("ahead", contract.StagesLeft{0, 1, 1}) }, first: "vectors"},
		"it has not said what is next":  {change: func(w *world) { text := text; text.Next = ""; w.s.Register(w.now, text) }, first: "vectors"},
	} {
		t.Run(name, func(t *testing.T) {
			w := ready(t)
			w.s.SetWindow(scheduling.Window{NextChange: night.Add(time.Hour)})
			w.device(func(g *contract.GPUState) { g.Paces, g.Model = models, "text" })
			w.s.Register(w.now, vectors)
			w.pass(c.later)
			w.s.Register(w.now, text)
			if c.change != nil {
				c.change(w)
			}
			w.s.SetWindow(scheduling.Window{Open: true})
			w.decide()
			require.NotNil(t, w.told(c.first))
			require.True(t, w.told(c.first).Open)
		})
	}
}

// ahead gives a job that is nearly done the lease before the others.
func (w *world) ahead(id string, left contract.StagesLeft) {
	w.s.Register(w.now, contract.Registration{Job: ref(id), Priority: 1, Left: left})
}

func TestTheNextJobIsLetInAheadAndNeverMoreThanTwo(t *testing.T) {
	w := ready(t)
	for _, id := range []string{"a", "b", "c", "d"} {
		w.register(id, 1, 0)
	}
	w.decide()
	require.True(t, w.told("a").Open)
	require.True(t, w.told("b").Open)
	require.Nil(t, w.told("c"))
	w.s.Ended(ref("a"))
	w.decide()
	require.True(t, w.told("c").Open)
	require.Nil(t, w.told("d"))
}

func TestALongJobLetsNobodyInUntilItIsFinishing(t *testing.T) {
	w := ready(t)
	w.register("long", 1000, 0)
	w.register("next", 1000, 0)
	w.decide()
	require.Nil(t, w.told("next"))
	w.s.Finishing(w.now, contract.Registration{Job: ref("long"), Left: contract.StagesLeft{2}})
	w.decide()
	require.True(t, w.told("next").Open)
}

func TestReconcile(t *testing.T) {
	w := ready(t)
	w.register("dead", 1000, 0)
	w.register("next", 1000, 0)
	w.decide()
	ask, _ := w.s.Reconciled(w.now, w.now, contract.ReconcileResult{
		Ended:   []contract.JobRef{ref("dead")},
		Missing: []contract.JobRef{{WorkflowID: "stray"}, {WorkflowID: "next"}},
		Owner:   "a", OwnerKnown: true,
	})
	require.Equal(t, []contract.JobRef{{WorkflowID: "stray"}}, ask)
	w.decide()
	require.True(t, w.told("next").Open, "a dead lease holder blocks nobody")
	require.NotNil(t, w.said[len(w.said)-1].Gate, "the gate is sent with every reconcile")

	token := w.told("next").Lease.Token
	w.answerGate()
	w.s.Reconciled(w.now, w.now, contract.ReconcileResult{Owner: "a", OwnerKnown: true})
	w.decide()
	require.Equal(t, token, w.told("next").Lease.Token, "the truth is repeated with the same token")
}

func TestReconcileNoticesThatTheHostIsGone(t *testing.T) {
	w := ready(t)
	w.s.Reconciled(w.now, w.now, contract.ReconcileResult{OwnerKnown: false})
	require.True(t, w.s.Verdict(w.now).Open, "not known is not gone")
	began := w.now.Add(time.Second)
	w.s.Reconciled(began, began, contract.ReconcileResult{Owner: "", OwnerKnown: true})
	require.False(t, w.s.Verdict(w.now).Open)
}

// A look at Temporal that is older than the device's news, or that was wrong,
// shuts batch out for no longer than the next look.
func TestALookThatWasTooEarlyIsNotTheLastWord(t *testing.T) {
	w := ready(t)
	w.s.Reconciled(w.now.Add(time.Second), w.now.Add(-time.Second), contract.ReconcileResult{Owner: "", OwnerKnown: true})
	require.True(t, w.s.Verdict(w.now).Open, "the instance has reported since")

	w.s.HostGone(w.now, contract.HostGone{Instance: "a"})
	require.False(t, w.s.Verdict(w.now).Open)
	w.s.Reconciled(w.now, w.now, contract.ReconcileResult{Owner: "a", OwnerKnown: true})
	require.True(t, w.s.Verdict(w.now).Open, "it has the claim")
}

func TestANewExecutionUnderAnOldID(t *testing.T) {
	w := ready(t)
	w.register("j", 1000, 0)
	w.decide()
	token := w.told("j").Lease.Token
	again := contract.JobRef{WorkflowID: "j", RunID: "another"}
	w.s.Register(w.now, contract.Registration{Job: again, Priority: 3, Left: contract.StagesLeft{10}})
	w.s.Ended(ref("j")) // the old one's last word comes late
	w.decide()
	require.True(t, w.told("j").Open)
	require.Greater(t, w.told("j").Lease.Token, token)
}

func TestTokensGrowPastAClockThatWentBack(t *testing.T) {
	w := newWorld(t)
	w.decide()
	future := contract.Gate{Token: night.Add(time.Hour).UnixMilli(), Change: 7, RevokedUpTo: 5}
	w.state.Seq, w.state.Gate = 1, future
	w.s.GateAnswer(w.now, &w.state)
	w.decide()
	require.True(t, w.said[len(w.said)-1].Gate.Newer(future))
	w.answerGate()
	w.register("j", 10, 0)
	w.decide()
	require.Greater(t, w.told("j").Lease.Token, future.Token)
}

// TestTheGateSaysUntilWhenTheCalendarHasClosed: so long nobody but requests wants the
// card, and their model may stay.
func TestTheGateSaysUntilWhenTheCalendarHasClosed(t *testing.T) {
	w := ready(t)
	gate := func() time.Time {
		w.s.Reconciled(w.now, w.now, contract.ReconcileResult{})
		w.decide()
		at := w.said[len(w.said)-1].Gate.ClosedUntil
		w.answerGate()
		return at
	}
	require.Zero(t, gate())
	evening := w.now.Add(9 * time.Hour)
	w.s.SetWindow(scheduling.Window{NextChange: evening})
	require.Equal(t, evening, gate())
	require.Zero(t, w.s.Gate.ClosedUntil, "it is no change of the gate")
	for _, peak := range []string{contract.PeakFill, contract.PeakOpen} {
		w.s.Params.Peak = peak
		require.Zero(t, gate(), peak)
	}
}
