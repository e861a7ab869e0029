package device

import (
	"math"
	"strings"
	"time"

	"signalbox/internal/ollama"
)

// Footprint is what a model takes of the memory, learned.
type Footprint struct {
	Model string `json:"model"`
	// ContextTokens that it was loaded with: another context takes another room.
	ContextTokens int `json:"contextTokens"`
	// Bytes in all and CardBytes of them on the card, as the model server counts them.
	Bytes     int64 `json:"bytes"`
	CardBytes int64 `json:"cardBytes"`
	// Measured is by how much loading it changed the card's used memory; 0 where that
	// could not be measured.
	Measured int64 `json:"measured,omitempty"`
	// TokensPerSecond that it generates.
	TokensPerSecond float64 `json:"tokensPerSecond,omitempty"`
}

// onCard is what it takes on the card: measured, or as the server says.
func (f Footprint) onCard() int64 {
	if f.Measured > 0 {
		return f.Measured
	}
	return f.CardBytes
}

// key of a model with its options.
type footprintKey struct {
	model   string
	context int
}

func keyOf(m ollama.Model) footprintKey { return footprintKey{ollama.Name(m.Name), m.ContextTokens} }

// learnLoad records a load: what the server lists and what the card's memory did.
// Loads differ a little, and another program may take or give memory meanwhile: the
// newest counts for a quarter.
func (l *Ledger) learnLoad(m ollama.Model, listed ollama.Loaded, before, after Reading) {
	f := l.footprints[keyOf(m)]
	if f == nil {
		f = &Footprint{Model: m.Name, ContextTokens: m.ContextTokens}
		l.footprints[keyOf(m)] = f
	}
	f.Bytes, f.CardBytes = listed.Bytes, listed.CardBytes
	if measured(before) && measured(after) {
		// Own memory alone where the card names who has it.
		taken := after.Memory.UsedBytes - before.Memory.UsedBytes
		if own, known := l.own(after); known {
			was, _ := l.own(before)
			taken = own - was
		}
		switch {
		case taken <= 0: // something else was freed meanwhile
		case f.Measured == 0:
			f.Measured = taken
		default:
			f.Measured += (taken - f.Measured) / 4
		}
	}
}

// rateWeight of the newest call in the learned tokens per second.
const rateWeight = 0.1

// Generated records how fast a model has generated.
func (l *Ledger) Generated(m ollama.Model, tokens int, took time.Duration) {
	f := l.footprints[keyOf(m)]
	const few = 20 // tokens: too short to measure
	if f == nil || tokens < few || took <= 0 {
		return
	}
	rate := float64(tokens) / took.Seconds()
	if f.TokensPerSecond == 0 {
		f.TokensPerSecond = rate
	}
	f.TokensPerSecond = math.Round((f.TokensPerSecond+rateWeight*(rate-f.TokensPerSecond))*10) / 10
}

// own is what the model server's processes have on the card; not known where the card
// does not name who has its memory.
func (l *Ledger) own(r Reading) (bytes int64, known bool) {
	if l.nameless {
		return 0, false
	}
	return namedOwn(r)
}

// namedOwn is what the card names as the model server's; not known where it names nobody.
func namedOwn(r Reading) (bytes int64, known bool) {
	if !measured(r) || r.State.NoProcesses != "" {
		return 0, false
	}
	for _, p := range r.State.Processes {
		if isServer(p.Name) {
			bytes += max(0, p.Bytes)
		}
	}
	return bytes, true
}

// isServer tells Ollama's processes from others: its own, and from 0.30 on
// llama-server.
func isServer(program string) bool {
	p := strings.ToLower(program)
	return strings.Contains(p, "ollama") || strings.Contains(p, "llama-server")
}
