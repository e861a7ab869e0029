package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

func requeueCommand(o *options) *cobra.Command {
	var key string
	var wait bool
	cmd := &cobra.Command{
		Use:   "requeue JOB",
		Short: "Work again on the documents of a batch job that failed",
		Long: `Work again on the documents of a batch job that failed.

Of a job that runs, they come after the documents in hand, in the same job.
Of a job that has ended, its documents that failed or were cancelled make a new
job, with the same stages, options and priority. What is in the document store
(pages read, finished model calls of a running job) is not done again.

Asked for twice, it is one new job, unless --id says otherwise. When the server
has forgotten the job (its retention), its report still names the documents:
signalbox start batch --project PROJECT --requeue JOB`,
		Example: `  signalbox requeue batch-20261124-101500-a1b2c3 --wait`,
		Args:    exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				job := args[0]
				state, err := s.State(cmd.Context(), job)
				if err != nil {
					return err
				}
				if state == starter.Running {
					if key != "" {
						return usage("%s runs: its documents stay in that job, and --id is for a new one", job)
					}
					if err := o.operateJob(cmd, s, job, contract.UpdateRequeueFailed, contract.OperatorRequest{}); err != nil || !wait {
						return err
					}
					return o.printBatch(cmd, s, job)
				}
				in, err := s.RequeueInput(cmd.Context(), job)
				if err != nil {
					return err
				}
				if key == "" {
					key = starter.RequeueKey(job)
				}
				run, err := s.StartBatch(cmd.Context(), key, in)
				if err != nil {
					return err
				}
				if !wait {
					return o.printStarted(cmd, run)
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "requeued as %s\n", run.GetID())
				return o.printBatch(cmd, s, run.GetID())
			})
		},
	}
	cmd.Flags().StringVar(&key, "id", "", "idempotency key and workflow id of the new job (default: JOB-requeue-1)")
	cmd.Flags().BoolVar(&wait, "wait", false, "show progress, wait, and print the result")
	return cmd
}
