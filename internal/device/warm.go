package device

import (
	"time"

	"signalbox/workflows/contract"
)

// Numbers of the rule that keeps the realtime model warm.
const (
	// LoadGuess is how long a model takes to load until that is known.
	LoadGuess = 10 * time.Second
	// ShareWindow is the time in which batch may have its share of the GPU
	// whatever model it needs: a ShareLeast-th of it.
	ShareWindow = 10 * time.Minute
	ShareLeast  = 3
	shareSlots  = 60
)

// warmth decides whether batch may make the realtime model leave the card. A
// wait that is longer than loading it again cannot pay, and batch is never kept
// below its share.
type warmth struct {
	model    string // on the card, as far as is known
	realtime string // the model of the last realtime request, which ended at
	at       time.Time
	takes    map[string]time.Duration // to load each model
	busy     [shareSlots]time.Duration
	slot     int64 // the newest slot of busy
}

func newWarmth() warmth { return warmth{takes: map[string]time.Duration{}} }

// loaded records the model of the run on the GPU.
func (w *warmth) loaded(r Run, took time.Duration) {
	if took > 0 {
		w.takes[r.Model] = took
	}
	if !r.OffCard {
		w.model = r.Model
	}
}

// ended records how long the GPU was a run's.
func (w *warmth) ended(now time.Time, r Run, since time.Time) {
	if r.Class == contract.Realtime {
		w.realtime, w.at = r.Model, now
		return
	}
	w.advance(now)
	w.busy[w.slot%shareSlots] += max(0, now.Sub(since))
}

// advance forgets what is older than the window.
func (w *warmth) advance(now time.Time) {
	slot := now.UnixNano() / int64(ShareWindow/shareSlots)
	if slot-w.slot >= shareSlots {
		w.busy, w.slot = [shareSlots]time.Duration{}, slot
	}
	for w.slot < slot {
		w.slot++
		w.busy[w.slot%shareSlots] = 0
	}
}

// wait is how long a batch run stays away; 0 where it may run.
func (w *warmth) wait(now time.Time, r Run) time.Duration {
	if r.OffCard || r.Model == w.model || w.model == "" || w.model != w.realtime {
		return 0
	}
	takes, known := w.takes[w.model]
	if !known {
		takes = LoadGuess
	}
	left := w.at.Add(takes).Sub(now)
	if left <= 0 {
		return 0
	}
	w.advance(now)
	var share time.Duration
	for _, d := range w.busy {
		share += d
	}
	if share < ShareWindow/ShareLeast {
		return 0
	}
	return left
}
