package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"signalbox/internal/config"
	"signalbox/internal/device"
	"signalbox/internal/devserver"
	"signalbox/internal/simgpu"
	"signalbox/internal/telemetry"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

type options struct {
	simulate      bool
	config, state string
	ip            string
	port, uiPort  int
	metricsPort   int
	speed         float64
	verbose       bool
}

// folder keeps the state of simulated and of real work apart.
func (o options) folder() string {
	if o.simulate {
		return filepath.Join(o.state, "simulated")
	}
	return filepath.Join(o.state, "real")
}

func run(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	began := time.Now()
	folder, err := filepath.Abs(o.folder())
	if err != nil {
		return err
	}
	cfg, err := o.configuration(folder)
	if err != nil {
		return err
	}
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelInfo
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))

	server, err := devserver.Start(ctx, devserver.Options{
		StateDir: filepath.Join(folder, "temporal"), IP: o.ip, FrontendPort: o.port, UIPort: o.uiPort, Logger: logger,
		SearchAttributes: contract.SearchAttributes(),
	})
	if err != nil {
		return flag(err)
	}
	defer func() { err = errors.Join(err, server.Stop()) }()

	var card device.Card
	if o.simulate {
		sim, url, stop, err := startSimulation(o.speed)
		if err != nil {
			return err
		}
		defer stop()
		cfg.Ollama.Host, card = url, sim.Measure
	}
	tel, err := telemetry.New()
	if err != nil {
		return err
	}
	c, err := client.DialContext(ctx, workers.Connection(client.Options{
		HostPort: server.Address(), Namespace: server.Namespace(), Logger: workers.Logger(logger), MetricsHandler: tel.Temporal(),
	}))
	if err != nil {
		return fmt.Errorf("connect to the embedded Temporal server: %w", err)
	}
	defer c.Close()
	p := &workers.Process{
		Client: c, Namespace: server.Namespace(), Config: cfg, Logger: logger, Card: card, Telemetry: tel, LoadedAt: time.Now(),
	}
	if o.simulate { // the simulated Ollama is this process's own
		p.LockDir = cfg.State.Dir
	}
	fmt.Fprintf(stdout, "Temporal %s at %s, state in %s\n", devserver.Version(), server.Address(), folder)
	err = flag(p.Run(ctx, workers.AllRoles(), func() {
		o.printReady(stdout, server, cfg, tel.Address(), time.Since(began))
	}))
	if err == nil {
		fmt.Fprintln(stdout, "stopped; the next start goes on where this one ends")
	}
	return err
}

// flagged is an error of the server or the workers, in the words of the command
// line.
type flagged struct{ err error }

func flag(err error) error {
	if err == nil {
		return nil
	}
	return &flagged{err}
}

var flagNames = strings.NewReplacer("StateDir", "--state", "FrontendPort", "--port", "UIPort", "--ui-port", "telemetry.listen, or SIGNALBOX_TELEMETRY_LISTEN beside a file that two processes share", "--metrics-port", "IP \"", "--ip \"")

func (f *flagged) Error() string { return flagNames.Replace(f.err.Error()) }

func (f *flagged) Unwrap() error { return f.err }

// configuration is the file's, or that of the simulation.
func (o options) configuration(folder string) (config.Config, error) {
	var cfg config.Config
	var err error
	if o.simulate {
		if cfg, err = config.SimulatedFor(os.Getenv); err != nil {
			return cfg, fmt.Errorf("%w; %w", err, errUsage)
		}
	} else {
		file := o.config
		if _, statErr := os.Stat("signalbox.yaml"); file == "" && statErr == nil {
			file = "signalbox.yaml"
		}
		if cfg, err = config.Load(file, os.Getenv); err != nil {
			return cfg, fmt.Errorf("%w\nstart from examples/signalbox.yaml, or use --simulate to try Signalbox without an Ollama; %w", err, errUsage)
		}
	}
	installed, err := config.StoreURL(config.Default().Store.URL)
	if err != nil {
		return cfg, err
	}
	if o.simulate || cfg.Store.URL == installed { // the default's folder needs an installation
		if cfg.Store.URL, err = config.StoreURL(filepath.Join(folder, "store")); err != nil {
			return cfg, err
		}
	}
	cfg.State.Dir = filepath.Join(folder, "device")
	if !cfg.RFA.Mail.Configured() {
		cfg.RFA.Mail.Outbox = filepath.Join(folder, "mail")
	}
	switch {
	case o.metricsPort < -1 || o.metricsPort > 65535:
		return cfg, fmt.Errorf("--metrics-port is %d; allowed are -1 to 65535; %w", o.metricsPort, errUsage)
	case o.metricsPort == -1:
		cfg.Telemetry.Listen = ""
	default:
		cfg.Telemetry.Listen = net.JoinHostPort(o.ip, strconv.Itoa(o.metricsPort))
	}
	return cfg, os.MkdirAll(cfg.State.Dir, 0o700)
}

func startSimulation(speed float64) (*simgpu.Server, string, func(), error) {
	if speed <= 0 {
		return nil, "", nil, fmt.Errorf("--speed is %v; it must be greater than 0; %w", speed, errUsage)
	}
	c := simgpu.Default()
	c.Speed = speed
	sim := simgpu.New(c)
	url, err := sim.Start("127.0.0.1:0")
	if err != nil {
		return nil, "", nil, fmt.Errorf("start the simulated Ollama: %w", err)
	}
	return sim, url, func() { _ = sim.Close() }, nil
}
