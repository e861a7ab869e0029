package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

// operateJob makes an update of one job and shows what it changed.
func (o *options) operateJob(cmd *cobra.Command, s *starter.Starter, job, update string, r contract.OperatorRequest) error {
	result, err := s.OperateJob(cmd.Context(), job, update, r)
	if err != nil {
		return o.jobError(cmd, s, job, err)
	}
	if o.json() {
		return printJSON(cmd.OutOrStdout(), result)
	}
	printJob(cmd.OutOrStdout(), job, update, result)
	return nil
}

// jobError says of a job that takes no updates why.
func (o *options) jobError(cmd *cobra.Command, s *starter.Starter, job string, err error) error {
	state, e := s.State(cmd.Context(), job)
	var notFound *serviceerror.NotFound
	if e != nil || state == starter.Running || !errors.As(err, &notFound) {
		return err
	}
	return fmt.Errorf("%s has ended before: %s", job, state)
}

func printJob(w io.Writer, job, update string, r contract.JobResult) {
	switch {
	case update == contract.UpdateRequeueFailed && r.Requeued == 0:
		fmt.Fprintf(w, "%s: no document has failed so far\n", job)
	case update == contract.UpdateRequeueFailed:
		fmt.Fprintf(w, "%s: %d documents that failed are worked on again, after those in hand\n", job, r.Requeued)
	case r.Pause.State == contract.OrderOn:
		fmt.Fprintf(w, "%s is %s\n", job, r.Pause.Describe("paused"))
		if r.OnQueue > 0 {
			fmt.Fprintf(w, "what it has on the GPU, or next there, is finished first: %d documents\n", r.OnQueue)
		}
	default:
		fmt.Fprintf(w, "%s is not paused any more; it goes on when it is its turn\n", job)
	}
}
