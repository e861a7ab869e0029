package devserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"sync"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// errFatal marks an error that the server itself calls fatal.
var errFatal = errors.New("the server gave up")

// fatalTrap turns what the server calls fatal into an error. The server's own
// logger ends the process at once, from a constructor or from a goroutine: a
// port taken in the wrong moment would end the program that embeds it without
// a word about which option to change.
type fatalTrap struct {
	mu      sync.Mutex
	started bool
	err     error
	cancel  context.CancelCauseFunc
}

// fatal does not return. While the server starts it keeps the error for Start
// and ends the goroutine; afterwards the server's state is unknown, and it
// panics.
func (f *fatalTrap) fatal(msg string, tags []tag.Tag) {
	err := fmt.Errorf("%w: %s", errFatal, msg)
	for _, t := range tags {
		err = fmt.Errorf("%w, %s: %v", err, t.Key(), t.Value())
	}
	f.mu.Lock()
	if f.err == nil {
		f.err = err
	}
	if f.cancel != nil {
		f.cancel(f.err)
	}
	started := f.started
	f.mu.Unlock()
	if started {
		panic(err)
	}
	runtime.Goexit()
}

// context returns one that ends with parent or at the first fatal error, which
// is then its cause.
func (f *fatalTrap) context(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancel = cancel
	if f.err != nil {
		cancel(f.err)
	}
	return ctx
}

// failure is the first fatal error, or nil.
func (f *fatalTrap) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// arm makes every fatal error from now on a panic.
func (f *fatalTrap) arm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = true
}

// disarm makes fatal errors end their goroutine again: a server that is being
// stopped may no longer bring down its process.
func (f *fatalTrap) disarm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = false
}

// filter drops what nobody wants to read. Its level is independent of the
// handler's own, because the server says a lot at info; and it rises while the
// server stops, when each part complains that it cannot reach the others.
type filter struct {
	slog.Handler
	least slog.Leveler
	// floor is shared by all handlers of one server.
	floor *slog.LevelVar
}

const (
	levelAll  = slog.Level(math.MinInt)
	levelNone = slog.Level(math.MaxInt)
)

// expected starts each entry about something that is as it should be.
var expected = []string{
	// On purpose: one more port to open, for Nexus calls from outside.
	"HTTP API port has not been set.",
	// A caller went while its answer was being written, as a worker does that
	// ends during a poll. It is the one reason for which SetTrailer fails.
	"unable to add metrics baggage to gRPC trailer",
}

func (h filter) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.least.Level() && l >= h.floor.Level() && h.Handler.Enabled(ctx, l)
}

func (h filter) Handle(ctx context.Context, r slog.Record) error {
	for _, prefix := range expected {
		if strings.HasPrefix(r.Message, prefix) {
			return nil
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h filter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return filter{h.Handler.WithAttrs(attrs), h.least, h.floor}
}

func (h filter) WithGroup(name string) slog.Handler {
	return filter{h.Handler.WithGroup(name), h.least, h.floor}
}

// serverLogger is the server's logging interface on top of slog.
type serverLogger struct {
	slog *slog.Logger
	trap *fatalTrap
}

var (
	_ log.Logger      = serverLogger{}
	_ log.WithLogger  = serverLogger{}
	_ log.SLogWrapper = serverLogger{}
)

func newServerLogger(o Options, floor *slog.LevelVar, trap *fatalTrap) serverLogger {
	floor.Set(levelAll)
	return serverLogger{slog.New(filter{o.Logger.Handler(), o.LogLevel, floor}), trap}
}

// With returns a logger that adds tags to every entry.
func (l serverLogger) With(tags ...tag.Tag) log.Logger {
	return serverLogger{l.slog.With(attributes(tags)...), l.trap}
}

// SLog is what parts of the server log to that use slog themselves.
func (l serverLogger) SLog() *slog.Logger { return l.slog }

// Debug logs at debug.
func (l serverLogger) Debug(msg string, tags ...tag.Tag) { l.log(slog.LevelDebug, msg, tags) }

// Info logs at info.
func (l serverLogger) Info(msg string, tags ...tag.Tag) { l.log(slog.LevelInfo, msg, tags) }

// Warn logs at warn.
func (l serverLogger) Warn(msg string, tags ...tag.Tag) { l.log(slog.LevelWarn, msg, tags) }

// Error logs at error.
func (l serverLogger) Error(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

// DPanic logs at error: it panics only in a development build of the server.
func (l serverLogger) DPanic(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

// Panic logs at error and panics.
func (l serverLogger) Panic(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	panic(msg)
}

// Fatal logs at error and does not return; see fatalTrap.
func (l serverLogger) Fatal(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	l.trap.fatal(msg, tags)
}

func (l serverLogger) log(level slog.Level, msg string, tags []tag.Tag) {
	ctx := context.Background()
	if l.slog.Enabled(ctx, level) {
		l.slog.Log(ctx, level, msg, attributes(tags)...)
	}
}

func attributes(tags []tag.Tag) []any {
	attrs := make([]any, 0, len(tags))
	for _, t := range tags {
		attrs = append(attrs, slog.Any(t.Key(), t.Value()))
	}
	return attrs
}
