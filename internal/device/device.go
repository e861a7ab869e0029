package device

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"signalbox/workflows/contract"
)

// Errors that a run's context is cancelled with.
var (
	// ErrPreempted: a realtime request is due.
	ErrPreempted = errors.New("preempted by a realtime request")
	// ErrClaimLost: another GPU worker may own the GPU.
	ErrClaimLost = errors.New("the claim on the GPU is lost")
	// ErrStopping: the GPU worker stops.
	ErrStopping = errors.New("the GPU worker is stopping")
	// ErrUnclaimed is the retryable answer of a device without the claim.
	ErrUnclaimed = errors.New("this GPU worker does not hold the claim on the GPU")
)

// tick is how often time is allowed to change something by itself.
const tick = 200 * time.Millisecond

// Options of a Device.
type Options struct {
	GPU  string
	Host string
	// StateDir keeps the gate across restarts; empty keeps it in memory.
	StateDir string
	Logger   *slog.Logger
}

// Device is the object in the GPU worker's process that owns the GPU's slot.
type Device struct {
	opt  Options
	slot chan struct{}

	mu       sync.Mutex
	core     *Core
	grant    *Grant
	facts    Facts
	seq      int64
	overlaps int64
	clock    clock
	// urgent news may change a decision; the rest is only to be looked at.
	urgent chan struct{}
	minor  chan struct{}
}

// Facts are what the probe measures beside health.
type Facts struct {
	Model     string
	Card      string
	State     contract.Card
	Memory    contract.Memory
	Models    []contract.ModelMemory
	Warnings  []string
	Ollama    string
	Simulated bool
	// Continuation of aborted calls, in words.
	Continuation string
}

// New opens a device with the gate that its folder holds.
func New(opt Options) (*Device, error) {
	gate, err := readGate(opt.StateDir)
	if err != nil {
		return nil, err
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	return &Device{
		opt: opt, core: NewCore(gate),
		slot: make(chan struct{}, 1), urgent: make(chan struct{}, 1), minor: make(chan struct{}, 1),
		facts: Facts{Memory: contract.Memory{Source: contract.MemoryUnknown}},
	}, nil
}

// Watch lets time pass for the device until ctx ends.
func (d *Device) Watch(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	var before string
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		d.mu.Lock()
		now := d.now()
		if d.core.Tick(now) && d.grant != nil {
			d.grant.cancel(ErrClaimLost)
		}
		h := d.core.Health(now)
		after := fmt.Sprint(h.Value, h.Admits, d.core.Waiting())
		d.mu.Unlock()
		if after != before { // rings that expired and backoffs that ended are news too
			before = after
			d.notify()
		}
	}
}

// now is the server's time as far as it is known.
func (d *Device) now() time.Time { return d.clock.server(wall()) }

// wall is the local wall clock without its monotonic part, which stops while a host
// sleeps.
func wall() time.Time { return time.Now().Round(0) }

// ServerTime corrects the device's clock; started is when the server started
// the activity that runs now.
func (d *Device) ServerTime(started time.Time) {
	if started.IsZero() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock.started(wall(), started)
}

// Claim begins a tenure, with a heartbeat of the claim that was sent age ago and is
// acknowledged.
func (d *Device) Claim(instance string, age time.Duration) {
	d.mu.Lock()
	d.core.Claim(d.now().Add(-age), instance)
	d.clock.claimed(wall().Add(-age))
	d.seq++
	d.mu.Unlock()
	d.notify()
}

// Acked records another.
func (d *Device) Acked(age time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.core.Acked(d.now().Add(-age))
	d.clock.ack(wall().Add(-age))
}

// Steady reports that this host has been awake and connected, so that an attempt which
// it was just given is no old one: it may go on the GPU before Temporal has answered
// its first heartbeat.
func (d *Device) Steady() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clock.steady(wall())
}

// Unclaim ends the tenure and aborts the run on the GPU.
func (d *Device) Unclaim(cause error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.core.Unclaim()
	if d.grant != nil {
		d.grant.cancel(cause)
	}
}

// Stopping makes a batch run give the GPU back and admits no other one, because
// the worker stops. A realtime run may end.
func (d *Device) Stopping() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.core.Stopping()
	if d.grant != nil && d.grant.run.Class == contract.Batch {
		d.grant.cancel(ErrStopping)
	}
}

