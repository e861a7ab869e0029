package tests

import (
	"context"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/workers"
	"signalbox/workflows/contract"
)

// TestAnotherTemporalServer: on a server with its own settings everything works,
// and the workers say which settings are not as they should be.
func TestAnotherTemporalServer(t *testing.T) {
	cli := temporalCLI(t)
	sim, gpu := simulatedGPU(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	// Whether it listens is all that is awaited here: clients try until it answers.
	cmd := exec.Command(cli, "server", "start-dev", "--headless", "--port", port)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	startProcess(ctx, t, cmd, regexp.MustCompile(`(?i)Server:?\s`))

	var said output
	s := systemAt(t, gpu, address)
	s.sim, s.log = sim, &said
	s.run(workers.AllRoles()...)
	s.answer("r", "REQ-1")
	s.startBatch("b", s.documents("p", 3))
	require.Equal(t, 3, s.endBatch("b").Done)
	s.eventually("it registers the search attributes", func() bool { return s.hasAttributes(contract.SearchAttributes()) })
	for _, warning := range []string{
		"the task queue gpu has 4 partitions",
		"namespace default forgets what has ended after 24h0m0s",
	} {
		s.eventually("it warns: "+warning, func() bool { return strings.Contains(said.String(), warning) })
	}
}

// TestTheEmbeddedServerNeedsNoWarning: its settings are the ones that are asked for.
func TestTheEmbeddedServerNeedsNoWarning(t *testing.T) {
	var said output
	s := newSystem(t)
	s.log = &said
	s.run(workers.RoleScheduler)
	s.eventually("it has looked", func() bool { return strings.Contains(said.String(), "looked at the Temporal server's settings") })
	require.Contains(t, said.String(), "warnings=0")
}

// TestAHostWithAnotherSchedule is told that the scheduler's file counts.
func TestAHostWithAnotherSchedule(t *testing.T) {
	var said output
	s := newSystem(t)
	s.run(workers.RoleScheduler)
	s.log = &said
	s.cfg.Schedule.Quantum *= 2
	s.run(workers.RoleAI)
	s.eventually("it is told", func() bool {
		return strings.Contains(said.String(), "differ from those of the scheduler on ")
	})
}
