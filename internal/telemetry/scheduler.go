package telemetry

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"signalbox/workflows/contract"
)

// Scheduler are the metrics of the scheduler role: the newest status that its
// keeper has seen. A nil *Scheduler records nothing.
type Scheduler struct {
	mu   sync.Mutex
	last *contract.SchedulerStatus
	seen time.Time
}

// StatusEvery is how often the status is to be brought. One that is older than
// staleAfter is not shown: what is not known is not a number.
const (
	StatusEvery = 2 * time.Second
	staleAfter  = 5 * StatusEvery
)

// Scheduler makes the metrics of the scheduler role.
func (t *Telemetry) Scheduler() (*Scheduler, error) {
	m, s := maker{meter: t.meter()}, &Scheduler{}
	open := m.gauge("signalbox_batch_open", "1 while batch may run.")
	window := m.gauge("signalbox_window_open", "1 inside the batch window.")
	jobs := m.gauge("signalbox_batch_jobs", "Batch jobs: running ones have a lease, waiting ones have none.")
	if len(m.errs) > 0 {
		return nil, errors.Join(m.errs...)
	}
	_, err := m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.last == nil || time.Since(s.seen) > staleAfter {
			return nil
		}
		leased := 0
		for _, j := range s.last.Jobs {
			if j.Lease != nil {
				leased++
			}
		}
		o.ObserveInt64(open, one(s.last.Open))
		o.ObserveInt64(window, one(s.last.WindowOpen))
		o.ObserveInt64(jobs, int64(leased), metric.WithAttributes(attribute.String("state", contract.JobRunning)))
		o.ObserveInt64(jobs, int64(s.last.Waiting), metric.WithAttributes(attribute.String("state", contract.JobWaiting)))
		return nil
	}, open, window, jobs)
	return s, err
}

// Saw records the scheduler's status.
func (s *Scheduler) Saw(st contract.SchedulerStatus) {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.last, s.seen = &st, time.Now()
	s.mu.Unlock()
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
