package main

import (
	"context"
	"time"
)

// batch measures a job of documents that take no time on the GPU, with the workers
// in a process of their own.
func batch(ctx context.Context, o options, t *table) error {
	b, model, err := startOnModel(ctx, ownProcess)
	if err != nil {
		return err
	}
	defer b.stop()
	began := time.Now()
	if err := b.job(ctx, "zero", "DOC", o.documents); err != nil {
		return err
	}
	if _, err := b.done(ctx, "zero"); err != nil {
		return err
	}
	took := time.Since(began)
	t.atLeast("documents per second", float64(o.documents)/took.Seconds(), 95, o.documents)
	t.times("gap on the GPU between two documents of a job, ms", gaps(model.take()), goal{8, 20})
	bytes, err := b.memory()
	if err != nil {
		return err
	}
	t.atMost("most memory of the workers, MB", float64(bytes)/1e6, 100, 1)
	return b.events(ctx, t, "zero", o.documents)
}

// gaps are the times from the end of a call to the begin of the next.
func gaps(calls []call) []time.Duration {
	var all []time.Duration
	for i := 1; i < len(calls); i++ {
		all = append(all, calls[i].begin.Sub(calls[i-1].end))
	}
	return all
}
