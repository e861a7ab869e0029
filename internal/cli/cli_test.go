package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/cli"
)

// run runs a command without a server.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	var out, err bytes.Buffer
	code = cli.Run(context.Background(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestEveryCommandExplainsItself(t *testing.T) {
	for _, args := range [][]string{
		{}, {"start"}, {"start", "revision"}, {"start", "batch"}, {"result"}, {"cancel"}, {"status"},
		{"worker"}, {"health"}, {"priority"}, {"pause"}, {"resume"}, {"override"}, {"end-override"}, {"drain"}, {"undrain"}, {"config"}, {"config", "check"}, {"version"},
	} {
		code, out, _ := run(t, append(args, "--help")...)
		require.Zero(t, code)
		require.Contains(t, out, "Usage:")
		if len(args) > 0 && args[len(args)-1] != "start" && args[len(args)-1] != "config" && args[len(args)-1] != "version" {
			require.Contains(t, out, "Examples:", "%v", args)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown flag":   {[]string{"status", "--colour"}, "unknown flag: --colour"},
		"unknown output": {[]string{"status", "-o", "yaml"}, `--output "yaml" is unknown; allowed are text, json`},
		"no noun":        {[]string{"start"}, "needs a noun: revision, batch"},
		"no command":     {[]string{"dance"}, `unknown command "dance"`},
		"two ids":        {[]string{"status", "a", "b"}, "accepts at most 1 arg"},
		"no id":          {[]string{"result"}, "needs one workflow id"},
		"no priority":    {[]string{"priority", "job"}, "needs a job's id and a priority"},
		"odd priority":   {[]string{"priority", "job", "high"}, `priority "high" is no number; allowed are 1 (first) to 5`},
		"unknown role":   {[]string{"worker", "--roles", "cook"}, "allowed are gpu, ai, scheduler"},
		"no task":        {[]string{"start", "revision"}, "invalid input: task: is missing; allowed are suggest, rag-query, embed, generate"},
		"empty text":     {[]string{"start", "revision", "--task", "suggest", "--text", " "}, "invalid input: text: is missing"},
		"no project":     {[]string{"start", "batch", "--manifest", "a.jsonl"}, "invalid input: projectId: is missing"},
		"no text files":  {[]string{"start", "batch", "--project", "p", "--from", "."}, "has no documents"},
		"no such file":   {[]string{"start", "revision", "--task", "suggest", "--text-file", "/no/such"}, "no such file"},
		"no config":      {[]string{"config", "check", "--config", "/no/such"}, "examples/signalbox.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := run(t, c.args...)
			require.Equal(t, cli.ExitUsage, code, stderr)
			require.Contains(t, stderr, c.want)
		})
	}
}

func TestWrongUsageForScripts(t *testing.T) {
	for _, args := range [][]string{
		{"dance", "-o", "json"}, {"--output=json", "dance"}, {"status", "--what", "--output", "json"}, {"status", "a", "b", "-o=json"},
	} {
		code, _, stderr := run(t, args...)
		require.Equal(t, cli.ExitUsage, code, args)
		var said struct {
			Error struct{ Type, Message string }
		}
		require.NoError(t, json.Unmarshal([]byte(stderr), &said), stderr)
		require.Equal(t, "Usage", said.Error.Type)
		require.NotEmpty(t, said.Error.Message)
	}
}

func TestATemporalThatIsNotThereIsNamed(t *testing.T) {
	code, _, stderr := run(t, "status")
	require.Equal(t, cli.ExitError, code)
	require.Contains(t, stderr, "temporal at 127.0.0.1:1 (namespace default) does not answer")
}

func TestConfigCheck(t *testing.T) {
	code, out, _ := run(t, "config", "check", "--config", "../../examples/signalbox.yaml")
	require.Zero(t, code)
	require.Contains(t, out, "is fine")
	require.Contains(t, out, "Asia/Bangkok")
}

func TestVersionForScripts(t *testing.T) {
	code, out, _ := run(t, "version", "-o", "json")
	require.Zero(t, code)
	var v map[string]string
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	require.NotEmpty(t, v["signalbox"])
}

func TestHealthOfNoWorker(t *testing.T) {
	code, _, stderr := run(t, "health", "--url", "http://127.0.0.1:1")
	require.Equal(t, cli.ExitError, code)
	require.Contains(t, stderr, "no worker serves its health at http://127.0.0.1:1")
}

// In a container the worker listens on every address.
func TestHealthIsAskedWhereTheWorkerListens(t *testing.T) {
	t.Setenv("SIGNALBOX_TELEMETRY_LISTEN", "0.0.0.0:1")
	_, _, stderr := run(t, "health")
	require.Contains(t, stderr, "no worker serves its health at http://127.0.0.1:1 ")

	t.Setenv("SIGNALBOX_TELEMETRY_LISTEN", "")
	file := filepath.Join(t.TempDir(), "signalbox.yaml")
	require.NoError(t, os.WriteFile(file, []byte("schedule: {timeZone: UTC}\ntelemetry: {listen: \":2\"}\n"), 0o600))
	_, _, stderr = run(t, "health", "--config", file)
	require.Contains(t, stderr, "no worker serves its health at http://127.0.0.1:2 ")
	code, _, stderr := run(t, "health", "--config", "/no/such")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "no such file")
}
