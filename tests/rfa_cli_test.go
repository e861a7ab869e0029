package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/workers"
)

// TestAnRFAFromTheCommandLine: with our own command, and with the plain CLI.
func TestAnRFAFromTheCommandLine(t *testing.T) {
	s, _ := approvals(t)
	s.run(workers.RoleRFA)
	in := anRFA("RFA-1")
	in.ProjectID = "p"
	data, err := json.Marshal(in)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "rfa.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	do := func(args ...string) string {
		t.Helper()
		code, out, stderr := s.command(append([]string{"rfa"}, args...)...)
		require.Zero(t, code, stderr)
		return out
	}
	refused := func(want int, says string, args ...string) {
		t.Helper()
		code, _, stderr := s.command(append([]string{"rfa"}, args...)...)
		require.Equal(t, want, code, stderr)
		require.Contains(t, stderr, says)
	}
	require.Contains(t, do("start", "--file", file), "started rfa/p/RFA-1/A")
	refused(2, "there is an approval of this revision already", "start", "--file", file)
	refused(4, "there is no rfa/p/RFA-9/A; an RFA's id is rfa/PROJECT/NUMBER/REVISION", "status", "p/RFA-9/A")
	refused(2, "nothing is left to be sent of rfa/p/RFA-1/A: 0 of 2 disciplines", "resend", "p/RFA-1/A")
	refused(2, "state: \"open\" is unknown", "list", "--state", "open")
	refused(2, "start, review, finalize", "frobnicate")
	refused(2, "actor: is missing", "review", "p/RFA-1/A", "--discipline", "ARC", "--code", "1A")
	refused(2, `"mep" does not review ARC; arc does`, "review", "p/RFA-1/A", "--actor", "mep", "--discipline", "ARC", "--code", "1A")
	require.Contains(t, do("review", "rfa/p/RFA-1/A", "--actor", "arc", "--discipline", "ARC", "--code", "3"), "1 of 2 disciplines reviewed, waits for Name str (STR)")
	require.Contains(t, do("delegate", "p/RFA-1/A", "--actor", "str", "--discipline", "STR", "--to", "dep", "--to-email", "dep@example.com",
		"--from", time.Now().Format(time.DateOnly), "--until", in.Due), "waits for dep (STR for Name str)")
	out := do("status", "p/RFA-1/A")
	require.Contains(t, out, "delegated to dep")
	require.Contains(t, out, "rejected")
	s.eventually("it is listed", func() bool { return strings.Contains(do("list", "--project", "p"), "rfa/p/RFA-1/A  in-review") })
	require.Contains(t, do("list", "--project", "p", "--overdue"), "no RFA is like that")

	update := func(name, input string) (string, error) {
		out, said, err := s.temporal(temporalCLI(t), "workflow", "update", "execute", "--workflow-id", "rfa/p/RFA-1/A", "--name", name, "--input", input)
		return out + said, err
	}
	text, err := update("override-veto", `{"actor":"pm","reason":"why not"}`)
	require.Error(t, err)
	require.Contains(t, text, "reason: has 7 characters; at least 10 are needed")
	text, err = update("override-veto", `{"actor":"pm","reason":"the client takes the risk","transmittal":17}`)
	require.Error(t, err)
	require.Contains(t, text, "transmittal: must be a string, not number")
	text, err = update("override-veto", `{"actor":"pm","reason":"the client takes the risk"}`)
	require.NoError(t, err, text)
	s.distributed("rfa/p/RFA-1/A")
	out = do("status", "p/RFA-1/A")
	require.Contains(t, out, "transmittal RFA-1-A-T01: 3 sent, 0 pending, 0 failed")
	require.Contains(t, out, "pm override-veto 1A the client takes the risk")
	refused(2, "was decided by Name pm with code 1A", "withdraw", "p/RFA-1/A", "--actor", "sub")
}
