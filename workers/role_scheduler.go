package workers

import (
	"context"
	"sync"
	"time"

	"signalbox/activities"
	"signalbox/internal/config"
	"signalbox/workflows/contract"
)

// scheduler runs the scheduler's workflow and keeps it alive.
func (p *Process) scheduler(ctx context.Context, host string, ready func()) error {
	var keeping sync.WaitGroup
	defer keeping.Wait()
	keeper := &Keeper{Client: p.Client, Config: SchedulerConfig(p.Config, host, p.LoadedAt), Logger: p.Logger, Ready: ready, state: errStarting}
	if p.Telemetry != nil {
		metrics, err := p.Telemetry.Scheduler()
		if err != nil {
			return err
		}
		keeper.Metrics = metrics
	}
	w := NewScheduler(p.Client, &activities.Scheduler{Client: p.Client, Namespace: p.Namespace, GPU: contract.DefaultGPU})
	p.require(string(RoleScheduler), keeper.Check)
	return serve(ctx, func() { keeping.Go(func() { keeper.Run(ctx) }) }, w, NewOwner(p.Client))
}

// SchedulerConfig is what the scheduler gets to know of a configuration.
func SchedulerConfig(c config.Config, host string, loadedAt time.Time) contract.SchedulerConfig {
	return contract.SchedulerConfig{
		GPU: contract.DefaultGPU, Calendar: c.Schedule.Calendar(),
		QuantumMs: c.Schedule.Quantum.Milliseconds(), ReopenAfterMs: c.Schedule.ReopenAfter.Milliseconds(),
		Peak: c.Schedule.Peak, PeakIdleMs: c.Schedule.PeakIdle.Milliseconds(),
		LongestWaitMs: c.Schedule.LongestWait.Milliseconds(),
		StoreURL:      c.Store.URL, Host: host, LoadedAt: loadedAt.UTC(), Hash: c.Hash(), Simulated: c.Simulated,
	}
}
