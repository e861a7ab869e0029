package device_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

const (
	mib = int64(1) << 20
	gib = int64(1) << 30
)

var (
	textModel  = ollama.Model{Name: "text", ContextTokens: 4096}
	embedModel = ollama.Model{Name: "embed", ContextTokens: 2048}
	budget     = device.Budget{
		Margin: 3 * gib, LeastFree: gib / 2,
		Declared: map[string]int64{"text:latest": 4*gib + gib/2, "embed:latest": gib / 2},
	}
	today = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
)

// reading is an 8 GiB card with so much in use, of it by these programs.
func reading(used int64, programs ...contract.CardProcess) device.Reading {
	return device.Reading{
		Memory: contract.Memory{TotalBytes: 8 * gib, UsedBytes: used, FreeBytes: 8*gib - used, Source: contract.MemoryMeasured},
		State:  contract.Card{Processes: programs},
	}
}

func nameless(used int64) device.Reading {
	r := reading(used)
	r.State.NoProcesses = "as under WSL2"
	return r
}

func server(bytes int64) contract.CardProcess {
	return contract.CardProcess{PID: 1, Name: "ollama", Bytes: bytes}
}

func game(bytes int64) contract.CardProcess {
	return contract.CardProcess{PID: 2, Name: "game", Bytes: bytes}
}

func listed(name string, bytes, card int64) []ollama.Loaded {
	return []ollama.Loaded{{Name: name + ":latest", Bytes: bytes, CardBytes: card}}
}

// idle is a ledger that has seen the empty card.
func idle(r device.Reading) *device.Ledger {
	l := device.NewLedger(budget, nil)
	l.See(today, r, nil, true)
	return l
}

// stranger is a program of another container.
var stranger = contract.CardProcess{PID: 99, Bytes: 4*gib + gib/2}

// container has seen that a model is on the card and nobody is named.
func container(programs ...contract.CardProcess) *device.Ledger {
	l := idle(reading(gib / 2))
	l.See(today, reading(5*gib, programs...), listed("text", 4*gib+gib/2, 4*gib+gib/2), true)
	return l
}

func TestRoom(t *testing.T) {
	quiet := reading(gib / 2)
	for name, c := range map[string]struct {
		ledger *device.Ledger
		model  ollama.Model
		now    device.Reading
		loaded []ollama.Loaded
		admits contract.Admits // empty for all
		says   []string
	}{
		"an empty card":      {idle(quiet), textModel, quiet, nil, "", nil},
		"nothing to measure": {idle(quiet), textModel, device.Reading{Memory: contract.Memory{Source: contract.MemoryUnknown}}, nil, "", nil},
		"kept off the card":  {idle(quiet), ollama.Model{Name: "text", CPU: true}, reading(8 * gib), nil, "", nil},
		"the model is there": {
			idle(quiet), textModel, reading(5*gib, server(4*gib+gib/2)), listed("text", 4*gib+gib/2, 4*gib+gib/2), "", nil,
		},
		"another model is there, and leaves": {
			idle(quiet), embedModel, reading(5*gib, server(4*gib+gib/2)), listed("text", 4*gib+gib/2, 4*gib+gib/2), "", nil,
		},
		"the same without names": {
			idle(nameless(gib / 2)), embedModel, nameless(5 * gib), listed("text", 4*gib+gib/2, 4*gib+gib/2), "", nil,
		},
		"the model is there, without names": {
			idle(nameless(gib / 2)), textModel, nameless(5 * gib), listed("text", 4*gib+gib/2, 4*gib+gib/2), "", nil,
		},
		"in a container, which sees no processes": {
			container(), textModel, reading(5 * gib), listed("text", 4*gib+gib/2, 4*gib+gib/2), "", nil,
		},
		"or none whose name it knows": {
			container(stranger), textModel, reading(5*gib, stranger), listed("text", 4*gib+gib/2, 4*gib+gib/2), "", nil,
		},
		"somebody else has 3 GiB": {
			idle(quiet), textModel, reading(3*gib+gib/2, game(3*gib)), nil, contract.AdmitRealtime,
			[]string{"for batch: text needs 4.5 GiB (declared) beside a margin of 3.0 GiB; 4.5 GiB of 8.0 GiB are free for it, game (process 2) 3.0 GiB have the rest"},
		},
		"and the model is there": {
			idle(quiet), textModel, reading(8*gib, server(4*gib+gib/2), game(3*gib)), listed("text", 4*gib+gib/2, 4*gib+gib/2),
			contract.AdmitRealtime, []string{"game (process 2)"},
		},
		"somebody unknown": {
			idle(nameless(gib / 2)), textModel, nameless(3*gib + gib/2), nil, contract.AdmitRealtime, []string{"unknown programs have the rest"},
		},
		"somebody else has nearly all": {
			idle(quiet), textModel, reading(8*gib-300*mib, game(7*gib)), nil, contract.AdmitNothing,
			[]string{"less than memory.leastFree (0.5 GiB)", "0.3 GiB of 8.0 GiB are free"},
		},
		"never seen empty: as it is now":  {device.NewLedger(budget, nil), textModel, reading(3*gib, game(3*gib)), nil, "", nil},
		"a desktop that always has 2 GiB": {idle(reading(2 * gib)), textModel, reading(2 * gib), nil, "", nil},
		"a model that is larger than the card, and split": {
			device.NewLedger(budget, []device.Footprint{{Model: "text", ContextTokens: 4096, Bytes: 10 * gib, CardBytes: 7 * gib}}),
			textModel, quiet, nil, "", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			no := c.ledger.Room(c.model, c.now, c.loaded)
			if c.admits == "" {
				require.Nil(t, no)
				return
			}
			require.NotNil(t, no)
			require.Equal(t, c.admits, no.Admits)
			for _, text := range c.says {
				require.Contains(t, no.Reason, text)
			}
		})
	}
}

