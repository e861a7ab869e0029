package main

import (
	"context"
	"time"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/internal/simgpu"
	"signalbox/workflows/contract"
)

// memory measures what checking the card's memory before and after each run costs, and
// what a switch of the model costs beyond the load itself.
func memory(ctx context.Context, o options, t *table) error {
	cfg := simgpu.Default()
	cfg.Speed = 1000
	sim := simgpu.New(cfg)
	url, err := sim.Start("127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = sim.Close() }()
	server, err := ollama.New(url, ollama.Limits{Load: time.Minute, Prompt: time.Minute, Generate: time.Minute, Stall: time.Minute})
	if err != nil {
		return err
	}
	models := []ollama.Model{
		{Name: "gemma4:e4b", ContextTokens: 4096, KeepAlive: time.Hour},
		{Name: "nomic-embed-text", ContextTokens: 2048, KeepAlive: time.Hour, Embedding: true},
	}
	keeper, err := device.NewKeeper(device.KeeperOptions{
		Server: server, Card: sim.Measure, Models: models, KeepWarm: time.Hour,
		Budget: device.Budget{Margin: 3e9, LeastFree: 5e8},
	})
	if err != nil {
		return err
	}
	run := func(m ollama.Model) (time.Duration, error) {
		began := time.Now()
		loading, err := keeper.Prepare(ctx, contract.Batch, m)
		if err != nil {
			return 0, err
		}
		keeper.Clean(ctx, contract.Batch, m)
		return time.Since(began) - loading, nil
	}
	var same, switched []time.Duration
	for i := range 2 * o.requests {
		m := models[0]
		if i >= o.requests {
			m = models[i%2]
		}
		took, err := run(m)
		if err != nil {
			return err
		}
		if i == 0 {
			continue // the first load
		}
		if i < o.requests {
			same = append(same, took)
		} else {
			switched = append(switched, took)
		}
	}
	t.times("room checked before, memory verified after a run, ms", same, goal{p50: 20})
	t.times("the same where the model is switched, without the load, ms", switched, goal{})
	return nil
}
