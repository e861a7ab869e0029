package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"signalbox/starter"
)

func cancelCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "cancel ID",
		Short:   "Cancel a request or a job; what a job has finished stays",
		Example: `  signalbox cancel batch-20261124-101500-a1b2c3`,
		Args:    exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				state, err := s.State(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if state != starter.Running {
					if o.json() {
						return printJSON(cmd.OutOrStdout(), map[string]any{"id": args[0], "cancelRequested": false, "state": state})
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s has ended before: %s\n", args[0], state)
					return nil
				}
				if err := s.Cancel(cmd.Context(), args[0]); err != nil {
					return err
				}
				if o.json() {
					return printJSON(cmd.OutOrStdout(), map[string]any{"id": args[0], "cancelRequested": true})
				}
				fmt.Fprintf(cmd.OutOrStdout(), "asked %s to end\n", args[0])
				return nil
			})
		},
	}
}