// TestASplitModelIsAdmittedOnItsEmptyCard: it takes what the server gives it, also
// where its size is beyond the card, and batch is not shut out for it.
func TestASplitModelIsAdmittedOnItsEmptyCard(t *testing.T) {
	l := device.NewLedger(budget, []device.Footprint{{Model: "text", ContextTokens: 4096, Bytes: 10 * gib, CardBytes: 7 * gib}})
	l.See(today, reading(gib/2), nil, true)
	require.Nil(t, l.Room(textModel, reading(gib/2), nil))
	require.Nil(t, l.Room(textModel, reading(gib+gib/2, game(gib)), nil), "the margin is there for others")
	require.NotNil(t, l.Room(textModel, reading(2*gib+gib/2, game(2*gib)), nil), "until half of it is gone")
	_, fell := l.FellBack(textModel, ollama.Loaded{Name: "text", Bytes: 10 * gib, CardBytes: 3 * gib})
	require.False(t, fell, "another split is no fall back")
}

func TestFallingBackToTheCPU(t *testing.T) {
	l := idle(reading(gib / 2))
	onCPU := ollama.Loaded{Name: "text", Bytes: 4 * gib}
	_, fell := l.FellBack(textModel, onCPU)
	require.False(t, fell, "it was never on the card: this may be a machine without one")
	learned := []device.Footprint{{Model: "text", ContextTokens: 4096, Bytes: 4 * gib, CardBytes: 4 * gib}}
	l = device.NewLedger(budget, learned)
	why, fell := l.FellBack(textModel, onCPU)
	require.True(t, fell)
	require.Contains(t, why, "0.0 GiB of model text on the card, which has had 4.0 GiB")
	allowed := budget
	allowed.AllowCPU = true
	_, fell = device.NewLedger(allowed, learned).FellBack(textModel, onCPU)
	require.False(t, fell)
	_, fell = l.FellBack(ollama.Model{Name: "text", ContextTokens: 4096, CPU: true}, onCPU)
	require.False(t, fell)
}

// TestALeakIsNamed on a card that names its processes: at once, and over when the
// memory is back.
func TestALeakIsNamed(t *testing.T) {
	l := idle(reading(gib / 2))
	require.Zero(t, l.Emptied(reading(gib/2+100*mib, server(100*mib))), "within what measurements differ")
	require.Equal(t, 200*mib, l.Emptied(reading(gib/2+200*mib, server(200*mib))))
	require.Zero(t, l.Emptied(reading(gib/2)), "it is back")
	require.Zero(t, l.Emptied(reading(4*gib, game(3*gib))), "that is no leak of the server's")
}

// TestALeakIsSeenToGrow on a card that names no processes: only when it grows again and
// again, and it warns.
func TestALeakIsSeenToGrow(t *testing.T) {
	l := idle(nameless(gib / 2))
	at := gib / 2
	require.Zero(t, l.Emptied(nameless(at)))
	for range 5 { // a browser that comes and goes
		require.Zero(t, l.Emptied(nameless(at+gib)))
		require.Zero(t, l.Emptied(nameless(at)))
	}
	for i := range 3 {
		at += 200 * mib
		leaked := l.Emptied(nameless(at))
		require.Equal(t, i == 2, leaked > 0, i)
	}
	require.Contains(t, l.Warnings(nameless(at), nil)[0], "grown at 3 cleanups in a row, by 0.6 GiB")
	require.Nil(t, l.Room(textModel, nameless(at), nil), "it only warns: most of the margin is there")
	require.Zero(t, l.Emptied(nameless(gib/2)))
	require.Empty(t, l.Warnings(nameless(gib/2), nil))
}

func TestTheMarginIsVerified(t *testing.T) {
	l := idle(reading(gib / 2))
	require.Empty(t, l.Warnings(reading(5*gib), listed("text", 4*gib, 4*gib)))
	require.Contains(t, l.Warnings(reading(7*gib), listed("text", 6*gib, 6*gib))[0],
		"1.0 GiB are free beside the loaded model, less than memory.margin (3.0 GiB): is OLLAMA_GPU_OVERHEAD=3221225472 set")
	require.Empty(t, l.Warnings(reading(7*gib), nil), "nothing of it is the model's")
}

func TestTheIdleCardIsLearned(t *testing.T) {
	l := idle(reading(3*gib, game(3*gib))) // somebody was there when it began
	require.Nil(t, l.Room(textModel, reading(3*gib, game(3*gib)), nil))
	l.See(today.Add(time.Hour), reading(gib/2), nil, true)
	require.NotNil(t, l.Room(textModel, reading(3*gib, game(3*gib)), nil))
	l.See(today.Add(2*time.Hour), reading(3*gib, game(3*gib)), nil, true)
	require.NotNil(t, l.Room(textModel, reading(3*gib, game(3*gib)), nil), "the least counts")
	l.See(today.Add(26*time.Hour), reading(3*gib, game(3*gib)), nil, true)
	require.Nil(t, l.Room(textModel, reading(3*gib, game(3*gib)), nil), "and for a day: a card that others share for good is not shut")
	l.See(today.Add(54*time.Hour), reading(6*gib), nil, false)
	require.NotNil(t, l.Room(textModel, reading(6*gib), nil), "a model may be on its way to the card")
}
