package main

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"signalbox/workflows/contract"
)

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func row(w *tabwriter.Writer, name string, all []time.Duration) {
	if len(all) == 0 {
		fmt.Fprintf(w, "%s\t-\t-\t-\t-\t0\t\n", name)
		return
	}
	sort.Slice(all, func(a, b int) bool { return all[a] < all[b] })
	at := func(q float64) float64 { return ms(all[min(len(all)-1, int(q*float64(len(all))))]) }
	fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%d\t\n", name, at(0.5), at(0.9), at(0.99), ms(all[len(all)-1]), len(all))
}

func request(i int) contract.RevisionInput {
	return contract.RevisionInput{Task: contract.TaskGenerate, Prompt: fmt.Sprintf("REQ-%d", i)}
}

// ask starts a request and returns the times from start to model call, and to
// the result.
func (b *bench) ask(ctx context.Context, kind string, i int) (toCall, toResult time.Duration, done time.Time, err error) {
	began := time.Now()
	run, err := b.StartRevision(ctx, fmt.Sprintf("%s-%d", kind, i), request(i))
	if err != nil {
		return 0, 0, done, err
	}
	name := fmt.Sprintf("REQ-%d", i)
	for c := range b.model.began {
		if c.name == name {
			toCall = c.begin.Sub(began)
			break
		}
	}
	err = run.Get(ctx, nil)
	return toCall, time.Since(began), time.Now(), err
}

// idle measures realtime requests on an idle system.
func idle(ctx context.Context, b *bench, w *tabwriter.Writer, n, _ int) error {
	var calls, results []time.Duration
	for i := range n {
		call, result, _, err := b.ask(ctx, "idle", i)
		if err != nil {
			return err
		}
		calls, results = append(calls, call), append(results, result)
	}
	row(w, "idle: client start to model call", calls)
	row(w, "idle: client start to result", results)
	return nil
}

func (b *bench) job(ctx context.Context, id string, documents int) error {
	var list strings.Builder
	for i := range documents {
		key := fmt.Sprintf("%s/%d.txt", id, i)
		if err := b.docs.WriteDocument(ctx, "bench", key, fmt.Appendf(nil, "DOC-%d", i)); err != nil {
			return err
		}
		fmt.Fprintf(&list, `{"id":"%d","key":%q}`+"\n", i, key)
	}
	if err := b.docs.WriteDocument(ctx, "bench", id+".jsonl", []byte(list.String())); err != nil {
		return err
	}
	_, err := b.StartBatch(ctx, id, contract.BatchInput{
		ProjectID: "bench", Stages: []string{contract.StageExtractMetadata}, Manifest: id + ".jsonl",
	})
	return err
}

// batch measures a job of documents that take no time on the GPU.
func batch(ctx context.Context, b *bench, w *tabwriter.Writer, _, documents int) error {
	b.model.take()
	began := time.Now()
	if err := b.job(ctx, "zero", documents); err != nil {
		return err
	}
	if _, err := b.Batch(ctx, "zero"); err != nil {
		return err
	}
	took := time.Since(began)
	calls := b.model.take()
	var gaps []time.Duration
	for i := 1; i < len(calls); i++ {
		gaps = append(gaps, calls[i].begin.Sub(calls[i-1].end))
	}
	row(w, "batch: gap on the GPU between documents", gaps)
	events, runs, err := b.history(ctx, "zero")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "batch: documents per second\t%.0f\t\t\t\t%d\t\n", float64(documents)/took.Seconds(), documents)
	fmt.Fprintf(w, "batch: history events per document\t%.1f\t\t\t\t%d runs\t\n", float64(events)/float64(documents), runs)
	return nil
}

// history counts the events of a workflow over all its runs.
func (b *bench) history(ctx context.Context, id string) (events, runs int, err error) {
	d, err := b.client.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return 0, 0, err
	}
	run := d.GetWorkflowExecutionInfo().GetFirstRunId()
	for run != "" {
		runs++
		it := b.client.GetWorkflowHistory(ctx, id, run, false, 0)
		run = ""
		for it.HasNext() {
			e, err := it.Next()
			if err != nil {
				return 0, 0, err
			}
			events++
			run = e.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		}
	}
	return events, runs, nil
}

// preempting measures realtime requests while documents of 60 s fill the GPU.
func preempting(ctx context.Context, b *bench, w *tabwriter.Writer, n, _ int) error {
	b.model.slow("DOC", time.Minute)
	if err := b.job(ctx, "long", 100); err != nil {
		return err
	}
	if _, err := b.document(ctx); err != nil {
		return err
	}
	var calls, results, back []time.Duration
	for i := range n {
		if err := pause(ctx); err != nil {
			return err
		}
		toCall, toResult, done, err := b.ask(ctx, "busy", 10_000+i)
		if err != nil {
			return err
		}
		calls, results = append(calls, toCall), append(results, toResult)
		// The document that made way comes back; it is what the next request
		// preempts.
		again, err := b.document(ctx)
		if err != nil {
			return err
		}
		back = append(back, again.begin.Sub(done))
	}
	row(w, "saturated: client start to model call", calls)
	row(w, "saturated: client start to result", results)
	row(w, "saturated: result to batch on the GPU again", back)
	return b.Cancel(ctx, "long")
}

// pause lets the scheduler reopen batch (a second after the last request), so
// that one document is running and one is queued, as a person would find them.
func pause(ctx context.Context) error {
	select {
	case <-time.After(1500 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// document waits for the next document that comes onto the GPU.
func (b *bench) document(ctx context.Context) (call, error) {
	for {
		select {
		case c := <-b.model.began:
			if strings.HasPrefix(c.name, "DOC") {
				return c, nil
			}
		case <-ctx.Done():
			return call{}, ctx.Err()
		}
	}
}
