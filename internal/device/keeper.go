package device

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// Times of unloading. Ollama frees the card's memory 0.5 to 1.5 s after it says so,
// and waits for that 5 s at most.
const (
	unloadDeadline = 10 * time.Second
	releaseWithin  = 5 * time.Second
	unloadPoll     = 50 * time.Millisecond
)

// MemoryServer is what the keeper needs of a model server.
type MemoryServer interface {
	// Loaded lists the models in memory.
	Loaded(context.Context) ([]ollama.Loaded, error)
	// Load brings a model into memory; it returns how long that took.
	Load(context.Context, ollama.Model) (time.Duration, error)
	// Unload asks to forget a model, which happens a little later.
	Unload(ctx context.Context, name string) error
}

// Keeper keeps the card's memory: it lets one model on the card at a time, checks that
// there is room before it is loaded, and that it is free again afterwards. It is used
// by the run that has the GPU, and by the probe.
type Keeper struct {
	opt    KeeperOptions
	card   *cardReader
	mu     sync.Mutex // of what follows
	ledger *Ledger
	// shortage is what the last look has found.
	shortage *Refusal
}

// KeeperOptions of a Keeper.
type KeeperOptions struct {
	Server MemoryServer
	// Card measures the card; nil for nothing to measure with.
	Card Card
	// Models that Signalbox uses. Others on the card are somebody else's.
	Models []ollama.Model
	Budget Budget
	// KeepWarm is how long the model stays after a request; 0 unloads it at once.
	KeepWarm time.Duration
	// ReleaseWithin is how long the card may take to give memory back; 5 s unless given.
	ReleaseWithin time.Duration
	// Dir keeps what was learned across restarts; empty keeps it in memory.
	Dir    string
	Logger *slog.Logger
}

// NewKeeper is a keeper that knows what its folder holds.
func NewKeeper(o KeeperOptions) (*Keeper, error) {
	learned, err := readFootprints(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.ReleaseWithin == 0 {
		o.ReleaseWithin = releaseWithin
	}
	return &Keeper{opt: o, card: newCardReader(o.Card), ledger: NewLedger(o.Budget, learned)}, nil
}

// leastKeepAlive is how long the model server keeps a model by itself: from one
// document to the next, and from one page of a request to the next. What KeepWarm wants
// sooner is done by the cleanup after a run.
const leastKeepAlive = time.Minute

// KeepAlive is how long the model server is to keep a model after a call. While batch
// is closed by the calendar, for closedFor, nobody else wants the card: the first
// question after a break need not wait for the model.
func (k *Keeper) KeepAlive(class contract.Class, closedFor time.Duration) time.Duration {
	warm := max(k.opt.KeepWarm, leastKeepAlive)
	if class == contract.Realtime && k.opt.KeepWarm > 0 && closedFor > 0 {
		warm = max(warm, closedFor+leastKeepAlive)
	}
	return warm
}

// Prepare makes m the one model on the card, and returns how long loading it took; 0
// when it was there. What has no room is an ollama.Error of KindNoRoom for runs that
// the room does not admit.
func (k *Keeper) Prepare(ctx context.Context, class contract.Class, m ollama.Model) (time.Duration, error) {
	loaded, err := k.opt.Server.Loaded(ctx)
	if err != nil {
		return 0, err
	}
	if !m.CPU {
		if loaded, err = k.unload(ctx, loaded, func(l ollama.Loaded) bool { return !sameModel(l.Name, m.Name) }); err != nil {
			return 0, err
		}
	}
	before := k.card.read(ctx)
	if l, there := find(loaded, m.Name); there && !k.dead(l, before) {
		return 0, k.onCard(ctx, m, l)
	}
	if err := k.room(class, m, before, loaded); err != nil {
		return 0, err
	}
	took, err := k.opt.Server.Load(ctx, m)
	if err != nil {
		return 0, err
	}
	return took, k.learn(ctx, m, before)
}

// room refuses a run for which there is no room.
func (k *Keeper) room(class contract.Class, m ollama.Model, r Reading, loaded []ollama.Loaded) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	no := k.ledger.Room(m, r, loaded)
	if no == nil || no.Admits == contract.AdmitRealtime && class == contract.Realtime {
		return nil
	}
	return &ollama.Error{Kind: ollama.KindNoRoom, Model: m.Name, Err: errors.New(no.Reason)}
}

// learn takes in what loading a model has done.
func (k *Keeper) learn(ctx context.Context, m ollama.Model, before Reading) error {
	loaded, err := k.opt.Server.Loaded(ctx)
	if err != nil {
		return err
	}
	l, there := find(loaded, m.Name)
	if !there {
		return nil // it has no time to stay: the call loads it again
	}
	if err := k.onCard(ctx, m, l); err != nil {
		return err
	}
	after := k.card.read(ctx)
	k.mu.Lock()
	k.ledger.learnLoad(m, l, before, after)
	all := k.ledger.Footprints()
	k.mu.Unlock()
	if err := writeFootprints(k.opt.Dir, all); err != nil {
		k.opt.Logger.Warn("what models take of the memory is not kept", "error", err)
	}
	return nil
}

