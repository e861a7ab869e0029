package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"signalbox/workflows/contract"
)

// Small jobs: how long a document takes on the GPU, and how often one is started.
const (
	smallDocument = 60 * time.Millisecond
	startEvery    = 50 * time.Millisecond
	smallJobs     = 200
	perSmallJob   = 4
)

// jobs measures what passes on the GPU between the last document of a job and the
// first of the next.
func jobs(ctx context.Context, o options, t *table) error {
	if err := waitingJobs(ctx, t); err != nil {
		return err
	}
	return startedJobs(ctx, o.jobs, t)
}

// waitingJobs wait in line while batch is paused, and then follow one another.
func waitingJobs(ctx context.Context, t *table) error {
	b, model, err := startOnModel(ctx, thisProcess)
	if err != nil {
		return err
	}
	defer b.stop()
	names := make([]string, smallJobs)
	if _, err := b.Operate(ctx, contract.DefaultGPU, contract.UpdatePauseBatch, contract.OperatorRequest{Reason: "the benchmark begins"}); err != nil {
		return err
	}
	for i := range names {
		names[i] = fmt.Sprintf("JOB%d", i)
		model.slow(names[i], smallDocument)
		if err := b.job(ctx, names[i], names[i], perSmallJob); err != nil {
			return err
		}
	}
	if _, err := b.Operate(ctx, contract.DefaultGPU, contract.UpdateResumeBatch, contract.OperatorRequest{Reason: "the benchmark begins"}); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := b.done(ctx, name); err != nil {
			return err
		}
	}
	calls := model.take()
	var between []time.Duration
	for i := 1; i < len(calls); i++ {
		if job(calls[i]) != job(calls[i-1]) {
			between = append(between, calls[i].begin.Sub(calls[i-1].end))
		}
	}
	t.times(fmt.Sprintf("gap between jobs of %d documents that are in line, ms", perSmallJob), between, goal{p50: 20})
	return nil
}

func job(c call) string {
	name, _, _ := strings.Cut(c.name, "-")
	return name
}

// startedJobs come 20 a second, more than the GPU can do.
func startedJobs(ctx context.Context, n int, t *table) error {
	b, model, err := startOnModel(ctx, thisProcess)
	if err != nil {
		return err
	}
	defer b.stop()
	model.slow("DOC", smallDocument)
	if err := b.docs.WriteDocument(ctx, "bench", "one.txt", []byte("DOC-1")); err != nil {
		return err
	}
	tick := time.NewTicker(startEvery)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		if _, err := b.StartBatch(ctx, fmt.Sprint("one-", i), contract.BatchInput{
			ProjectID: "bench", Stages: []string{contract.StageExtractMetadata},
			Documents: []contract.Document{{ID: "one", Key: "one.txt"}},
		}); err != nil {
			return err
		}
	}
	for i := range n {
		if _, err := b.done(ctx, fmt.Sprint("one-", i)); err != nil {
			return err
		}
	}
	t.times("gap between jobs of one document, started 20 a second, ms", gaps(model.take()), goal{20, 150})
	return nil
}
