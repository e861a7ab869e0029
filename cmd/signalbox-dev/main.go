// Command signalbox-dev runs everything in one process: an embedded Temporal
// server with its Web UI, all of Signalbox's workers, and with --simulate an
// Ollama and an 8 GB card that are not there.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "signalbox-dev: "+err.Error())
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

var errUsage = errors.New("see signalbox-dev --help")

func command() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "signalbox-dev",
		Short: "Signalbox, Temporal and its Web UI in one process",
		Long: `Run an embedded Temporal server, its Web UI and all of Signalbox's workers in one
process, on loopback. State survives Ctrl-C, kill -9 and a restart; that of
--simulate lies apart from that of real work.

With --simulate a built-in simulated Ollama and 8 GB card answer, and the batch
window is open at any hour. Without it, the Ollama of the configuration (or at
OLLAMA_HOST) is used, and the configuration needs a time zone.`,
		Example: `  signalbox-dev --simulate
  signalbox-dev --config signalbox.yaml
  SIGNALBOX_SCHEDULE_TIMEZONE=Asia/Bangkok OLLAMA_HOST=http://127.0.0.1:11434 signalbox-dev`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%q is no flag, and nothing else is taken; %w", args[0], errUsage)
			}
			return nil
		},
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w; %w", err, errUsage) })
	f := cmd.Flags()
	f.BoolVar(&o.simulate, "simulate", false, "use the built-in simulated Ollama and 8 GB card")
	f.StringVar(&o.config, "config", "", "configuration file (default: signalbox.yaml if it is there; not read with --simulate)")
	f.StringVar(&o.state, "state", ".signalbox", "folder for all state")
	f.StringVar(&o.ip, "ip", "127.0.0.1", "address to listen on")
	f.IntVar(&o.port, "port", 7233, "Temporal's port; 0 for a free one")
	f.IntVar(&o.uiPort, "ui-port", 8233, "the Web UI's port; 0 for a free one, -1 for no UI")
	f.IntVar(&o.metricsPort, "metrics-port", 9464, "port of /metrics, /healthz and /readyz; 0 for a free one, -1 for none")
	f.Float64Var(&o.speed, "speed", 1, "how many times faster than a real card the simulated one works")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log what the workers do")
	return cmd
}
