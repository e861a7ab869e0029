package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"signalbox/internal/config"
	"signalbox/internal/tasks"
)

func configCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the configuration",
		RunE:  func(cmd *cobra.Command, _ []string) error { return needNoun(cmd, "check") },
	}
	var file string
	check := &cobra.Command{
		Use:   "check",
		Short: "Check a configuration file and say what it means",
		Example: `  signalbox config check
  signalbox config check --config /etc/signalbox.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(file, os.Getenv)
			if err != nil {
				return usage("%v", err)
			}
			if _, err := tasks.LoadPrompts(cfg.Prompts.Dir); err != nil {
				return usage("configuration %s: %v", file, err)
			}
			if o.json() {
				return printJSON(cmd.OutOrStdout(), cfg)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is fine (hash %s)\n%s\n", file, cfg.Hash(), cfg.Schedule.Describe(time.Now()))
			return nil
		},
	}
	check.Flags().StringVar(&file, "config", "signalbox.yaml", "configuration file")
	cmd.AddCommand(check)
	return cmd
}
