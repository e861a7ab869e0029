package cli

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"signalbox/internal/config"
	"signalbox/internal/telemetry"
	"signalbox/workers"
)

func workerCommand(o *options) *cobra.Command {
	var file string
	var roles []string
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Run Signalbox's workers on this host",
		Long: `Run one or more roles until interrupted:
  gpu        serves the GPU through the Ollama of the configuration; exactly one
             per GPU, on the host with the GPU
  ai         runs the workflows of requests and jobs, and reads documents
  scheduler  decides when batch may run; its configuration file counts
  rfa        runs approvals, reminds people and distributes; sends mail

The roles ai, scheduler and rfa belong on a machine that is always on. The gpu role
may come and go: realtime requests are answered "AI service temporarily
unavailable" meanwhile, and batch waits.

Metrics for Prometheus and health are served at telemetry.listen, on loopback
unless the configuration says otherwise: /metrics, /healthz, /readyz.`,
		Example: `  signalbox worker --config signalbox.yaml
  signalbox worker --config signalbox.yaml --roles gpu
  TEMPORAL_ADDRESS=temporal.example:7233 signalbox worker --roles ai,scheduler --config signalbox.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			parsed, err := workers.ParseRoles(roles)
			if err != nil {
				return usage("--roles: %v", err)
			}
			cfg, err := config.Load(file, os.Getenv)
			if err != nil {
				return usage("%v", err)
			}
			if !cmd.Flags().Changed("roles") && cfg.RFA.Mail.Configured() {
				parsed = append(parsed, workers.RoleRFA)
			}
			logger := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			opts, err := o.clientOptions()
			if err != nil {
				return err
			}
			tel, err := telemetry.New()
			if err != nil {
				return err
			}
			opts.MetricsHandler = tel.Temporal()
			c, err := dial(cmd.Context(), opts, logger)
			if err != nil {
				return err
			}
			defer c.Close()
			fmt.Fprintf(cmd.ErrOrStderr(), "roles %v; %s\n", parsed, cfg.Schedule.Describe(time.Now()))
			p := &workers.Process{
				Client: c, Namespace: opts.Namespace, Config: cfg, Logger: logger, Telemetry: tel, LoadedAt: time.Now(),
			}
			return p.Run(cmd.Context(), parsed, func() { logger.Info("serving", "roles", parsed) })
		},
	}
	cmd.Flags().StringVar(&file, "config", "signalbox.yaml", "configuration file")
	cmd.Flags().StringSliceVar(&roles, "roles", []string{"gpu", "ai", "scheduler"}, "roles, separated by commas; and rfa, unless given, where rfa.mail is configured")
	return cmd
}
