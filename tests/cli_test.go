package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/cli"
	"signalbox/workflows/contract"
)

// command runs signalbox as a person or a script does.
func (s *system) command(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	s.t.Setenv("TEMPORAL_ADDRESS", s.address)
	var out, err bytes.Buffer
	code = cli.Run(s.ctx, args, &out, &err)
	return code, out.String(), err.String()
}

func TestCommandLine(t *testing.T) {
	s := running(t)
	folder := t.TempDir()
	for _, number := range []string{"DOC-0001", "DOC-0002"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, number+".txt"), []byte(letter(number)), 0o600))
	}
	file := filepath.Join(folder, "DOC-0001.txt")

	code, out, stderr := s.command("start", "revision", "--task", "suggest", "--text-file", file, "--id", "r", "--wait", "-o", "json")
	require.Zero(t, code, stderr)
	var r contract.RevisionResult
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	checkFields(t, r.Output, "DOC-0001")
	code, out, _ = s.command("result", "r")
	require.Zero(t, code)
	require.Contains(t, out, "SIMULATED")

	code, out, stderr = s.command("start", "batch", "--project", "โครงการ 7", "--from", folder, "--id", "b", "--wait")
	require.Zero(t, code, stderr)
	require.Contains(t, out, "2 documents: 2 done, 0 failed, 0 cancelled")
	require.Contains(t, stderr, "0 failed", "progress goes to standard error")

	code, out, _ = s.command("status")
	require.Zero(t, code)
	require.Regexp(t, `(?m)^Batch +open$`, out)
	require.Contains(t, out, "SIMULATED")
	code, out, _ = s.command("status", "b")
	require.Zero(t, code)
	require.Equal(t, "done: 2 of 2 done, 0 failed\n", out)
	code, out, _ = s.command("status", "-o", "json")
	require.Zero(t, code)
	var st contract.SchedulerStatus
	require.NoError(t, json.Unmarshal([]byte(out), &st))
	require.True(t, st.Open)

	code, _, stderr = s.command("start", "batch", "--project", "p", "--manifest", "none.jsonl", "--id", "failed", "--wait")
	require.Equal(t, cli.ExitUsage, code, "a job that fails ends the wait")
	require.Contains(t, stderr, "manifest")
	_, out, _ = s.command("status", "failed")
	require.Contains(t, out, "failed: ")
	code, _, stderr = s.command("start", "batch", "--project", "p", "--from", file)
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "is no folder")

	code, _, stderr = s.command("start", "revision", "--task", "suggest", "--text", "other", "--id", "r")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "used before with another input")
	for _, noun := range []string{"result", "status", "cancel", "documents", "requeue", "pause"} {
		code, _, stderr = s.command(noun, "nope")
		require.Equal(t, cli.ExitNotFound, code, noun)
		require.Contains(t, stderr, "nope: nothing with this id", noun)
		code, out, stderr = s.command(noun, contract.SchedulerID(contract.DefaultGPU))
		if noun == "status" {
			require.Contains(t, out, "Batch")
			continue
		}
		require.Equal(t, cli.ExitUsage, code, noun)
		require.Contains(t, stderr, "is no request and no job (GPUScheduler)", noun)
	}
	for _, noun := range []string{"documents", "requeue", "pause"} {
		code, _, stderr = s.command(noun, "r")
		require.Equal(t, cli.ExitUsage, code, noun)
		require.Contains(t, stderr, "r is no batch job", noun)
	}
}

func TestCommandLineWithoutAGPU(t *testing.T) {
	s := newSystem(t)
	s.run("ai")
	code, _, stderr := s.command("start", "revision", "--task", "generate", "--prompt", "x", "--wait")
	require.Equal(t, cli.ExitUnavailable, code)
	require.Contains(t, stderr, "AI service temporarily unavailable (host-gone; try again in 30 s)")
	code, _, stderr = s.command("status")
	require.Equal(t, cli.ExitNotFound, code)
	require.Contains(t, stderr, "is a worker with the scheduler role running?")
}

// TestInterruptedWait: who stops waiting is told that the work goes on.
func TestInterruptedWait(t *testing.T) {
	s := running(t, closedWindow)
	s.startBatch("b", s.documents("p", 1))
	s.phase("b", contract.PhaseHeld)
	t.Setenv("TEMPORAL_ADDRESS", s.address)
	ctx, cancel := context.WithCancel(s.ctx)
	shown := &interrupter{then: cancel}
	code := cli.Run(ctx, []string{"result", "b"}, io.Discard, shown)
	require.Equal(t, cli.ExitInterrupted, code)
	require.Contains(t, shown.String(), "b goes on: signalbox result b")
	require.Equal(t, contract.PhaseHeld, s.phase("b", contract.PhaseHeld).Phase)
}

// interrupter interrupts a command at the first thing that it prints.
type interrupter struct {
	output
	then func()
}

func (i *interrupter) Write(p []byte) (int, error) {
	defer i.then()
	return i.output.Write(p)
}

// TestAStartThatJoinsCopiesNothing over what the job was started with.
func TestAStartThatJoinsCopiesNothing(t *testing.T) {
	s := running(t)
	folder := t.TempDir()
	file := filepath.Join(folder, "a.txt")
	start := func(args ...string) (code int, stderr string) {
		code, _, stderr = s.command(append([]string{"start", "batch", "--project", "p", "--from", folder, "--id", "b", "--wait"}, args...)...)
		return code, stderr
	}
	require.NoError(t, os.WriteFile(file, []byte(letter("DOC-0001")), 0o600))
	code, stderr := start()
	require.Zero(t, code, stderr)
	code, stderr = start()
	require.Zero(t, code, "the same again joins: %s", stderr)

	require.NoError(t, os.WriteFile(file, []byte(letter("DOC-0002")), 0o600))
	code, stderr = start()
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "b was started before, with another a.txt; nothing was copied. Use another --id")
	data, err := s.docs.ReadDocument(s.ctx, "p", "uploads/b/a.txt", 1<<20)
	require.NoError(t, err)
	require.Equal(t, letter("DOC-0001"), string(data))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "new.txt"), []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(file, []byte(letter("DOC-0001")), 0o600))
	code, stderr = start()
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "with another new.txt")

	code, _, stderr = s.command("requeue", "b")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "no document of b has failed or was cancelled")
	code, _, stderr = s.command("requeue", "gpu-scheduler")
	require.Equal(t, cli.ExitUsage, code, stderr)
}
