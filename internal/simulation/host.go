package simulation

import (
	"fmt"
	"time"

	"signalbox/internal/device"
	"signalbox/workflows/contract"
)

// host is a machine with a GPU worker and an Ollama. Its process may die and
// start again, or freeze and thaw.
type host struct {
	w    *world
	name string

	up      bool
	frozen  bool
	epoch   int      // of the process
	stalled []func() // what a frozen process will do when it thaws

	core     *device.Core
	gate     contract.Gate // in the state folder
	instance string
	serving  bool // it polls gpu and gpu-control
	polling  bool // its poll on gpu is open
	// swallowed is how many of its polls on gpu-control were given a task while it is
	// frozen.
	swallowed int
	thawed    time.Time // last
	acking    bool      // its claim's heartbeats are acknowledged
	leaving   bool      // it stops in an orderly way
	run       *running

	ollamaUp bool
	model    string // in memory

	seq      int64
	news     bool // a report is under way
	lastSeen string
}

func newHost(w *world, name string) *host { return &host{w: w, name: name, ollamaUp: true} }

// alive reports that the process runs and is not frozen.
func (h *host) alive() bool { return h.up && !h.frozen }

// awake runs do in the process, when it thaws if it is frozen. A process that
// has died does nothing.
func (h *host) awake(do func()) {
	epoch := h.epoch
	guarded := func() {
		if h.up && h.epoch == epoch {
			do()
		}
	}
	if h.frozen {
		h.stalled = append(h.stalled, guarded)
		return
	}
	guarded()
}

// after is a timer of the process.
func (h *host) after(d time.Duration, do func()) *event {
	epoch := h.epoch
	return h.w.after(d, func() {
		if h.epoch == epoch {
			h.awake(do)
		}
	})
}

// boot starts the process.
func (h *host) boot() {
	if h.up {
		return
	}
	h.w.lastFault = h.w.now
	h.up, h.frozen, h.swallowed, h.stalled = true, false, 0, nil
	h.epoch++
	if h.w.tamper.no(RuleGateFile) {
		h.gate = contract.Gate{}
	}
	h.core, h.instance = device.NewCore(h.gate), ""
	h.serving, h.polling, h.acking, h.leaving, h.news = false, false, false, false, false
	h.probe()
	h.w.say("%s: process starts", h.name)
	h.claim()
}

// kill ends the process at once: no handler runs.
func (h *host) kill() {
	if !h.up {
		return
	}
	h.w.say("%s: process is killed", h.name)
	h.up, h.frozen, h.swallowed, h.stalled = false, false, 0, nil
	h.epoch++
	if r := h.run; r != nil {
		r.timer.cancel()
		h.w.card.end(r.call, false)
		h.run = nil
	}
	h.w.queue.unpoll(h)
	h.w.owner.silent(h)
	h.serving, h.polling = false, false
}

// freeze stops the whole machine, as sleep does.
func (h *host) freeze() {
	if !h.alive() {
		return
	}
	h.w.say("%s: frozen", h.name)
	h.beatIfDue()
	h.frozen, h.acking = true, false
	if h.run != nil && h.run.call != nil {
		h.run.call.frozen = true
	}
	h.w.owner.silent(h)
}

// thaw lets it go on.
func (h *host) thaw() {
	if !h.up || !h.frozen {
		return
	}
	h.w.say("%s: thaws", h.name)
	h.thawed = h.w.now
	h.w.lastFault = h.w.now
	h.frozen, h.swallowed = false, 0
	h.after(h.w.between(0, 300*time.Millisecond), func() { // its next heartbeat
		if h.acking = h.w.owner.heldBy(h); !h.acking && !h.w.tamper.no(RuleClaim) {
			h.core.Unclaim()
			h.tick()
		}
	})
	h.after(h.w.between(0, 200*time.Millisecond), h.tick)
	list := h.stalled
	h.stalled = nil
	for _, do := range list {
		h.awake(do)
	}
}

// stop ends the process in an orderly way, and starts another one later.
func (h *host) stop() {
	if !h.alive() {
		return
	}
	h.w.say("%s: process stops", h.name)
	h.leaving, h.serving = true, false
	h.w.queue.unpoll(h)
	h.polling = false
	h.beatIfDue()
	h.core.Stopping()
	if r := h.run; r != nil && r.task.stage != nil {
		h.abort(device.ErrStopping)
	}
	var gone func()
	gone = func() {
		if h.run != nil {
			h.after(100*time.Millisecond, gone)
			return
		}
		h.core.Unclaim()
		h.w.owner.left(h)
		h.up = false
		h.epoch++
	}
	h.after(time.Millisecond, gone)
}

