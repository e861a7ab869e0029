package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"signalbox/workflows/contract"
)

// crowd measures what many RFAs whose people are all reminded at the same minute do to
// people who wait for an answer.
func crowd(ctx context.Context, o options, t *table) error {
	post, err := newPost()
	if err != nil {
		return err
	}
	defer post.Close()
	b, model, err := startOnModel(ctx, thisProcess, post.configure)
	if err != nil {
		return err
	}
	defer b.stop()
	a := asker{b, model}
	before, err := a.during(ctx, 0, func(n int) bool { return n >= o.requests })
	if err != nil {
		return err
	}
	t.times("nobody is reminded: client start to result, ms", before, goal{})

	// A start takes about 20 ms; the minute has to come after the last.
	at := nextMinute(30*time.Second + time.Duration(o.rfas)*40*time.Millisecond)
	began := time.Now()
	if err := startAll(ctx, b, o.rfas, at); err != nil {
		return err
	}
	t.atMost(fmt.Sprintf("%d RFAs are started, s", o.rfas), time.Since(began).Seconds(), 0, o.rfas)
	if err := pauseFor(ctx, time.Until(at)); err != nil {
		return err
	}
	told := make(chan error, 1)
	var late []time.Duration
	go func() {
		for i := range o.rfas {
			got, err := post.nth(ctx, crowded(i).Disciplines[0].Reviewer.Email, 2)
			if err != nil {
				told <- err
				return
			}
			late = append(late, got.Sub(at))
		}
		close(told)
	}()
	over := false
	meanwhile, err := a.during(ctx, len(before), func(int) bool {
		select {
		case err = <-told:
			over = true
		default:
		}
		return over
	})
	if err != nil {
		return err
	}
	t.times("reminders of one minute: late by, ms", late, goal{p99: 300_000})
	t.times("meanwhile: client start to result, ms", meanwhile, goal{p99: 2 * quantile(before, 0.99)})
	return nil
}

// crowded is one of the RFAs, with one reviewer.
func crowded(i int) contract.RFAInput {
	in := request(fmt.Sprint("C-", i))
	in.Disciplines = in.Disciplines[:1]
	return in
}

// startAll starts RFAs whose people are reminded at one time.
func startAll(ctx context.Context, b *bench, n int, at time.Time) error {
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	next := make(chan int)
	for range 8 {
		all.Go(func() {
			for i := range next {
				_, err := b.StartRFA(ctx, dueNow(crowded(i), at))
				mu.Lock()
				if failed == nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	return failed
}

// during makes requests one after the other until enough says so.
func (a asker) during(ctx context.Context, from int, enough func(n int) bool) (all []time.Duration, err error) {
	for !enough(len(all)) {
		_, took, err := a.ask(ctx, from+len(all))
		if err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	return all, nil
}
