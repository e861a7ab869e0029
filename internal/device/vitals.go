package device

import (
	"fmt"
	"strings"
	"time"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// Numbers of the GPU's health.
const (
	// SlowdownGuess is the temperature at which a card slows itself down, in °C, where
	// its driver does not tell.
	SlowdownGuess = 85
	// BatchCooler is how far below it batch stops, and CooledBy how far the card has
	// to cool down before what had stopped may go on.
	BatchCooler = 5
	CooledBy    = 5
	// ThrottledLooks is how many looks in a row find a card throttled before batch
	// stops, and ThrottleEase for how long none must before it goes on.
	ThrottledLooks = 3
	ThrottleEase   = 30 * time.Second
	// XidHold is how long batch stays away after an error of the card.
	XidHold = 10 * time.Minute
)

// Sight is what one look at the model server and the card has found.
type Sight struct {
	// Host is the model server's address; Server is why it does not answer, nil if it
	// does.
	Host   string
	Server error
	// Missing models.
	Missing []string
	Card    Reading
	// Memory is why the card's memory does not admit all, nil where it does.
	Memory *Refusal
}

// Vitals judge the GPU's health by one look after another: what is bad counts at
// once or when it lasts, and what is good again when it has been for a while. The zero
// value has seen nothing.
type Vitals struct {
	hotForBatch, hotForAll bool
	throttledLooks         int
	throttledFor           []string
	throttledAt            time.Time
	xid                    uint64
	xidAt                  time.Time
}

// Judge adds a look at now and says how the GPU is.
func (v *Vitals) Judge(now time.Time, s Sight) contract.Health {
	v.see(now, s.Card)
	switch {
	case s.Server != nil:
		return unhealthy(contract.AdmitNothing, "Ollama at %s does not answer: %v", s.Host, s.Server)
	case len(s.Missing) > 0:
		return unhealthy(contract.AdmitNothing, "Ollama at %s has no model %s; run: %s",
			s.Host, strings.Join(s.Missing, ", "), ollama.PullCommand(s.Missing))
	case s.Card.Broken != nil:
		return unhealthy(contract.AdmitNothing, "the card: %v", s.Card.Broken)
	case v.hotForAll:
		return unhealthy(contract.AdmitNothing, "the card is too hot: %s", heat(s.Card))
	case v.hotForBatch:
		return unhealthy(contract.AdmitRealtime, "the card is too hot for batch: %s", heat(s.Card))
	case s.Memory != nil:
		return contract.Health{Value: contract.Unhealthy, Admits: s.Memory.Admits, Reason: s.Memory.Reason}
	case !v.xidAt.IsZero():
		return unhealthy(contract.AdmitRealtime, "the card has reported an error (Xid %d, see NVIDIA's list); batch waits until %s",
			v.xid, v.xidAt.Add(XidHold).UTC().Format("15:04:05Z"))
	case !v.throttledAt.IsZero():
		return unhealthy(contract.AdmitRealtime, "the card slows itself down: %s", strings.Join(v.throttledFor, ", "))
	case s.Card.Memory.Source == contract.MemoryUnknown:
		return contract.Health{Value: contract.HealthUnknown, Admits: contract.AdmitAll}
	}
	return contract.Health{Value: contract.Healthy, Admits: contract.AdmitAll}
}

func unhealthy(admits contract.Admits, format string, args ...any) contract.Health {
	return contract.Health{Value: contract.Unhealthy, Admits: admits, Reason: fmt.Sprintf(format, args...)}
}

func (v *Vitals) see(now time.Time, r Reading) {
	for _, x := range r.Xids {
		if !x.Program {
			v.xid, v.xidAt = x.Number, now
		}
	}
	if now.Sub(v.xidAt) >= XidHold {
		v.xidAt = time.Time{}
	}
	if t := r.State.Celsius; t > 0 { // a look that does not tell changes nothing
		at := slowdown(r)
		v.hotForAll = t >= at || v.hotForAll && t > at-CooledBy
		v.hotForBatch = t >= at-BatchCooler || v.hotForBatch && t > at-BatchCooler-CooledBy
	}
	if len(r.State.Throttled) > 0 {
		if v.throttledLooks++; v.throttledLooks >= ThrottledLooks || !v.throttledAt.IsZero() {
			v.throttledFor, v.throttledAt = r.State.Throttled, now
		}
		return
	}
	v.throttledLooks = 0
	if now.Sub(v.throttledAt) >= ThrottleEase {
		v.throttledAt = time.Time{}
	}
}

func slowdown(r Reading) int {
	if r.State.SlowdownAt > 0 {
		return r.State.SlowdownAt
	}
	return SlowdownGuess
}

// heat says how hot it is without the degrees of the moment, which would be news at
// each look.
func heat(r Reading) string {
	if r.State.SlowdownAt > 0 {
		return fmt.Sprintf("it slows itself down at %d °C", r.State.SlowdownAt)
	}
	return fmt.Sprintf("its driver does not tell where it slows itself down, %d °C is taken", SlowdownGuess)
}
