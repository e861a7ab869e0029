package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"signalbox/internal/config"
	"signalbox/internal/simgpu"
	"signalbox/internal/testdoc"
	"signalbox/workflows/contract"
)

// What the section preemption is made of: requests of 5 s, one every 30 s at a
// moment that differs; calls of a minute for free text, of 10 s for fields.
const (
	requestEvery   = 30 * time.Second
	requestTakes   = 5 * time.Second
	structuredCall = 10 * time.Second
	freeTextCall   = time.Minute
	documentsAhead = 400
)

// preemption measures what requests throw away of batch's time on the GPU. Its systems,
// several of each kind, run side by side: none of them uses much of a CPU.
func preemption(ctx context.Context, o options, t *table) error {
	var fields, pages, again lost
	var mu sync.Mutex
	all, ctx := errgroup.WithContext(ctx)
	for _, kind := range []struct {
		of  *lost
		run func(context.Context, load) (lost, error)
	}{{&fields, structured}, {&pages, freeText}, {&again, freeTextAgain}} {
		for i := range systemsOfAKind {
			all.Go(func() error {
				l, err := kind.run(ctx, load{o.span, uint64(i)})
				mu.Lock()
				defer mu.Unlock()
				kind.of.each, kind.of.span = append(kind.of.each, l.each...), kind.of.span+o.span
				return err
			})
		}
	}
	if err := all.Wait(); err != nil {
		return err
	}
	t.times("lost by a preemption, calls of 10 s for fields, ms", fields.each, goal{p99: ms(structuredCall)})
	t.times("lost by a preemption, pages of 60 s, ms", pages.each, goal{p99: ms(promptEvaluation())})
	t.atMost(fmt.Sprintf("thrown away of the GPU's time in %d times %s, pages, %%", systemsOfAKind, o.span), pages.share(), 5, len(pages.each))
	t.atMost("the same with continuation off, %", again.share(), 0, len(again.each))
	return nil
}

// systemsOfAKind see different requests.
const systemsOfAKind = 4

// load is for how long a system gets requests, and which ones.
type load struct {
	span time.Duration
	seed uint64
}

// lost is what each preemption threw away in a time.
type lost struct {
	each []time.Duration
	span time.Duration
}

func (l lost) share() float64 {
	var sum time.Duration
	for _, d := range l.each {
		sum += d
	}
	return 100 * sum.Seconds() / l.span.Seconds()
}

func structured(ctx context.Context, l load) (lost, error) {
	b, model, err := startOnModel(ctx, thisProcess)
	if err != nil {
		return lost{}, err
	}
	defer b.stop()
	model.slow("DOC", structuredCall)
	model.slow("REQ", requestTakes)
	if err := b.job(ctx, "job", "DOC", documentsAhead); err != nil {
		return lost{}, err
	}
	return b.interrupted(ctx, l, func(i int) string { return fmt.Sprintf("REQ-%d", i) })
}

func freeText(ctx context.Context, l load) (lost, error) {
	return readPages(ctx, l, config.ContinuationAuto)
}

func freeTextAgain(ctx context.Context, l load) (lost, error) {
	return readPages(ctx, l, config.ContinuationOff)
}

func readPages(ctx context.Context, l load, continuation string) (lost, error) {
	_, b, err := startOnCardOf(ctx, pagesOfAMinute(), func(s *workerSpec) { s.Config.Models.Text.Continuation = continuation })
	if err != nil {
		return lost{}, err
	}
	defer b.stop()
	in := contract.BatchInput{ProjectID: "bench", Stages: []string{contract.StageOCR}}
	err = b.jobOf(ctx, "job", in, documentsAhead, func(i int) (string, []byte) {
		return ".png", fmt.Append(testdoc.PNG(i), i)
	})
	if err != nil {
		return lost{}, err
	}
	tokens := int(requestTakes.Seconds() * simgpu.Default().Models[0].TokenRate)
	return b.interrupted(ctx, l, func(i int) string { return fmt.Sprintf("REQ-%d [[sim tokens=%d]]", i, tokens) })
}

// pagesOfAMinute is the simulated card with long answers to images.
func pagesOfAMinute() simgpu.Config {
	cfg := simgpu.Default()
	cfg.Models[0].PageTokens = int(freeTextCall.Seconds() * cfg.Models[0].TokenRate)
	return cfg
}

// promptEvaluation is how long the simulated card takes for a full context window:
// no prompt is longer.
func promptEvaluation() time.Duration {
	m := simgpu.Default().Models[0]
	return time.Duration(float64(m.ContextTokens) / m.PromptRate * float64(time.Second))
}

// interrupted sends requests, while the job "job" has the GPU between them.
func (b *bench) interrupted(ctx context.Context, l load, prompt func(i int) string) (lost, error) {
	order := rand.New(rand.NewPCG(1, l.seed)) // the same moments every time
	began := time.Now()
	for i := 0; ; i++ {
		at := began.Add(time.Duration(i)*requestEvery + time.Duration(order.Float64()*float64(requestEvery-2*requestTakes)) + requestTakes)
		if at.After(began.Add(l.span)) {
			break
		}
		if err := pauseFor(ctx, time.Until(at)); err != nil {
			return lost{}, err
		}
		run, err := b.StartRevision(ctx, fmt.Sprintf("r-%d", i), contract.RevisionInput{Task: contract.TaskGenerate, Prompt: prompt(i)})
		if err != nil {
			return lost{}, err
		}
		if err := run.Get(ctx, nil); err != nil {
			return lost{}, err
		}
	}
	if err := pauseFor(ctx, time.Until(began.Add(l.span))); err != nil {
		return lost{}, err
	}
	outcomes, err := b.preempted(ctx, "job")
	if err != nil {
		return lost{}, err
	}
	var thrown lost
	for _, o := range outcomes {
		thrown.each = append(thrown.each, time.Duration(o.LostMs)*time.Millisecond)
	}
	return thrown, b.Cancel(ctx, "job")
}
