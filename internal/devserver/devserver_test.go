package devserver_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"signalbox/internal/devserver"
)

const (
	taskQueue = "greetings"
	patience  = time.Minute
)

// lines is a log that tests can read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func options(t *testing.T) (devserver.Options, *lines) {
	t.Helper()
	log := &lines{}
	return devserver.Options{
		StateDir: t.TempDir(),
		UIPort:   devserver.NoPort,
		Logger:   slog.New(slog.NewTextHandler(log, nil)),
	}, log
}

func start(t *testing.T, o devserver.Options) *devserver.Server {
	t.Helper()
	began := time.Now()
	s, err := devserver.Start(t.Context(), o)
	require.NoError(t, err)
	t.Logf("started in %s", time.Since(began))
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func stop(t *testing.T, s *devserver.Server) {
	t.Helper()
	began := time.Now()
	require.NoError(t, s.Stop())
	t.Logf("stopped in %s", time.Since(began))
}

func dial(t *testing.T, s *devserver.Server) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: s.Address(), Namespace: s.Namespace(), Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// quiet is an SDK logger that says nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

func greet(_ context.Context, name string) (string, error) { return "hello " + name, nil }

// greeting greets at once, or when it is told to.
func greeting(ctx workflow.Context, name string, wait bool) (string, error) {
	if wait {
		workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: patience})
	var out string
	err := workflow.ExecuteActivity(ctx, greet, name).Get(ctx, &out)
	return out, err
}

func work(t *testing.T, c client.Client) (stop func()) {
	t.Helper()
	w := worker.New(c, taskQueue, worker.Options{})
	w.RegisterWorkflow(greeting)
	w.RegisterActivity(greet)
	require.NoError(t, w.Start())
	var once sync.Once
	stop = func() { once.Do(w.Stop) }
	t.Cleanup(stop)
	return stop
}

func result(t *testing.T, c client.Client, id string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out string
	require.NoError(t, c.GetWorkflow(ctx, id, "").Get(ctx, &out))
	return out
}

func TestWorkGoesOnAfterAStop(t *testing.T) {
	o, log := options(t)
	s := start(t, o)
	c := dial(t, s)
	stopWork := work(t, c)
	for id, wait := range map[string]bool{"done": false, "open": true} {
		_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: taskQueue}, greeting, id, wait)
		require.NoError(t, err)
	}
	require.Equal(t, "hello done", result(t, c, "done"))
	stopWork()
	c.Close()
	stop(t, s)
	require.NoError(t, s.Stop(), "a second Stop")
	wal, err := os.Stat(o.StateDir + "/temporal.db-wal")
	require.True(t, os.IsNotExist(err) || wal.Size() == 0, "a stopped folder's database is one file")

	s = start(t, o)
	c = dial(t, s)
	work(t, c)
	require.Equal(t, "hello done", result(t, c, "done"))
	require.NoError(t, c.SignalWorkflow(t.Context(), "open", "", "go", nil))
	require.Equal(t, "hello open", result(t, c, "open"))
	stop(t, s)
	require.Empty(t, log.String(), "a healthy server warns of nothing")
}

func TestOneServerForEachFolder(t *testing.T) {
	o, _ := options(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := devserver.Start(cancelled, o)
	require.ErrorIs(t, err, context.Canceled)

	start(t, o) // the one that was cancelled has left the folder
	_, err = devserver.Start(t.Context(), o)
	require.ErrorIs(t, err, devserver.ErrInUse)
	require.ErrorContains(t, err, "this process ("+strconv.Itoa(os.Getpid())+")")
	require.ErrorContains(t, err, o.StateDir)
}

func TestPortInUseNamesTheOption(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	port := taken.Addr().(*net.TCPAddr).Port
	for option, set := range map[string]func(*devserver.Options){
		"frontend port %d is in use; choose another with FrontendPort": func(o *devserver.Options) { o.FrontendPort = port },
		"UI port %d is in use; choose another with UIPort":             func(o *devserver.Options) { o.UIPort = port },
		"metrics port %d is in use; choose another with MetricsPort":   func(o *devserver.Options) { o.MetricsPort = port },
	} {
		o, _ := options(t)
		set(&o)
		_, err := devserver.Start(t.Context(), o)
		require.ErrorIs(t, err, devserver.ErrInUse)
		require.ErrorContains(t, err, strings.ReplaceAll(option, "%d", strconv.Itoa(port)))
		// What failed has left the folder to the next one.
		_, err = devserver.Start(t.Context(), o)
		require.NotContains(t, err.Error(), o.StateDir)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for want, set := range map[string]func(*devserver.Options){
		"StateDir":     func(o *devserver.Options) { o.StateDir = "" },
		"IP":           func(o *devserver.Options) { o.IP = "localhost" },
		"FrontendPort": func(o *devserver.Options) { o.FrontendPort = -1 },
		"UIPort":       func(o *devserver.Options) { o.UIPort = 65536 },
		"MetricsPort":  func(o *devserver.Options) { o.MetricsPort = -1 },
		"Retention":    func(o *devserver.Options) { o.Retention = time.Minute },
	} {
		o, _ := options(t)
		set(&o)
		_, err := devserver.Start(t.Context(), o)
		require.ErrorContains(t, err, want)
	}
}