// onCard refuses a model that has fallen back to the CPU, and unloads it: the next
// attempt may find the card again.
func (k *Keeper) onCard(ctx context.Context, m ollama.Model, l ollama.Loaded) error {
	k.mu.Lock()
	why, fell := k.ledger.FellBack(m, l)
	k.mu.Unlock()
	if !fell {
		return nil
	}
	return errors.Join(
		&ollama.Error{Kind: ollama.KindLoad, Err: errors.New(why)},
		k.opt.Server.Unload(ctx, m.Name))
}

// dead reports that the server still lists a model which is not on the card any more:
// its runner has died.
func (k *Keeper) dead(l ollama.Loaded, r Reading) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	own, known := k.ledger.own(r)
	return known && l.CardBytes > 2*MemoryTolerance && own < l.CardBytes/fallbackShare && r.Memory.UsedBytes < l.CardBytes
}

// unload makes the models on the card leave that are of a kind, and waits until they
// are gone: from the server's list, and from the card where that is measured. It
// returns what is loaded then. Where the card does not give the memory back in time
// that is noted as a leak, and is no error: there may be room enough.
func (k *Keeper) unload(ctx context.Context, loaded []ollama.Loaded, kind func(ollama.Loaded) bool) ([]ollama.Loaded, error) {
	leave := func(all []ollama.Loaded) (out []ollama.Loaded) {
		for _, l := range all {
			if kind(l) && !k.offCard(l.Name) {
				out = append(out, l)
			}
		}
		return out
	}
	going := leave(loaded)
	if len(going) == 0 {
		return loaded, nil
	}
	before := k.card.read(ctx)
	for _, l := range going {
		if !k.ours(l.Name) {
			k.opt.Logger.Info("unloading a model that somebody else has loaded", "model", l.Name)
		}
		if err := k.opt.Server.Unload(ctx, l.Name); err != nil {
			return loaded, err
		}
	}
	deadline := time.Now().Add(unloadDeadline)
	for {
		var err error
		if loaded, err = k.opt.Server.Loaded(ctx); err != nil {
			return loaded, err
		}
		left := leave(loaded)
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			return loaded, &ollama.Error{Kind: ollama.KindLoad, Err: fmt.Errorf("%s did not leave the memory within %s", names(left), unloadDeadline)}
		}
		if err := sleep(ctx, unloadPoll); err != nil {
			return loaded, err
		}
	}
	k.released(ctx, before, onCard(going), loaded)
	return loaded, nil
}

// released waits until the card has given back what models had, and notes what it has
// not.
func (k *Keeper) released(ctx context.Context, before Reading, had int64, loaded []ollama.Loaded) {
	deadline := time.Now().Add(k.opt.ReleaseWithin)
	for {
		now := k.card.read(ctx)
		if !measured(before) || !measured(now) {
			return
		}
		k.mu.Lock()
		own, named := k.ledger.own(now)
		back := before.Memory.UsedBytes-now.Memory.UsedBytes >= had-MemoryTolerance // signed: others take memory too
		if named {
			back = own-onCard(loaded) <= MemoryTolerance
		}
		if back || time.Now().After(deadline) {
			if onCard(loaded) == 0 {
				k.ledger.See(time.Now(), now, loaded, true)
				if leaked := k.ledger.Emptied(now); leaked > 0 {
					k.opt.Logger.Warn("memory is still in use on the card with no model loaded", "bytes", leaked)
				}
			}
			k.mu.Unlock()
			return
		}
		k.mu.Unlock()
		if sleep(ctx, unloadPoll) != nil {
			return
		}
	}
}

// Generated tells how fast a model has generated.
func (k *Keeper) Generated(m ollama.Model, tokens int, took time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ledger.Generated(m, tokens, took)
}

func (k *Keeper) ours(name string) bool {
	return slices.ContainsFunc(k.opt.Models, func(m ollama.Model) bool { return sameModel(m.Name, name) })
}

func (k *Keeper) offCard(name string) bool {
	return slices.ContainsFunc(k.opt.Models, func(m ollama.Model) bool { return m.CPU && sameModel(m.Name, name) })
}

func sameModel(a, b string) bool { return ollama.Name(a) == ollama.Name(b) }

func find(loaded []ollama.Loaded, name string) (ollama.Loaded, bool) {
	for _, l := range loaded {
		if sameModel(l.Name, name) {
			return l, true
		}
	}
	return ollama.Loaded{}, false
}

func names(loaded []ollama.Loaded) string {
	var all []string
	for _, l := range loaded {
		all = append(all, l.Name)
	}
	return strings.Join(all, ", ")
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
