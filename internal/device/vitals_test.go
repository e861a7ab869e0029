package device_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// patient is a GPU that is looked at every two seconds.
type patient struct {
	t *testing.T
	v device.Vitals
	s device.Sight
	n time.Time
}

func newPatient(t *testing.T) *patient {
	p := &patient{t: t, n: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)}
	p.s.Host = "http://h:1"
	p.s.Card = device.Reading{
		Name: "RTX", Memory: contract.Memory{Source: contract.MemoryMeasured, TotalBytes: 8 << 30},
		State: contract.Card{Celsius: 60, SlowdownAt: 90},
	}
	return p
}

// look looks n times and returns what the last one says.
func (p *patient) look(n int) (h contract.Health) {
	for range n {
		p.n = p.n.Add(2 * time.Second)
		h = p.v.Judge(p.n, p.s)
	}
	return h
}

// is looks once and checks what is admitted and why.
func (p *patient) is(value contract.HealthValue, admits contract.Admits, reason string) {
	p.t.Helper()
	h := p.look(1)
	require.Equal(p.t, value, h.Value, h.Reason)
	require.Equal(p.t, admits, h.Admits, h.Reason)
	require.Contains(p.t, h.Reason, reason)
	if value != contract.Unhealthy {
		require.Empty(p.t, h.Reason)
	}
}

func (p *patient) well() { p.t.Helper(); p.is(contract.Healthy, contract.AdmitAll, "") }

func TestWhatIsWrongNowCountsAtOnce(t *testing.T) {
	p := newPatient(t)
	p.well()
	p.s.Card.Broken = errors.New("lost")
	p.is(contract.Unhealthy, contract.AdmitNothing, "the card: lost")
	p.s.Missing = []string{"a", "b"}
	p.is(contract.Unhealthy, contract.AdmitNothing, "has no model a, b; run: ollama pull a && ollama pull b")
	p.s.Server = errors.New("refused")
	p.is(contract.Unhealthy, contract.AdmitNothing, "Ollama at http://h:1 does not answer: refused")
	p.s.Server, p.s.Missing, p.s.Card.Broken = nil, nil, nil
	p.s.Memory = &device.Refusal{Admits: contract.AdmitRealtime, Reason: "a game has it"}
	p.is(contract.Unhealthy, contract.AdmitRealtime, "a game has it")
	p.s.Memory = nil
	p.well()
	p.s.Card = device.Reading{Memory: contract.Memory{Source: contract.MemoryUnknown}}
	p.is(contract.HealthUnknown, contract.AdmitAll, "")
}

// TestHeat keeps batch away first, then everybody, and lets them back only when it
// has cooled down.
func TestHeat(t *testing.T) {
	p := newPatient(t)
	at := func(celsius int) *patient { p.s.Card.State.Celsius = celsius; return p }
	at(84).well()
	at(85).is(contract.Unhealthy, contract.AdmitRealtime, "too hot for batch: it slows itself down at 90 °C")
	at(89).is(contract.Unhealthy, contract.AdmitRealtime, "too hot for batch")
	at(90).is(contract.Unhealthy, contract.AdmitNothing, "too hot: it slows")
	at(86).is(contract.Unhealthy, contract.AdmitNothing, "too hot")
	at(85).is(contract.Unhealthy, contract.AdmitRealtime, "for batch")
	at(81).is(contract.Unhealthy, contract.AdmitRealtime, "for batch")
	at(80).well()
	at(84).well()

	at(95).look(1)
	at(0).is(contract.Unhealthy, contract.AdmitNothing, "too hot") // a look that does not tell changes nothing
	p.s.Card.State.SlowdownAt = 0
	at(84).is(contract.Unhealthy, contract.AdmitNothing, "85 °C is taken")
	at(75).well()
	at(80).is(contract.Unhealthy, contract.AdmitRealtime, "")
	at(85).is(contract.Unhealthy, contract.AdmitNothing, "")
}

// TestThrottling counts when it lasts, and is over when it has been for a while.
func TestThrottling(t *testing.T) {
	p := newPatient(t)
	slow := func(is bool) *patient {
		p.s.Card.State.Throttled = nil
		if is {
			p.s.Card.State.Throttled = []string{"hardware slowdown"}
		}
		return p
	}
	for range 5 { // now and then is no fault
		slow(true).look(device.ThrottledLooks - 1)
		slow(false).well()
	}
	slow(true).look(device.ThrottledLooks - 1)
	slow(true).is(contract.Unhealthy, contract.AdmitRealtime, "slows itself down: hardware slowdown")
	slow(false).is(contract.Unhealthy, contract.AdmitRealtime, "slows itself down")
	slow(false).look(10)
	slow(true).is(contract.Unhealthy, contract.AdmitRealtime, "slows itself down") // one more begins anew
	require.Equal(t, contract.AdmitRealtime, slow(false).look(14).Admits)
	slow(false).well()
}

func TestErrorsOfTheCardKeepBatchAway(t *testing.T) {
	p := newPatient(t)
	p.s.Card.Xids = []device.Xid{{Number: 31, Program: true}}
	p.well() // a program's fault: it has ended
	p.s.Card.Xids = []device.Xid{{Number: 119}, {Number: 43, Program: true}}
	p.is(contract.Unhealthy, contract.AdmitRealtime, "Xid 119")
	p.s.Card.Xids = nil
	p.n = p.n.Add(device.XidHold - 4*time.Second)
	p.is(contract.Unhealthy, contract.AdmitRealtime, "Xid 119")
	p.look(1)
	p.well()
}
