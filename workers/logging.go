package workers

import (
	"context"
	"log/slog"
	"strings"

	"go.temporal.io/sdk/log"
)

// Logger is the Temporal SDK's logger: what it reports as an error and is part
// of normal operation (a job was cancelled) is left out.
func Logger(l *slog.Logger) log.Logger {
	return log.NewStructuredLogger(slog.New(ordinary{l.Handler()}))
}

type ordinary struct{ slog.Handler }

// Handle passes on what somebody may have to look at.
func (o ordinary) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "Activity error." || r.Message == "RecordActivityHeartbeat with error" {
		cancelled := false
		r.Attrs(func(a slog.Attr) bool {
			text := a.Value.String()
			cancelled = cancelled || a.Key == "Error" && (strings.HasSuffix(text, "context canceled") || text == "canceled")
			return !cancelled
		})
		if cancelled {
			return nil
		}
	}
	return o.Handler.Handle(ctx, r)
}

func (o ordinary) WithAttrs(attrs []slog.Attr) slog.Handler {
	return ordinary{o.Handler.WithAttrs(attrs)}
}

func (o ordinary) WithGroup(name string) slog.Handler { return ordinary{o.Handler.WithGroup(name)} }
