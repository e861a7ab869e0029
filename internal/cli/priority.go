package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

func priorityCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "priority JOB 1-5",
		Short: "Give a batch job another priority",
		Long: `Give a batch job another priority among jobs: 1 goes first, 5 last. It counts for
the line; a job that has begun keeps its turn.`,
		Example: `  signalbox priority batch-20261124-101500-a1b2c3 1`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("%s needs a job's id and a priority", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil {
				return usage("priority %q is no number; allowed are 1 (first) to 5", args[1])
			}
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				r, err := s.SetPriority(cmd.Context(), contract.DefaultGPU, contract.PriorityRequest{Job: args[0], Priority: n})
				if err = schedulerError(err); err != nil {
					return err
				}
				if o.json() {
					return printJSON(cmd.OutOrStdout(), r)
				}
				where := "it has begun"
				if r.Position > 0 {
					where = fmt.Sprintf("position %d in line", r.Position)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: priority %d, was %d; %s\n", r.Job, r.Now, r.Was, where)
				return nil
			})
		},
	}
}
