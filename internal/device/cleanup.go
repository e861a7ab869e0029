package device

import (
	"context"
	"time"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// cleanupTimeout bounds the cleanup after a run, whose own context may be over.
const cleanupTimeout = unloadDeadline + 2*releaseWithin

// Clean verifies the memory after a run: that its model m alone is on the card, and
// that the card holds no more than it should. After a request, with no time to keep it
// warm, the model leaves too; batch keeps it for the next document. It says what was
// freed, kept and leaked.
func (k *Keeper) Clean(ctx context.Context, class contract.Class, m ollama.Model) contract.Cleanup {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	var c contract.Cleanup
	began := time.Now()
	loaded, err := k.opt.Server.Loaded(ctx)
	if err != nil {
		c.Problem = err.Error()
		return c
	}
	now := k.card.read(ctx)
	k.mu.Lock()
	k.ledger.See(time.Now(), now, loaded, true)
	k.mu.Unlock()
	unload := class == contract.Realtime && k.opt.KeepWarm == 0
	leave := func(l ollama.Loaded) bool {
		if m.CPU && k.ours(l.Name) { // it runs beside the one on the card
			return false
		}
		return unload || !sameModel(l.Name, m.Name)
	}
	if k.swollen(m, now, loaded) {
		leave = func(ollama.Loaded) bool { return true } // then it is measured without it
	}
	after, err := k.unload(ctx, loaded, leave)
	if err != nil {
		c.Problem = err.Error()
		return c
	}
	c.FreedBytes = onCard(loaded) - onCard(after)
	if l, there := find(after, m.Name); there {
		c.Kept, c.KeptWhy = l.Name, keptWarm
		if class == contract.Batch {
			c.KeptWhy = keptForNext
		}
	}
	k.mu.Lock()
	c.Leaked = k.ledger.leak
	k.mu.Unlock()
	c.TookMs = time.Since(began).Milliseconds()
	return c
}

// Why a model is kept after a run.
const (
	keptWarm    = "warm for the next request"
	keptForNext = "for the next document"
)

// swollen reports that the model server has more on the card than the loaded model
// takes.
func (k *Keeper) swollen(m ollama.Model, r Reading, loaded []ollama.Loaded) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	own, named := k.ledger.own(r)
	l, there := find(loaded, m.Name)
	f := k.ledger.footprints[keyOf(m)]
	if !named || !there || l.CardBytes == 0 || f == nil || f.Measured == 0 || k.ledger.leak != "" {
		return false
	}
	return own > f.Measured+onCard(loaded)-l.CardBytes+2*MemoryTolerance
}

// Look is the probe's look at the card, and what it means for who may run.
func (k *Keeper) Look(ctx context.Context, loaded []ollama.Loaded, listed, quiet bool) (Reading, *Refusal) {
	r := k.card.look(ctx)
	if !listed {
		return r, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ledger.See(time.Now(), r, loaded, quiet)
	if k.ledger.leak != "" {
		return r, &Refusal{contract.AdmitRealtime, k.ledger.leak}
	}
	if _, named := k.ledger.own(r); !quiet && !named && onCard(loaded) == 0 {
		return r, k.shortage // a model may be on its way to the card: whose the memory is cannot be told
	}
	k.shortage = nil
	if len(k.opt.Models) > 0 { // the text model, which is the larger, is the first
		k.shortage = k.ledger.Room(k.opt.Models[0], r, loaded)
	}
	return r, k.shortage
}

// Report is what is known of the models' memory, for people.
func (k *Keeper) Report(r Reading, loaded []ollama.Loaded) (models []contract.ModelMemory, warnings []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range k.opt.Models {
		mm := contract.ModelMemory{Name: m.Name, DeclaredBytes: k.opt.Budget.Declared[ollama.Name(m.Name)], CPU: m.CPU}
		if f := k.ledger.footprints[keyOf(m)]; f != nil {
			mm.LearnedBytes, mm.LearnedCardBytes, mm.TokensPerSecond = f.Bytes, f.onCard(), f.TokensPerSecond
		}
		if l, there := find(loaded, m.Name); there {
			mm.Loaded, mm.Bytes, mm.CardBytes = true, l.Bytes, l.CardBytes
		}
		models = append(models, mm)
	}
	for _, l := range loaded {
		if !k.ours(l.Name) {
			models = append(models, contract.ModelMemory{Name: l.Name, Loaded: true, Bytes: l.Bytes, CardBytes: l.CardBytes, Foreign: true})
		}
	}
	return models, k.ledger.Warnings(r, loaded)
}
