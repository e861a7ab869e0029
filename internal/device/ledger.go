package device

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// Numbers of the card's memory.
const (
	// MemoryTolerance is by how much measurements of the same may differ: CUDA's own
	// buffers, and a desktop's windows.
	MemoryTolerance = 128 << 20
	// idleFor is how long the least memory in use counts as what the idle card uses.
	idleFor = 24 * time.Hour
	// growths is how many times in a row more has to be left on a card that names no
	// processes before that is taken for a leak.
	growths = 3
	// marginShare of the margin has to be left for batch.
	marginShare = 2
	// fallbackShare of what a model had on the card: with less it has fallen back to
	// the CPU.
	fallbackShare = 4
)

// Budget of the card's memory in bytes, from configuration.
type Budget struct {
	Margin, LeastFree int64
	// AllowCPU lets a model that was on the card run on the CPU.
	AllowCPU bool
	// Declared is what models take until that is learned, by name.
	Declared map[string]int64
}

// Ledger is what is known of the memory of the card: who has how much of it, what each
// model takes, and what is left there with no model loaded. It is pure: it has no
// clock and measures nothing.
type Ledger struct {
	budget     Budget
	footprints map[footprintKey]*Footprint
	// nameless is that this card's processes turned out not to be told.
	nameless bool
	// idle is the least that was in use with no model on the card, and idleAt when.
	idle   int64
	idleAt time.Time
	// lastEmpty and grown count a card without names: how much was in use at the last
	// cleanup with nothing loaded, and how often in a row it was more than before.
	lastEmpty, grown0 int64
	grown             int
	leak              string
}

// NewLedger is a ledger that knows what was learned before.
func NewLedger(b Budget, learned []Footprint) *Ledger {
	l := &Ledger{budget: b, footprints: map[footprintKey]*Footprint{}}
	for _, f := range learned {
		l.footprints[keyOf(ollama.Model{Name: f.Model, ContextTokens: f.ContextTokens})] = &f
	}
	return l
}

// Footprints that were learned, in order of their names.
func (l *Ledger) Footprints() []Footprint {
	all := make([]Footprint, 0, len(l.footprints))
	for _, f := range l.footprints {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b Footprint) int {
		if c := strings.Compare(a.Model, b.Model); c != 0 {
			return c
		}
		return a.ContextTokens - b.ContextTokens
	})
	return all
}

func measured(r Reading) bool {
	return r.Memory.Source != "" && r.Memory.Source != contract.MemoryUnknown
}

// onCard is what the listed models have on the card, as the server counts it.
func onCard(loaded []ollama.Loaded) (bytes int64) {
	for _, m := range loaded {
		bytes += m.CardBytes
	}
	return bytes
}

// See takes in a look at the card and at what is loaded. quiet is that no run is on
// the GPU, so that nothing is being loaded.
func (l *Ledger) See(now time.Time, r Reading, loaded []ollama.Loaded, quiet bool) {
	if !measured(r) {
		return
	}
	on := onCard(loaded)
	if own, known := namedOwn(r); known && quiet && on > MemoryTolerance {
		// It does not name the model server although its memory is in use: as in a
		// container, which sees its own processes alone.
		l.nameless = own == 0 && r.Memory.UsedBytes >= on
	}
	if !quiet || on > 0 {
		return
	}
	if l.idle == 0 || r.Memory.UsedBytes <= l.idle || now.Sub(l.idleAt) > idleFor {
		l.idle, l.idleAt = r.Memory.UsedBytes, now
	}
	if own, known := l.own(r); known && own <= MemoryTolerance {
		l.leak = ""
	}
}

// Emptied takes in a look after a cleanup that has left no model on the card. What the
// model server still has there after the deadline is a leak.
func (l *Ledger) Emptied(r Reading) (leaked int64) {
	if !measured(r) {
		return 0
	}
	if own, known := l.own(r); known {
		if own <= MemoryTolerance {
			l.leak = ""
			return 0
		}
		l.leak = fmt.Sprintf("%s are still on the card with no model loaded: %s; restart Ollama", contract.GiB(own), holders(r, isServer))
		return own
	}
	used := r.Memory.UsedBytes
	switch {
	case l.lastEmpty == 0 || used < l.lastEmpty-MemoryTolerance/2:
		l.grown, l.grown0 = 0, used
	case used > l.lastEmpty+MemoryTolerance/2:
		l.grown++
	}
	l.lastEmpty = used
	if l.grown < growths {
		return 0
	}
	return used - l.grown0
}

// Warnings are what a person should look at, though nothing is kept from running for
// it.
func (l *Ledger) Warnings(r Reading, loaded []ollama.Loaded) (all []string) {
	if l.grown >= growths {
		all = append(all, fmt.Sprintf("the card's memory has grown at %d cleanups in a row, by %s, with no model loaded: Ollama may leak, or another program takes it",
			l.grown, contract.GiB(l.lastEmpty-l.grown0)))
	}
	if on := onCard(loaded); measured(r) && on > 0 && r.Memory.FreeBytes < l.budget.Margin-MemoryTolerance {
		all = append(all, fmt.Sprintf("%s are free beside the loaded model, less than memory.margin (%s): is OLLAMA_GPU_OVERHEAD=%d set where Ollama runs?",
			contract.GiB(r.Memory.FreeBytes), contract.GiB(l.budget.Margin), l.budget.Margin))
	}
	return all
}

// holders names the programs on the card that are of a kind, or says that they are not
// known.
func holders(r Reading, kind func(program string) bool) string {
	var names []string
	for _, p := range r.State.Processes {
		if kind(p.Name) && p.Bytes != 0 {
			names = append(names, p.String())
		}
	}
	if len(names) == 0 {
		return "unknown programs"
	}
	return strings.Join(names, ", ")
}

func others(program string) bool { return !isServer(program) }
