package devserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/temporal"
)

const (
	// startTimeout bounds Start; it takes about a second on an idle machine.
	startTimeout = 60 * time.Second
	// stopTimeout bounds Stop; it takes about a second too.
	stopTimeout = 10 * time.Second
)

// Version is the version of the embedded Temporal server, such as "1.32.1".
func Version() string { return headers.ServerVersion }

// Server is a Temporal server that runs in this process.
type Server struct {
	options  Options
	address  string
	lock     *flock.Flock
	database *config.SQL
	trap     *fatalTrap
	logFloor slog.LevelVar
	temporal temporal.Server
	ui       *webUI
	// stuck is set when something of the server may go on that cannot be
	// stopped. The folder then stays locked: it may still write.
	stuck    bool
	stopOnce sync.Once
	stopErr  error
}

// Start starts a server on a state folder, and the Web UI, and returns when
// clients and workers can use the namespace. ctx bounds the start only.
//
// Its errors say which option to change: a state folder or port that somebody
// else uses wraps ErrInUse; a folder that a newer server wrote, or one with
// another database schema, is refused. After an error nothing is left running,
// unless the error says so.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("start the Temporal server: %w", err)
		}
	}()
	o, err = o.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.StateDir, err = filepath.Abs(o.StateDir); err != nil {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	if ip := net.ParseIP(o.IP); !ip.IsLoopback() {
		o.Logger.Warn("the Temporal server listens beyond this machine: whoever reaches it controls it fully", "ip", o.IP)
	}
	s := &Server{options: o, trap: &fatalTrap{}}
	if s.lock, err = lockFolder(o.StateDir); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout,
		fmt.Errorf("not ready after %s: %w", startTimeout, context.DeadlineExceeded))
	defer cancel()
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	s.trap.arm()
	return s, nil
}

// start does what Start does once the folder is locked.
func (s *Server) start(ctx context.Context) (err error) {
	reserved, err := reserve(s.options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reserved.release()) }()
	s.database = separate(databaseConfig(s.options.StateDir))
	if err := prepareDatabase(s.options, s.database); err != nil {
		return err
	}
	s.address = net.JoinHostPort(s.options.dialIP(), strconv.Itoa(reserved.frontend))
	logger := newServerLogger(s.options, &s.logFloor, s.trap)
	options := serverOptions(s.options, s.database, reserved.ports, logger)
	if err := reserved.releaseServer(); err != nil {
		return err
	}
	if err := s.startTemporal(ctx, options); err != nil {
		return err
	}
	if err := awaitReady(s.trap.context(ctx), s.address, s.options); err != nil {
		return err
	}
	if reserved.ui == NoPort {
		return nil
	}
	if err := reserved.releaseUI(); err != nil {
		return err
	}
	s.ui, err = startUI(ctx, s.options, reserved.ui, s.address)
	return err
}

// startTemporal builds and starts the server in a goroutine of its own, which
// a fatal error may end. Once begun it goes on although ctx is cancelled: a
// server can be stopped cleanly only when it has started.
func (s *Server) startTemporal(ctx context.Context, options []temporal.ServerOption) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	type result struct {
		server temporal.Server
		err    error
	}
	done := make(chan result, 1)
	go func() {
		r := result{err: errFatal} // what stays if the trap ends the goroutine
		defer func() { done <- r }()
		server, err := temporal.NewServer(options...)
		if err != nil {
			r.err = err
			return
		}
		r.server = server
		r.err = server.Start()
	}()
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case r := <-done:
		if r.err != nil {
			// Some of its services may run, and nothing stops those.
			s.stuck = r.server != nil
			return errors.Join(r.err, s.trap.failure())
		}
		s.temporal = r.server
		return nil
	case <-timeout.C:
		s.stuck = true
		return errors.Join(fmt.Errorf("not started after %s", startTimeout), s.trap.failure())
	}
}

// Address is the frontend's host:port, for clients and workers.
func (s *Server) Address() string { return s.address }

// Namespace is the namespace that the server was started with.
func (s *Server) Namespace() string { return s.options.Namespace }

// UIURL is where the Web UI is, without a slash at the end; "" without a UI.
func (s *Server) UIURL() string {
	if s.ui == nil {
		return ""
	}
	return s.ui.url
}

// Stop stops the Web UI and the server and releases the state folder. Clients
// and workers should have been closed before. It takes at most about 10 s: if
// something hangs it returns an error and leaves the folder locked until the
// process ends, because what hangs may still write. Called again it returns
// what it returned first.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		if err := s.stop(); err != nil {
			s.stopErr = fmt.Errorf("stop the Temporal server: %w", err)
		}
	})
	return s.stopErr
}

func (s *Server) stop() error {
	s.trap.disarm()
	s.logFloor.Set(slog.LevelError)
	ctx, cancel := context.WithTimeoutCause(context.Background(), stopTimeout,
		fmt.Errorf("not done after %s: %w", stopTimeout, context.DeadlineExceeded))
	defer cancel()
	var errs error
	if s.ui != nil {
		errs = errors.Join(errs, s.ui.stop(ctx))
	}
	if s.temporal != nil {
		done := make(chan error, 1)
		go func() { done <- s.temporal.Stop() }()
		select {
		case err := <-done:
			s.logFloor.Set(levelNone)
			errs = errors.Join(errs, err, checkpoint(ctx, s.options.StateDir))
		case <-ctx.Done():
			s.stuck = true
			errs = errors.Join(errs, context.Cause(ctx))
		}
	}
	if s.stuck {
		return errors.Join(errs, fmt.Errorf("parts of the server may still run: state folder %s stays locked until this process ends", s.options.StateDir))
	}
	return errors.Join(errs, s.lock.Unlock())
}
