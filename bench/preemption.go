package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

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

// preemption measures what requests throw away of batch's time on the GPU. Its three
// systems run side by side: none of them uses much of a CPU.
func preemption(ctx context.Context, o options, t *table) error {
	kinds := []func(context.Context, time.Duration) (lost, error){structured, freeText, freeTextAgain}
	results, errs := make([]lost, len(kinds)), make([]error, len(kinds))
	var all sync.WaitGroup
	for i, kind := range kinds {
		all.Go(func() { results[i], errs[i] = kind(ctx, o.span) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	fields, pages, again := results[0], results[1], results[2]
	t.times("lost by a preemption, calls of 10 s for fields, ms", fields.each, goal{p99: ms(structuredCall)})
	t.times("lost by a preemption, pages of 60 s, ms", pages.each, goal{p99: ms(promptEvaluation())})
	t.atMost(fmt.Sprintf("thrown away of the GPU's time in %s, pages, %%", o.span), pages.share(o.span), 5, len(pages.each))
	t.atMost("the same with continuation off, %", again.share(o.span), 0, len(again.each))
	return nil
}

// lost is what each preemption threw away.
type lost struct{ each []time.Duration }

func (l lost) share(of time.Duration) float64 {
	var sum time.Duration
	for _, d := range l.each {
		sum += d
	}
	return 100 * sum.Seconds() / of.Seconds()
}

func structured(ctx context.Context, span time.Duration) (lost, error) {
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
	return b.interrupted(ctx, span, func(i int) string { return fmt.Sprintf("REQ-%d", i) })
}

func freeText(ctx context.Context, span time.Duration) (lost, error) {
	return readPages(ctx, span, config.ContinuationAuto)
}

func freeTextAgain(ctx context.Context, span time.Duration) (lost, error) {
	return readPages(ctx, span, config.ContinuationOff)
}

func readPages(ctx context.Context, span time.Duration, continuation string) (lost, error) {
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
	return b.interrupted(ctx, span, func(i int) string { return fmt.Sprintf("REQ-%d [[sim tokens=%d]]", i, tokens) })
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

// interrupted sends requests for so long, while the job "job" has the GPU between them.
func (b *bench) interrupted(ctx context.Context, span time.Duration, prompt func(i int) string) (lost, error) {
	order := rand.New(rand.NewPCG(1, 2)) // the same moments every time
	began := time.Now()
	for i := 0; ; i++ {
		at := began.Add(time.Duration(i)*requestEvery + time.Duration(order.Float64()*float64(requestEvery-2*requestTakes)) + requestTakes)
		if at.After(began.Add(span)) {
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
	if err := pauseFor(ctx, time.Until(began.Add(span))); err != nil {
		return lost{}, err
	}
	outcomes, err := b.preempted(ctx, "job")
	if err != nil {
		return lost{}, err
	}
	var l lost
	for _, o := range outcomes {
		l.each = append(l.each, time.Duration(o.LostMs)*time.Millisecond)
	}
	return l, b.Cancel(ctx, "job")
}
