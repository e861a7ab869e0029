package cli

import (
	"github.com/spf13/cobra"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

func resultCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "result ID",
		Short: "Wait for a request or a job and print its result",
		Example: `  signalbox result revision-20261124-101500-a1b2c3
  signalbox result batch-20261124-101500-a1b2c3 --output json`,
		Args: exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				workflow, err := s.Workflow(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if workflow == contract.WorkflowAIRevision {
					return o.printRevision(cmd, s, args[0])
				}
				return o.printBatch(cmd, s, args[0])
			})
		},
	}
}

func exactlyOneID(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("%s needs one workflow id", cmd.CommandPath())
	}
	return nil
}
