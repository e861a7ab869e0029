package workers

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"signalbox/activities"
	"signalbox/internal/config"
	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/internal/telemetry"
	"signalbox/workflows/contract"
)

// gpu serves the GPU: lock, claim, device, probe, report.
func (p *Process) gpu(ctx context.Context, host string, docs *store.Store, storeID string, prompts *tasks.Prompts, ready func()) error {
	c := p.Config
	maker := taskMaker(c, prompts)
	server, err := ollama.New(c.Ollama.Host, ollama.Limits{
		Load: c.Timeouts.Load, Prompt: c.Timeouts.Prompt, Generate: c.Timeouts.Generate, Stall: c.Timeouts.Stall,
	})
	if err != nil {
		return err
	}
	if c.Models.Text.Continuation == config.ContinuationOff {
		server.WithoutContinuation()
	}
	lock, err := device.LockHost(p.LockDir, c.Ollama.Host)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	dev, err := device.New(device.Options{GPU: contract.DefaultGPU, Host: host, StateDir: c.State.Dir, Logger: p.Logger})
	if err != nil {
		return err
	}
	var background sync.WaitGroup
	defer background.Wait()
	// The device's helpers live as long as the host's tenure, which ends after ctx.
	live, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	card := p.Card
	if card == nil {
		card = HostCard(live, c.Ollama)
	}
	keeper, err := device.NewKeeper(keeperOptions(c, maker, server, card, p.Logger))
	if err != nil {
		return err
	}
	background.Go(func() { dev.Watch(live) })
	background.Go(func() { dev.Probe(live, server, keeper) })
	background.Go(func() { dev.Report(live, p.report) })
	var metrics *telemetry.GPU
	if p.Telemetry != nil {
		if metrics, err = p.Telemetry.GPU(dev.State); err != nil {
			return err
		}
	}
	p.require(string(RoleGPU), func(context.Context) error {
		if !dev.Owned() {
			return errors.New("waits for the claim on the GPU")
		}
		return nil
	})
	gpu := &GPUHost{
		Client: p.Client, Device: dev, Name: contract.DefaultGPU, Host: host, Lock: lock, Logger: p.Logger, Ready: ready,
		GPU: &activities.GPU{Device: dev, Server: server, Memory: keeper, Tasks: maker, Store: docs, StoreID: storeID, Metrics: metrics},
	}
	return gpu.Run(ctx)
}

// keeperOptions are a configuration's, for the models of its tasks.
func keeperOptions(c config.Config, maker *tasks.Maker, server *ollama.Runtime, card device.Card, logger *slog.Logger) device.KeeperOptions {
	o := device.KeeperOptions{
		Server: server, Card: card, KeepWarm: c.KeepWarm, Dir: c.State.Dir, Logger: logger,
		Models: []ollama.Model{maker.Model},
		Budget: device.Budget{
			Margin: int64(c.Memory.Margin), LeastFree: int64(c.Memory.LeastFree), AllowCPU: c.Memory.CPU == config.CPUAllow,
			Declared: map[string]int64{
				ollama.Name(c.Models.Text.Name): int64(c.Models.Text.Memory), ollama.Name(c.Models.Embed.Name): int64(c.Models.Embed.Memory),
			},
		},
	}
	if maker.Embedder != nil {
		o.Models = append(o.Models, maker.Embedder.Model)
	}
	return o
}

// taskMaker makes the tasks of a configuration's models.
func taskMaker(c config.Config, prompts *tasks.Prompts) *tasks.Maker {
	text, embed := c.Models.Text, c.Models.Embed
	m := &tasks.Maker{
		Prompts: prompts, MaxOutput: text.MaxOutputTokens, Estimator: tasks.NewEstimator(text.CharsPerToken),
		Model: ollama.Model{
			Name: text.Name, ContextTokens: text.ContextTokens, Temperature: text.Temperature,
		},
	}
	if embed.Name != "" {
		m.Embedder = &tasks.Embedder{
			CharsPerToken: embed.CharsPerToken, QueryPrefix: embed.QueryPrefix, DocumentPrefix: embed.DocumentPrefix,
			Model: ollama.Model{
				Name: embed.Name, ContextTokens: embed.ContextTokens,
				Embedding: true, CPU: embed.Placement == config.PlacementCPU,
			},
		}
	}
	return m
}

// report brings the device's news to the scheduler.
func (p *Process) report(ctx context.Context, s contract.GPUState) error {
	return p.Client.SignalWorkflow(ctx, contract.SchedulerID(s.GPU), "", contract.SignalGPUState, s)
}
