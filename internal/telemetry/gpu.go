package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"signalbox/workflows/contract"
)

// GPU are the metrics of the gpu role. A nil *GPU records nothing.
type GPU struct {
	runs          metric.Int64Counter
	busy, lost    metric.Float64Counter
	duration      metric.Float64Histogram
	wait, loading metric.Float64Histogram
	tokens        metric.Int64Counter
	cleanups      metric.Int64Counter
	cleaning      metric.Float64Histogram
}

// Run is one run that has ended, for the metrics.
type Run struct {
	// OnGPU is that it was let onto the GPU.
	OnGPU bool
	Class contract.Class
	// Stage of a document or task of a request.
	Stage string
	// Outcome of a stage, or the type of a request's error, "done" for none.
	Outcome string
	// Busy on the GPU; Lost of it was thrown away.
	Busy, Lost time.Duration
	Tokens     contract.Tokens
}

// GPU makes the metrics of the gpu role; state is asked at each scrape.
func (t *Telemetry) GPU(state func() contract.GPUState) (*GPU, error) {
	m := maker{meter: t.meter()}
	g := &GPU{
		runs:     m.counter("signalbox_gpu_runs", "Runs that wanted the GPU, by how they ended."),
		busy:     m.seconds("signalbox_gpu_busy", "Time that runs have had the GPU."),
		lost:     m.seconds("signalbox_gpu_lost", "Time on the GPU thrown away by preemption: model calls that begin again."),
		duration: m.histogram("signalbox_gpu_run", "Time on the GPU of one run that was done."),
		wait:     m.histogram("signalbox_realtime_wait", "Time that a request waited on the queue for its run, however that ended; one that gave up is not in it."),
		loading:  m.histogram("signalbox_model_load", "Time that loading a model took."),
		tokens:   m.counter("signalbox_tokens", "Tokens that the models counted."),
		cleanups: m.counter("signalbox_gpu_cleanups", "Cleanups of the card's memory after a run, by their result: kept, freed, leaked, unverified."),
		cleaning: m.histogram("signalbox_gpu_cleanup", "Time that a cleanup took."),
	}
	m.observe(state)
	return g, errors.Join(m.errs...)
}

// Ran records a run that has ended.
func (g *GPU) Ran(r Run) {
	if g == nil {
		return
	}
	ctx := context.Background()
	what := metric.WithAttributes(attribute.String("class", string(r.Class)), attribute.String("stage", r.Stage))
	g.runs.Add(ctx, 1, what, metric.WithAttributes(attribute.String("outcome", r.Outcome)))
	g.busy.Add(ctx, r.Busy.Seconds(), what)
	g.lost.Add(ctx, r.Lost.Seconds(), what)
	if r.OnGPU && r.Outcome == string(contract.OutcomeDone) {
		g.duration.Record(ctx, r.Busy.Seconds(), what)
	}
	g.tokens.Add(ctx, int64(r.Tokens.Prompt), what, metric.WithAttributes(attribute.String("kind", "prompt")))
	g.tokens.Add(ctx, int64(r.Tokens.Output), what, metric.WithAttributes(attribute.String("kind", "output")))
}

// Waited records how long a request waited for its run.
func (g *GPU) Waited(d time.Duration) {
	if g != nil {
		g.wait.Record(context.Background(), d.Seconds())
	}
}

// Loaded records that a model was loaded.
func (g *GPU) Loaded(model string, took time.Duration) {
	if g != nil {
		g.loading.Record(context.Background(), took.Seconds(), metric.WithAttributes(attribute.String("model", model)))
	}
}

// Cleaned records a cleanup of the card's memory.
func (g *GPU) Cleaned(c contract.Cleanup) {
	if g == nil {
		return
	}
	result := "freed"
	switch {
	case c.Problem != "":
		result = "unverified"
	case c.Leaked != "":
		result = "leaked"
	case c.Kept != "":
		result = "kept"
	}
	g.cleanups.Add(context.Background(), 1, metric.WithAttributes(attribute.String("result", result)))
	g.cleaning.Record(context.Background(), (time.Duration(c.TookMs) * time.Millisecond).Seconds())
}

// observe are the metrics that say how things stand.
func (m *maker) observe(state func() contract.GPUState) {
	overlaps, err := m.meter.Int64ObservableCounter("signalbox_gpu_overlaps",
		metric.WithDescription("Runs that were on the GPU at the same time as another. It must stay 0."))
	m.add(err)
	due := m.gauge("signalbox_realtime_due", "Realtime requests that wait or run.")
	health := m.gauge("signalbox_gpu_health", "1 for the health that the GPU has.")
	memory := m.gauge("signalbox_gpu_memory_bytes", "Memory of the card; absent where it is not known.")
	if len(m.errs) > 0 {
		return
	}
	_, err = m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := state()
		o.ObserveInt64(overlaps, s.Overlaps)
		o.ObserveInt64(due, int64(s.RealtimeWaiting+s.RealtimeRunning))
		for _, v := range []contract.HealthValue{contract.Healthy, contract.Unhealthy, contract.HealthUnknown} {
			o.ObserveInt64(health, one(v == s.Health.Value), metric.WithAttributes(attribute.String("health", string(v))))
		}
		if s.Memory.Source == contract.MemoryUnknown {
			return nil
		}
		for kind, bytes := range map[string]int64{"total": s.Memory.TotalBytes, "used": s.Memory.UsedBytes, "free": s.Memory.FreeBytes} {
			o.ObserveInt64(memory, bytes, metric.WithAttributes(
				attribute.String("kind", kind), attribute.String("source", s.Memory.Source)))
		}
		return nil
	}, overlaps, due, health, memory)
	m.add(err)
}