// Ring tells the device that a realtime request is due.
func (d *Device) Ring(ref contract.RequestRef, scheduled time.Time) (contract.RingAnswer, error) {
	d.mu.Lock()
	now := d.now()
	if !d.core.Owned(now) {
		d.mu.Unlock()
		return contract.RingAnswer{}, ErrUnclaimed
	}
	answer, preempt := d.core.Ring(now, scheduled, ref)
	if preempt && d.grant != nil {
		d.grant.cancel(ErrPreempted)
	}
	d.mu.Unlock()
	d.notify()
	return answer, nil
}

// Withdraw tells the device that a realtime request no longer waits.
func (d *Device) Withdraw(ref contract.RequestRef) {
	d.mu.Lock()
	d.core.Withdraw(d.now(), ref)
	d.mu.Unlock()
	d.notify()
}

// SetGate records the scheduler's gate, keeps it in the state folder, and
// returns the device's whole state.
func (d *Device) SetGate(g contract.Gate) (contract.GPUState, error) {
	d.mu.Lock()
	if !d.core.Owned(d.now()) {
		d.mu.Unlock()
		return contract.GPUState{}, ErrUnclaimed
	}
	changed := d.core.SetGate(g)
	state := d.stateLocked()
	d.mu.Unlock()
	if changed {
		if err := writeGate(d.opt.StateDir, state.Gate); err != nil {
			return state, err
		}
		d.notify()
	}
	return state, nil
}

// Probed records what a look at the model server and the card has found.
func (d *Device) Probed(h contract.Health, f Facts) {
	d.mu.Lock()
	before, had := d.core.probe, d.facts
	d.core.Probed(h)
	d.facts = f
	d.mu.Unlock()
	switch {
	case h.Value != before.Value || h.Admits != before.Admits:
		d.notify()
	case h != before || f.Model != had.Model || f.Ollama != had.Ollama || f.Continuation != had.Continuation ||
		warmer(f.State, had.State) || !slices.Equal(f.Warnings, had.Warnings):
		poke(d.minor)
	}
}

// warmer reports that the card's temperature is worth a report of its own.
func warmer(now, before contract.Card) bool {
	const degrees = 5
	return max(now.Celsius-before.Celsius, before.Celsius-now.Celsius) >= degrees
}

// Health at this moment.
func (d *Device) Health() contract.Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.core.Health(d.now())
}

// Owned reports whether the claim stands at this moment.
func (d *Device) Owned() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.core.Owned(d.now())
}

// State is the device's whole state.
func (d *Device) State() contract.GPUState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stateLocked()
}

func (d *Device) stateLocked() contract.GPUState {
	now := d.now()
	d.seq++
	s := contract.GPUState{
		GPU: d.opt.GPU, Instance: d.core.Instance(), Host: d.opt.Host, Seq: d.seq, At: now.UTC(),
		Health: d.core.Health(now), RealtimeWaiting: d.core.Waiting(), Gate: d.core.Gate(),
		Model: d.facts.Model, Card: d.facts.Card, CardState: d.facts.State, Memory: d.facts.Memory, Models: d.facts.Models, Warnings: d.facts.Warnings, Ollama: d.facts.Ollama,
		Simulated: d.facts.Simulated, Overlaps: d.overlaps, Continuation: d.facts.Continuation, Paces: d.core.Paces(),
	}
	if r, since := d.core.Running(); r != nil {
		s.Run = &contract.RunInfo{
			Class: r.Class, Job: r.Job, Document: r.Document, Stage: r.Stage, Model: r.Model, Since: since.UTC(),
		}
		if r.Class == contract.Realtime {
			s.RealtimeRunning = 1
		}
	}
	return s
}

// notify says that something has changed that may change a decision; the
// reporter collects.
func (d *Device) notify() { poke(d.urgent) }

// notifyRun says that another run is on the GPU. Only realtime runs change a
// decision: reporting each document would cost the scheduler its history.
func (d *Device) notifyRun(class contract.Class) {
	if class == contract.Realtime {
		poke(d.urgent)
		return
	}
	poke(d.minor)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
