package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"signalbox/internal/config"
	"signalbox/internal/tasks"
)

func configCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the configuration",
		Args:  cobra.ArbitraryArgs,
		RunE:  func(cmd *cobra.Command, args []string) error { return needNoun(cmd, args, "check") },
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
				return printConfig(cmd.OutOrStdout(), cfg)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is fine (hash %s)\n%s\n", file, cfg.Hash(), cfg.Schedule.Describe(time.Now()))
			return nil
		},
	}
	check.Flags().StringVar(&file, "config", "signalbox.yaml", "configuration file")
	cmd.AddCommand(check)
	return cmd
}

// printConfig writes a configuration as JSON with the keys and the values of its file:
// a duration as 15m, not as nanoseconds.
func printConfig(w io.Writer, c config.Config) error {
	text, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	var keys map[string]any
	if err := yaml.Unmarshal(text, &keys); err != nil {
		return err
	}
	return printJSON(w, keys)
}
