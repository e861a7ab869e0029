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

	"signalbox/internal/config"
	"signalbox/internal/device"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/internal/telemetry"
)

// Role is what a process does for Signalbox.
type Role string

// Roles. The core of a company runs scheduler and ai on a machine that is
// always on, and rfa, which needs no GPU; a GPU host runs gpu alone.
const (
	RoleGPU       Role = "gpu"
	RoleAI        Role = "ai"
	RoleScheduler Role = "scheduler"
	RoleRFA       Role = "rfa"
)

// AllRoles lists every role.
func AllRoles() []Role { return []Role{RoleGPU, RoleAI, RoleScheduler, RoleRFA} }

// ParseRoles reads a list such as "gpu,ai".
func ParseRoles(list []string) ([]Role, error) {
	var roles []Role
	for _, name := range list {
		r := Role(strings.TrimSpace(name))
		if !slices.Contains(AllRoles(), r) {
			return nil, fmt.Errorf("role %q is unknown; allowed are gpu, ai, scheduler, rfa", name)
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
	// Card measures the card; nil for this host's, where Ollama uses it.
	Card device.Card
	// Telemetry shows metrics and health where Config.Telemetry says; nil for none.
	Telemetry *telemetry.Telemetry
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
	if p.Telemetry != nil && p.Config.Telemetry.Listen != "" {
		stop, err := p.Telemetry.Serve(p.Config.Telemetry.Listen)
		if err != nil {
			return fmt.Errorf("metrics and health: %w", err)
		}
		defer stop()
		p.Logger.Info("metrics and health are served", "address", p.Telemetry.Address())
	}
	p.require("temporal", func(ctx context.Context) error {
		_, err := p.Client.CheckHealth(ctx, &client.CheckHealthRequest{})
		return err
	})
	storeID, err := checkStore(ctx, docs, roles)
	if err != nil {
		return err
	}
	var all, up sync.WaitGroup
	run := func(role Role, do func(ready func()) error) {
		up.Add(1)
		p.require(string(role), func(context.Context) error { return errStarting })
		ready := sync.OnceFunc(up.Done)
		all.Go(func() {
			defer ready()
			if err := do(ready); err != nil {
				cancel(err)
			}
		})
	}
	for _, role := range roles {
		switch role {
		case RoleGPU:
			run(role, func(ready func()) error { return p.gpu(ctx, host, docs, storeID, prompts, ready) })
		case RoleAI:
			run(role, func(ready func()) error { return p.ai(ctx, docs, storeID, prompts, p.readies(role, ready)) })
		case RoleScheduler:
			run(role, func(ready func()) error { return p.scheduler(ctx, host, ready) })
		case RoleRFA:
			run(role, func(ready func()) error { return p.rfa(ctx, docs, p.readies(role, ready)) })
		}
	}
	all.Go(func() { p.check(ctx, roles) })
	all.Go(func() {
		up.Wait()
		if ctx.Err() == nil && started != nil {
			started()
		}
	})
	<-ctx.Done()
	p.require("process", func(context.Context) error { return errStopping })
	all.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// Why a process is not ready.
var (
	errStarting = errors.New("starting")
	errStopping = errors.New("stopping")
)

// checkStore returns the store's id. The roles that use the store write and read
// a probe there.
func checkStore(ctx context.Context, docs *store.Store, roles []Role) (id string, err error) {
	for _, role := range roles {
		if role == RoleScheduler {
			continue
		}
		if id, err = docs.ID(ctx); err == nil {
			err = docs.Probe(ctx, string(role))
		}
		if err != nil {
			return "", fmt.Errorf("store.url: the document store does not work for role %s: %w", role, err)
		}
	}
	return id, nil
}

// require adds a condition for being ready.
func (p *Process) require(name string, check func(context.Context) error) {
	if p.Telemetry != nil {
		p.Telemetry.Ready.Require(name, check)
	}
}

// readies returns a ready that also says so of the role.
func (p *Process) readies(role Role, ready func()) func() {
	return func() {
		p.require(string(role), func(context.Context) error { return nil })
		ready()
	}
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
