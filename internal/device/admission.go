package device

import (
	"fmt"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// needs is what a model takes of the card and how that is known.
func (l *Ledger) needs(m ollama.Model) (bytes int64, how string) {
	if f := l.footprints[keyOf(m)]; f != nil && f.onCard() > 0 {
		return f.onCard(), "learned"
	}
	return l.budget.Declared[ollama.Name(m.Name)], "declared"
}

// Refusal is that there is no room for a model: what it admits instead, and why.
type Refusal struct {
	Admits contract.Admits
	Reason string
}

// Room says whether there is room for a model once those that are loaded have left;
// nil where there is, or nothing is known. The margin counts once: an empty card has
// room for whatever the server would put there beside the margin, so that a model
// which it splits between card and CPU is not refused for its size. What others take
// since comes out of the margin: it is there for them, and batch waits when half of it
// is gone.
func (l *Ledger) Room(m ollama.Model, r Reading, loaded []ollama.Loaded) *Refusal {
	if m.CPU || !measured(r) {
		return nil
	}
	// What is loaded leaves before anything is loaded in its place.
	free := r.Memory.FreeBytes
	if own, known := l.own(r); known && l.leak == "" {
		free += own
	} else {
		free += onCard(loaded)
	}
	needs, how := l.needs(m)
	if idle := l.idle; idle > 0 {
		needs = min(needs, max(0, r.Memory.TotalBytes-idle-l.budget.Margin))
	} else {
		needs = min(needs, max(0, free-l.budget.Margin)) // never seen empty: as it is now
	}
	numbers := func() string {
		return fmt.Sprintf("%s needs %s (%s) beside a margin of %s; %s of %s are free for it, %s have the rest",
			m.Name, contract.GiB(needs), how, contract.GiB(l.budget.Margin),
			contract.GiB(free), contract.GiB(r.Memory.TotalBytes), holders(r, others))
	}
	switch {
	case free < l.budget.LeastFree:
		return &Refusal{contract.AdmitNothing, fmt.Sprintf("too little memory on the card: less than memory.leastFree (%s); %s", contract.GiB(l.budget.LeastFree), numbers())}
	case free < needs+l.budget.Margin/marginShare:
		return &Refusal{contract.AdmitRealtime, "too little memory on the card for batch: " + numbers()}
	}
	return nil
}

// FellBack says that a model which was on the card has been loaded onto the CPU: the
// sign of a card that is gone, which Ollama does not report.
func (l *Ledger) FellBack(m ollama.Model, now ollama.Loaded) (why string, fell bool) {
	f := l.footprints[keyOf(m)]
	if m.CPU || l.budget.AllowCPU || f == nil || f.CardBytes == 0 || now.CardBytes*fallbackShare >= f.CardBytes {
		return "", false
	}
	return fmt.Sprintf("Ollama has put %s of model %s on the card, which has had %s of it there: it has fallen back to the CPU (is the card gone? memory.cpu)",
		contract.GiB(now.CardBytes), m.Name, contract.GiB(f.CardBytes)), true
}
