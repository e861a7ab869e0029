package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"signalbox/internal/config"
	"signalbox/internal/devserver"
	"signalbox/internal/simgpu"
	"signalbox/internal/store"
	"signalbox/starter"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// bench is a Signalbox whose model server is at a URL.
type bench struct {
	client client.Client
	*starter.Starter
	docs  *store.Store
	ready time.Duration
	// memory is the most that the workers have used, where they are a process of
	// their own.
	memory func() (bytes int64, err error)
	stop   func()
}

// workersIn says where the workers run.
type workersIn bool

const (
	thisProcess workersIn = false
	ownProcess  workersIn = true
)

func start(ctx context.Context, ollama string, in workersIn, change ...func(*workerSpec)) (b *bench, err error) {
	dir, err := os.MkdirTemp("", "signalbox-bench")
	if err != nil {
		return nil, err
	}
	b = &bench{}
	undo := []func(){func() { _ = os.RemoveAll(dir) }}
	b.stop = func() {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
	}
	defer func() {
		if err != nil {
			b.stop()
		}
	}()
	spec := workerSpec{LockDir: dir, Config: config.Simulated(), Roles: workers.AllRoles()}
	spec.Config.Ollama.Host, spec.Config.State.Dir = ollama, dir
	if spec.Config.Store.URL, err = config.StoreURL(filepath.Join(dir, "store")); err != nil {
		return nil, err
	}
	spec.Config.RFA.Mail.Outbox = filepath.Join(dir, "mail")
	for _, c := range change {
		c(&spec)
	}
	if b.docs, err = store.Open(ctx, spec.Config.Store.URL); err != nil {
		return nil, err
	}
	undo = append(undo, func() { _ = b.docs.Close() })
	began := time.Now()
	c, address, end, err := startTemporal(ctx, dir)
	if err != nil {
		return nil, err
	}
	undo = append(undo, end)
	b.client, b.Starter = c, starter.New(c)
	begin := inThisProcess
	if in == ownProcess {
		begin = inOwnProcess
	}
	spec.Address = address
	memory, stop, err := begin(ctx, spec)
	if err != nil {
		return nil, err
	}
	undo = append(undo, stop)
	b.memory, b.ready = memory, time.Since(began)
	return b, nil
}

// startTemporal is a Temporal server in a folder, with a client of it.
func startTemporal(ctx context.Context, dir string) (c client.Client, address string, stop func(), err error) {
	server, err := devserver.Start(ctx, devserver.Options{
		StateDir: filepath.Join(dir, "temporal"), FrontendPort: 0, UIPort: devserver.NoPort, Logger: slog.New(slog.DiscardHandler),
		SearchAttributes: contract.SearchAttributes(),
	})
	if err != nil {
		return nil, "", nil, err
	}
	if c, err = dial(server.Address()); err != nil {
		return nil, "", nil, errors.Join(err, server.Stop())
	}
	return c, server.Address(), func() { c.Close(); _ = server.Stop() }, nil
}

// dial is a client that logs nothing.
func dial(address string) (client.Client, error) {
	logger := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	return client.Dial(workers.Connection(client.Options{HostPort: address, Logger: logger}))
}

// startOnModel is a Signalbox with a model server that answers at once.
func startOnModel(ctx context.Context, in workersIn, change ...func(*workerSpec)) (*bench, *modelServer, error) {
	model, url, err := newModel()
	if err != nil {
		return nil, nil, err
	}
	b, err := start(ctx, url, in, change...)
	return b, model, err
}

// startOnCard is a Signalbox on a simulated Ollama and card of a speed.
func startOnCard(ctx context.Context, speed float64, change ...func(*workerSpec)) (*simgpu.Server, *bench, error) {
	cfg := simgpu.Default()
	cfg.Speed = speed
	return startOnCardOf(ctx, cfg, change...)
}

func startOnCardOf(ctx context.Context, cfg simgpu.Config, change ...func(*workerSpec)) (*simgpu.Server, *bench, error) {
	sim := simgpu.New(cfg)
	url, err := sim.Start("127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	b, err := start(ctx, url, thisProcess, append(change, func(s *workerSpec) { s.card = sim.Measure })...)
	if err != nil {
		return nil, nil, err
	}
	stop := b.stop
	b.stop = func() {
		stop()
		_ = sim.Close()
	}
	return sim, b, nil
}

// job starts a job of texts whose model calls are named "name-0", "name-1", ….
func (b *bench) job(ctx context.Context, id, name string, documents int) error {
	in := contract.BatchInput{ProjectID: "bench", Stages: []string{contract.StageExtractMetadata}}
	return b.jobOf(ctx, id, in, documents, func(i int) (string, []byte) {
		return ".txt", fmt.Appendf(nil, "%s-%d", name, i)
	})
}

// jobOf starts a job of documents that make makes.
func (b *bench) jobOf(ctx context.Context, id string, in contract.BatchInput, documents int, make func(i int) (extension string, data []byte)) error {
	var list strings.Builder
	for i := range documents {
		extension, data := make(i)
		key := fmt.Sprintf("%s/%d%s", id, i, extension)
		if err := b.docs.WriteDocument(ctx, in.ProjectID, key, data); err != nil {
			return err
		}
		fmt.Fprintf(&list, `{"id":"%d","key":%q}`+"\n", i, key)
	}
	in.Manifest = id + ".jsonl"
	if err := b.docs.WriteDocument(ctx, in.ProjectID, in.Manifest, []byte(list.String())); err != nil {
		return err
	}
	_, err := b.StartBatch(ctx, id, in)
	return err
}

// done waits for a job of which every document has to end well.
func (b *bench) done(ctx context.Context, id string) (contract.BatchResult, error) {
	r, err := b.Batch(ctx, id)
	if err == nil && r.Done != r.Total {
		err = errors.New("documents of job " + id + " failed")
	}
	return r, err
}

func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
