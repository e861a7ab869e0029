package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"signalbox/activities"
	"signalbox/internal/config"
	"signalbox/internal/device"
	"signalbox/internal/documents"
	"signalbox/internal/ollama"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

// Role is what a process does for Signalbox.
type Role string

// Roles. The core of a company runs scheduler and ai on a machine that is
// always on; a GPU host runs gpu alone.
const (
	RoleGPU       Role = "gpu"
	RoleAI        Role = "ai"
	RoleScheduler Role = "scheduler"
)

// AllRoles lists every role.
func AllRoles() []Role { return []Role{RoleGPU, RoleAI, RoleScheduler} }

// ParseRoles reads a list such as "gpu,ai".
func ParseRoles(list []string) ([]Role, error) {
	var roles []Role
	for _, name := range list {
		r := Role(strings.TrimSpace(name))
		if !slices.Contains(AllRoles(), r) {
			return nil, fmt.Errorf("role %q is unknown; allowed are gpu, ai, scheduler", name)
		}
		if !slices.Contains(roles, r) {
			roles = append(roles, r)
		}
	}
	return roles, nil
}

// Process is everything that a process with roles needs.
type Process struct {
	Client    client.Client
	Namespace string
	Config    config.Config
	Logger    *slog.Logger
	// Card measures the card; nil where nothing does.
	Card device.Card
	// LockDir is where the GPU host's lock lies; the system's folder for
	// temporary files unless given.
	LockDir string
	// LoadedAt is when the configuration was read.
	LoadedAt time.Time
}

// Run takes the roles on until ctx ends. started is called when all of them
// have begun to serve.
func (p *Process) Run(ctx context.Context, roles []Role, started func()) error {
	docs, err := store.Open(ctx, p.Config.Store.URL)
	if err != nil {
		return fmt.Errorf("store.url: %w", err)
	}
	defer func() { _ = docs.Close() }()
	prompts, err := tasks.LoadPrompts(p.Config.Prompts.Dir)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("this host's name: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all, up sync.WaitGroup
	run := func(do func(ready func()) error) {
		up.Add(1)
		ready := sync.OnceFunc(up.Done)
		all.Go(func() {
			defer ready()
			if err := do(ready); err != nil {
				cancel(err)
			}
		})
	}
	var storeID string
	for _, role := range roles {
		if role != RoleScheduler {
			if storeID, err = docs.ID(ctx); err != nil {
				return fmt.Errorf("store.url: the document store does not work for role %s: %w", role, err)
			}
			if err := docs.Probe(ctx, string(role)); err != nil {
				return fmt.Errorf("store.url: the document store does not work for role %s: %w", role, err)
			}
		}
		switch role {
		case RoleGPU:
			run(func(ready func()) error { return p.gpu(ctx, host, docs, storeID, prompts, ready) })
		case RoleAI:
			run(func(ready func()) error {
				a := p.documents(docs, storeID, prompts)
				return serve(ctx, ready, NewRealtime(p.Client, a), NewBatch(p.Client, a))
			})
		case RoleScheduler:
			run(func(ready func()) error { return p.scheduler(ctx, host, ready) })
		}
	}
	go func() {
		up.Wait()
		if ctx.Err() == nil && started != nil {
			started()
		}
	}()
	all.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// serve runs workers until ctx ends.
func serve(ctx context.Context, ready func(), workers ...worker.Worker) error {
	for _, w := range workers {
		if err := w.Start(); err != nil {
			return fmt.Errorf("start a worker: %w", err)
		}
		defer w.Stop()
	}
	ready()
	<-ctx.Done()
	return nil
}

// documents is what the ai role does without the GPU.
func (p *Process) documents(docs *store.Store, storeID string, prompts *tasks.Prompts) *activities.Documents {
	poppler, err := documents.FindPoppler()
	if err != nil {
		p.Logger.Warn(err.Error())
	}
	return &activities.Documents{Store: docs, Preparer: &documents.Preparer{
		Store: docs, StoreID: storeID, Poppler: poppler, Recipe: documents.Recipe(taskMaker(p.Config, prompts).OCRRecipe()),
	}}
}

func (p *Process) scheduler(ctx context.Context, host string, ready func()) error {
	keeper := &Keeper{Client: p.Client, Config: SchedulerConfig(p.Config, host, p.LoadedAt), Logger: p.Logger}
	scheduler := NewScheduler(p.Client, &activities.Scheduler{Client: p.Client, Namespace: p.Namespace, GPU: contract.DefaultGPU})
	return serve(ctx, func() {
		keeper.Ready = ready
		go keeper.Run(ctx)
	}, scheduler, NewOwner(p.Client))
}

// SchedulerConfig is what the scheduler gets to know of a configuration.
func SchedulerConfig(c config.Config, host string, loadedAt time.Time) contract.SchedulerConfig {
	return contract.SchedulerConfig{
		GPU: contract.DefaultGPU, Calendar: c.Schedule.Calendar(),
		QuantumMs: c.Schedule.Quantum.Milliseconds(), ReopenAfterMs: c.Schedule.ReopenAfter.Milliseconds(),
		StoreURL: c.Store.URL, Host: host, LoadedAt: loadedAt.UTC(), Hash: c.Hash(), Simulated: c.Simulated,
	}
}

// gpu serves the GPU: lock, claim, device, probe, report.
func (p *Process) gpu(ctx context.Context, host string, docs *store.Store, storeID string, prompts *tasks.Prompts, ready func()) error {
	c := p.Config
	maker := taskMaker(c, prompts)
	models, offCard := []string{maker.Model.Name}, []string{}
	if e := maker.Embedder; e != nil {
		models = append(models, e.Model.Name)
		if e.Model.CPU {
			offCard = append(offCard, e.Model.Name)
		}
	}
	server, err := ollama.New(c.Ollama.Host, ollama.Limits{
		Load: c.Timeouts.Load, Prompt: c.Timeouts.Prompt, Generate: c.Timeouts.Generate, Stall: c.Timeouts.Stall,
	}, offCard...)
	if err != nil {
		return err
	}
	lock, err := device.LockHost(p.LockDir, host, c.Ollama.Host)
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
	background.Go(func() { dev.Watch(live) })
	background.Go(func() { dev.Probe(live, server, p.Card, models...) })
	background.Go(func() { dev.Report(live, p.report) })
	gpu := &GPUHost{
		Client: p.Client, Device: dev, Name: contract.DefaultGPU, Host: host, Lock: lock.Name, Logger: p.Logger, Ready: ready,
		GPU: &activities.GPU{Device: dev, Server: server, Tasks: maker, Store: docs, StoreID: storeID},
	}
	return gpu.Run(ctx)
}

// taskMaker makes the tasks of a configuration's models.
func taskMaker(c config.Config, prompts *tasks.Prompts) *tasks.Maker {
	text, embed := c.Models.Text, c.Models.Embed
	m := &tasks.Maker{
		Prompts: prompts, MaxOutput: text.MaxOutputTokens, Estimator: tasks.NewEstimator(text.CharsPerToken),
		Model: ollama.Model{
			Name: text.Name, ContextTokens: text.ContextTokens, Temperature: text.Temperature, KeepAlive: c.KeepWarm,
		},
	}
	if embed.Name != "" {
		m.Embedder = &tasks.Embedder{
			CharsPerToken: embed.CharsPerToken, QueryPrefix: embed.QueryPrefix, DocumentPrefix: embed.DocumentPrefix,
			Model: ollama.Model{
				Name: embed.Name, ContextTokens: embed.ContextTokens, KeepAlive: c.KeepWarm,
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
