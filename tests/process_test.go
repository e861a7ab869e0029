package tests

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a program that a test runs beside itself.
type process struct {
	cmd    *exec.Cmd
	output *output
	exited chan struct{}
	err    error // how it ended, once it has
}

// startProcess starts a program, which ends with the test, and waits until what
// it has printed matches ready; it returns the submatches.
func startProcess(ctx context.Context, t *testing.T, cmd *exec.Cmd, ready *regexp.Regexp) (*process, []string) {
	t.Helper()
	p := &process{cmd: cmd, output: &output{pattern: ready, matched: make(chan []string, 1)}, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	require.NoError(t, cmd.Start())
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-p.exited
	})
	select {
	case match := <-p.output.matched:
		return p, match
	case <-p.exited:
		require.FailNow(t, "the process ended", "%s: %v\n%s", cmd, p.err, p.output)
	case <-ctx.Done():
		require.FailNow(t, "the process is not ready", "%s\n%s", cmd, p.output)
	}
	return nil, nil
}

// kill ends the process as a power cut to it would: no handler runs.
func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
	<-p.exited
}

// stop asks the process to end, and waits until it has, without an error.
func (p *process) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.exited:
		require.NoError(t, p.err, "%s", p.output)
	case <-time.After(patience):
		require.FailNow(t, "it does not stop", "%s", p.output)
	}
}

// output is what a process has printed.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	pattern *regexp.Regexp // nil once it has matched
	matched chan []string
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if o.pattern != nil {
		if m := o.pattern.FindStringSubmatch(o.text.String()); m != nil {
			o.pattern = nil
			o.matched <- m
		}
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
