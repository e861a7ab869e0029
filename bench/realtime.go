package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"signalbox/workflows/contract"
)

// realtime measures requests on an idle system, and while documents of a minute
// fill the GPU.
func realtime(ctx context.Context, o options, t *table) error {
	b, model, err := startOnModel(ctx, thisProcess)
	if err != nil {
		return err
	}
	defer b.stop()
	t.atMost("start to ready, ms", ms(b.ready), 0, 1)
	a := asker{b, model}
	if err := a.idle(ctx, o.requests, t); err != nil {
		return err
	}
	return a.saturated(ctx, o.requests, t)
}

type asker struct {
	b     *bench
	model *modelServer
}

// ask starts a request and returns the times from its start to the model call, and
// to the result.
func (a asker) ask(ctx context.Context, i int) (toCall, toResult time.Duration, err error) {
	name := fmt.Sprintf("REQ-%d", i)
	began := time.Now()
	if _, err := a.b.StartRevision(ctx, name, contract.RevisionInput{Task: contract.TaskGenerate, Prompt: name}); err != nil {
		return 0, 0, err
	}
	c, err := a.model.next(ctx, name)
	if err != nil {
		return 0, 0, err
	}
	_, err = a.b.Revision(ctx, name)
	return c.begin.Sub(began), time.Since(began), err
}

func (a asker) idle(ctx context.Context, n int, t *table) error {
	var calls, results []time.Duration
	for i := range n {
		call, result, err := a.ask(ctx, i)
		if err != nil {
			return err
		}
		calls, results = append(calls, call), append(results, result)
	}
	t.times("idle: client start to model call, ms", calls, goal{28, 60})
	t.times("idle: client start to result, ms", results, goal{})
	return nil
}

// untilReopened is longer than the scheduler waits after a request before it
// reopens batch, so that one document runs and one is queued when the next comes,
// as a person would find them.
const untilReopened = 1500 * time.Millisecond

func (a asker) saturated(ctx context.Context, n int, t *table) error {
	a.model.slow("DOC", time.Minute)
	if err := a.b.job(ctx, "long", "DOC", 100); err != nil {
		return err
	}
	if _, err := a.model.next(ctx, "DOC"); err != nil {
		return err
	}
	var calls, results, idle []time.Duration
	for i := range n {
		if err := pauseFor(ctx, untilReopened); err != nil {
			return err
		}
		a.model.take()
		toCall, toResult, err := a.ask(ctx, n+i)
		if err != nil {
			return err
		}
		calls, results = append(calls, toCall), append(results, toResult)
		// The document that made way comes back; the next request preempts it.
		again, err := a.model.next(ctx, "DOC")
		if err != nil {
			return err
		}
		for _, c := range a.model.take() {
			if strings.HasPrefix(c.name, "REQ") {
				idle = append(idle, again.begin.Sub(c.end))
			}
		}
	}
	t.times("saturated: client start to model call, ms", calls, goal{40, 90})
	t.times("saturated: client start to result, ms", results, goal{})
	t.times("saturated: GPU idle from the request's end to the document, ms", idle, goal{12, 30})
	return a.b.Cancel(ctx, "long")
}