// claim asks for the claim on the GPU, every second until it has it.
func (h *host) claim() {
	h.instance = fmt.Sprintf("%s-%d-%d", h.name, h.epoch, h.w.since()/time.Millisecond)
	if !h.w.owner.start(h) {
		h.after(time.Second, h.claim)
		return
	}
	h.after(h.w.hop(), func() {
		if !h.w.owner.heldBy(h) {
			h.after(time.Second, h.claim)
			return
		}
		h.acking = true
		h.core.Claim(h.w.now, h.instance)
		h.serving = true
		h.w.say("%s: serves as %s", h.name, h.instance)
		h.free()
		h.notify()
	})
}

// beatIfDue brings the acknowledged heartbeat up to date: one comes every
// second, which is not worth an event.
func (h *host) beatIfDue() {
	if h.acking && h.w.owner.heldBy(h) || h.w.tamper.no(RuleClaim) && h.serving {
		h.core.Acked(h.w.now)
	}
}

// tick is time that passes in the process: what it does every 100 to 200 ms, at
// the moments when that could change something.
func (h *host) tick() {
	h.beatIfDue()
	if h.core.Tick(h.w.now) {
		h.abort(device.ErrClaimLost)
	}
	if h.serving && !h.core.Owned(h.w.now) {
		h.w.say("%s: has lost its claim", h.name)
		h.w.owner.left(h) // HoldGPU returns
		h.core.Unclaim()
		h.serving, h.acking = false, false
		h.w.queue.unpoll(h)
		h.polling = false
		h.abort(device.ErrClaimLost)
		h.after(h.w.between(time.Second, 2*time.Second), h.claim)
		return
	}
	health := h.core.Health(h.w.now)
	if seen := fmt.Sprint(health.Value, health.Admits, h.core.Waiting()); seen != h.lastSeen {
		h.lastSeen = seen
		h.notify()
	}
	if health.Admits == contract.AdmitRealtime {
		h.after(time.Second, h.tick) // a backoff ends
	}
}

// probe looks at Ollama.
func (h *host) probe() {
	health := contract.Health{Value: contract.HealthUnknown, Admits: contract.AdmitAll}
	if !h.ollamaUp {
		health = contract.Health{Value: contract.Unhealthy, Admits: contract.AdmitNothing, Reason: "Ollama does not answer"}
	}
	h.core.Probed(health)
	h.tick()
}

// setOllama starts or stops the model server; a call on it fails.
func (h *host) setOllama(up bool) {
	if h.ollamaUp == up {
		return
	}
	h.ollamaUp = up
	h.w.say("%s: Ollama up: %v", h.name, up)
	h.model = ""
	if h.up {
		h.after(h.w.between(0, 2*time.Second), h.probe)
	}
	if r := h.run; !up && r != nil && r.call != nil {
		h.after(h.w.between(0, 50*time.Millisecond), func() { r.failed() })
	}
}

// notify tells the scheduler how things stand, collected for 100 ms and again
// until it is accepted.
func (h *host) notify() {
	if h.news {
		return
	}
	h.news = true
	h.after(100*time.Millisecond, h.report)
}

func (h *host) report() {
	h.news = false
	h.beatIfDue()
	if !h.core.Owned(h.w.now) {
		return
	}
	s := h.state()
	h.w.say("%s: reports #%d: %d realtime waiting, %d running, %s", h.name, s.Seq, s.RealtimeWaiting, s.RealtimeRunning, s.Health.Value)
	h.w.net.send(h.w.schedulerFlow, func() { h.w.scheduler.deviceNews(s) }, func(err error) {
		if err != nil {
			h.awake(func() {
				h.news = true
				h.after(3*time.Second, h.report)
			})
		}
	})
}

// state is the device's whole state.
func (h *host) state() contract.GPUState {
	h.seq++
	s := contract.GPUState{
		Instance: h.core.Instance(), Seq: h.seq, Health: h.core.Health(h.w.now),
		RealtimeWaiting: h.core.Waiting(), Gate: h.core.Gate(),
	}
	if r, _ := h.core.Running(); r != nil {
		s.Run = &contract.RunInfo{Class: r.Class, Job: r.Job, Document: r.Document}
		if r.Class == contract.Realtime {
			s.RealtimeRunning = 1
		}
	}
	return s
}
