package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// inbox is one kind of signal and what it does.
type inbox struct {
	name string
	// take receives one signal if there is one and wait is false, and waits for
	// one otherwise. It reports whether it had one.
	take func(ctx workflow.Context, wait bool) bool
}

func inboxFor[T any](s *scheduler, ctx workflow.Context, name string, handle func(now time.Time, v T)) inbox {
	channel := workflow.GetSignalChannel(ctx, name)
	return inbox{name: name, take: func(ctx workflow.Context, wait bool) bool {
		var v T
		if wait {
			channel.Receive(ctx, &v)
		} else if !channel.ReceiveAsync(&v) {
			return false
		}
		s.signals++
		s.dirty = true
		handle(workflow.Now(ctx), v)
		return true
	}}
}

func (s *scheduler) inboxes(ctx workflow.Context) []inbox {
	return []inbox{
		inboxFor(s, ctx, contract.SignalRegister, func(now time.Time, r contract.Registration) { s.state.Register(now, r) }),
		inboxFor(s, ctx, contract.SignalFinishing, func(now time.Time, r contract.Registration) { s.state.Finishing(now, r) }),
		inboxFor(s, ctx, contract.SignalJobEnded, func(_ time.Time, e contract.JobEnded) { s.state.Ended(e.Job) }),
		inboxFor(s, ctx, contract.SignalGPUState, func(now time.Time, g contract.GPUState) { s.state.DeviceNews(now, g) }),
		inboxFor(s, ctx, contract.SignalHostGone, func(now time.Time, h contract.HostGone) { s.state.HostGone(now, h) }),
	}
}

// receive listens to every kind of signal until the run drains.
func (s *scheduler) receive(ctx workflow.Context) {
	for _, in := range s.inboxes(ctx) {
		workflow.GoNamed(ctx, in.name, func(ctx workflow.Context) {
			for !s.draining {
				in.take(ctx, true)
			}
		})
	}
}

// drain takes in what has arrived and was not taken yet.
func (s *scheduler) drain(ctx workflow.Context) {
	for _, in := range s.inboxes(ctx) {
		for in.take(ctx, false) {
		}
	}
}
