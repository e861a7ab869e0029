package devserver_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"

	"signalbox/internal/devserver"
)

func TestLog(t *testing.T) {
	for name, c := range map[string]struct {
		level slog.Leveler
		want  []string
		not   []string
	}{
		"warn and above": {slog.LevelWarn, []string{"a warning", "an error", "service=history", "shard-id=1"}, []string{"an aside", "HTTP API", "trailer"}},
		"all":            {slog.LevelDebug, []string{"an aside", "a detail"}, []string{"HTTP API", "trailer"}},
	} {
		t.Run(name, func(t *testing.T) {
			o, out := options(t)
			o.LogLevel = c.level
			o.Logger = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			require.NoError(t, devserver.Fatal(o, func(l log.Logger) {
				l = log.With(l, tag.String("service", "history"))
				l.Debug("a detail")
				l.Info("an aside")
				l.Warn("a warning", tag.ShardID(1))
				l.Warn("HTTP API port has not been set. Nexus HTTP endpoints will not be available.")
				l.Error("unable to add metrics baggage to gRPC trailer")
				l.Error("an error")
			}))
			for _, want := range c.want {
				require.Contains(t, out.String(), want)
			}
			for _, not := range c.not {
				require.NotContains(t, out.String(), not)
			}
		})
	}
}

func TestFatalIsAnErrorOfStart(t *testing.T) {
	o, out := options(t)
	o.LogLevel = slog.LevelWarn
	cause := errors.New("address already in use")
	went := false
	err := devserver.Fatal(o, func(l log.Logger) {
		l.Fatal("Failed to start gRPC listener", tag.Error(cause), tag.Address("127.0.0.1:1"))
		went = true
	})
	require.False(t, went, "nothing of the server may run on after a fatal error")
	require.ErrorContains(t, err, cause.Error())
	require.ErrorContains(t, err, "Failed to start gRPC listener")
	require.ErrorContains(t, err, "127.0.0.1:1")
	require.Contains(t, out.String(), "Failed to start gRPC listener")
}
