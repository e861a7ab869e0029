package cli

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

func startCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Start a realtime request or a batch job",
		Args:  cobra.ArbitraryArgs,
		RunE:  func(cmd *cobra.Command, args []string) error { return needNoun(cmd, args, "revision, batch") },
	}
	cmd.AddCommand(startRevisionCommand(o), startBatchCommand(o))
	return cmd
}

func needNoun(cmd *cobra.Command, args []string, nouns string) error {
	if len(args) > 0 {
		return usage("%s %q is unknown; allowed are %s", cmd.CommandPath(), args[0], nouns)
	}
	if err := cmd.Help(); err != nil {
		return err
	}
	return usage("%s needs a noun: %s", cmd.CommandPath(), nouns)
}

// newKey makes a workflow id for who gave none.
func newKey(kind string) string {
	return fmt.Sprintf("%s-%s-%s", kind, time.Now().Format("20060102-150405"), uuid.NewString()[:6])
}
