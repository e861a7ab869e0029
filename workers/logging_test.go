package workers_test

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/workers"
)

func TestOrdinaryCancelsAreNotLogged(t *testing.T) {
	var out bytes.Buffer
	l := workers.Logger(slog.New(slog.NewTextHandler(&out, nil)))
	l.Error("Activity error.", "WorkflowID", "w", "Error", "context canceled")
	l.Warn("RecordActivityHeartbeat with error", "Error", errors.New("canceled"))
	require.Empty(t, out.String())
	l.Error("Activity error.", "Error", "the disk is full")
	require.Contains(t, out.String(), "the disk is full")
}
