// Package cli is the signalbox command: one file for each of its nouns.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

// Exit codes.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitUnavailable = 3
	ExitNotFound    = 4
	ExitFailed      = 5
	ExitSomeFailed  = 6
	ExitInterrupted = 130
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
	if output, _ := root.PersistentFlags().GetString("output"); output == "json" {
		_ = printJSON(stderr, map[string]any{"error": describe(err, code)}) // nobody is left to tell
		return code
	}
	fmt.Fprintln(stderr, "signalbox: "+explain(err))
	return code
}

// problem is an error for scripts.
type problem struct {
	Type     string `json:"type"`
	Message  string `json:"message"`
	Field    string `json:"field,omitempty"`
	Reason   string `json:"reason,omitempty"`
	RetryIn  int    `json:"retryAfterSeconds,omitempty"`
	ExitCode int    `json:"exitCode"`
}

func describe(err error, code int) problem {
	p := problem{Type: "Error", Message: explain(err), ExitCode: code}
	if u, ok := contract.AsUnavailable(err); ok {
		p.Type, p.Reason, p.RetryIn = contract.ErrTypeUnavailable, string(u.Reason), u.RetryAfterSeconds
		return p
	}
	if f, ok := contract.AsInvalidInput(err); ok {
		p.Type, p.Field = contract.ErrTypeInvalidInput, f.Field
		return p
	}
	var app *temporal.ApplicationError
	switch {
	case errors.As(err, &app):
		p.Type = app.Type()
	case code == ExitUsage:
		p.Type = "Usage"
	case code == ExitNotFound:
		p.Type = "NotFound"
	}
	return p
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

// errSomeFailed is that a job has ended and some of its documents failed.
var errSomeFailed = errors.New("some documents failed")

// usageError is a mistake in the command line.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func exitCode(err error) int {
	var wrong *usageError
	var notFound *serviceerror.NotFound
	var failed *temporal.WorkflowExecutionError
	if _, ok := contract.AsUnavailable(err); ok {
		return ExitUnavailable
	}
	if _, ok := contract.AsInvalidInput(err); ok {
		return ExitUsage
	}
	switch {
	case errors.As(err, &wrong), errors.Is(err, starter.ErrKeyReused), errors.Is(err, starter.ErrRFAExists), errors.Is(err, starter.ErrOther), strings.HasPrefix(err.Error(), "unknown command"),
		strings.HasPrefix(err.Error(), "accepts "):
		return ExitUsage
	case errors.As(err, &notFound):
		return ExitNotFound
	case errors.As(err, &failed):
		return ExitFailed
	}
	return ExitError
}

// inWords is an error in words of ours.
type inWords struct {
	text string
	err  error
}

func (e *inWords) Error() string { return e.text }

func (e *inWords) Unwrap() error { return e.err }

// explain says in one line what went wrong and, where known, what to do.
func explain(err error) string {
	var said *inWords
	if errors.As(err, &said) {
		return err.Error()
	}
	if u, ok := contract.AsUnavailable(err); ok {
		s := fmt.Sprintf("%s (%s; try again in %d s)", contract.MessageUnavailable, u.Reason, u.RetryAfterSeconds)
		if u.Detail != "" {
			s += ": " + u.Detail
		}
		return s
	}
	if f, ok := contract.AsInvalidInput(err); ok {
		return "invalid input: " + f.Error()
	}
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) {
		return "it was cancelled"
	}
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) && strings.HasPrefix(notFound.Message, "workflow not found") {
		return "there is no such request or job in this namespace; nothing is known of one that ended longer ago than the namespace's retention"
	}
	var query *serviceerror.QueryFailed
	if errors.As(err, &query) {
		if strings.HasPrefix(query.Message, "unknown queryType") {
			return "it is no request and no job of Signalbox (of an RFA: signalbox rfa status)"
		}
		return query.Message
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	if errors.Is(err, starter.ErrOther) && strings.Contains(err.Error(), contract.WorkflowRFAApproval) {
		return err.Error() + "; see signalbox rfa --help"
	}
	return err.Error()
}
