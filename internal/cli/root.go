// Package cli is the signalbox command: one file for each of its nouns.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Run runs the command with args and returns its exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := New()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	if errors.Is(err, errSomeFailed) { // which the result has said
		return ExitSomeFailed
	}
	if errors.Is(err, errNotReady) {
		return ExitError
	}
	if ctx.Err() != nil { // whatever came of it: somebody has interrupted it
		return ExitInterrupted
	}
	code := exitCode(err)
	if wantsJSON(root, args) {
		_ = printJSON(stderr, map[string]any{"error": describe(err, code)}) // nobody is left to tell
		return code
	}
	fmt.Fprintln(stderr, "signalbox: "+explain(err))
	return code
}

// wantsJSON reports that errors are for scripts, which a command line that could not be
// read says too.
func wantsJSON(root *cobra.Command, args []string) bool {
	if output, _ := root.PersistentFlags().GetString("output"); output == "json" {
		return true
	}
	for i, a := range args {
		switch a {
		case "-ojson", "-o=json", "--output=json":
			return true
		case "-o", "--output":
			return i+1 < len(args) && args[i+1] == "json"
		}
	}
	return false
}

// New builds the command.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:   "signalbox",
		Short: "One small GPU for people who wait and for a backlog that does not",
		Long: `Signalbox coordinates one GPU (Ollama) between realtime AI requests and batch
jobs, on Temporal: batch only off-peak and never while someone waits, one run on
the GPU at a time, preempted at once and resumed.

Temporal is reached as its own CLI reaches it: TEMPORAL_ADDRESS,
TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, or a profile in
temporal.toml; --address and --namespace go before those.

Exit codes: 0 done, 1 error, 2 wrong usage or input, 3 AI service temporarily
unavailable, 4 not found, 5 the workflow failed or was cancelled, 6 some documents
of a job failed, 130 interrupted.`,
		Example: `  signalbox start revision --task suggest --text-file letter.txt --wait
  signalbox start batch --project demo --from examples/documents --wait
  signalbox status`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	o := &options{}
	flags := root.PersistentFlags()
	flags.StringVar(&o.address, "address", "", "Temporal's host:port (default: TEMPORAL_ADDRESS or 127.0.0.1:7233)")
	flags.StringVar(&o.namespace, "namespace", "", "Temporal's namespace (default: TEMPORAL_NAMESPACE or default)")
	flags.StringVarP(&o.output, "output", "o", "text", "text for people, json for scripts")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if o.output != "text" && o.output != "json" {
			return usage("--output %q is unknown; allowed are text, json", o.output)
		}
		return nil
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%v", err) })
	root.AddCommand(startCommand(o), resultCommand(o), cancelCommand(o), statusCommand(o), documentsCommand(o), priorityCommand(o), requeueCommand(o), rfaCommand(o),
		workerCommand(o), gpuCommand(o), healthCommand(o), configCommand(o), versionCommand(o))
	for _, c := range operatorCommands {
		root.AddCommand(c.command(o))
	}
	return root
}

// options are the flags that every command has.
type options struct {
	address, namespace, output string
}

func (o *options) json() bool { return o.output == "json" }
