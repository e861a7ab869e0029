package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

func documentsCommand(o *options) *cobra.Command {
	var q contract.DocumentsQuery
	var state string
	cmd := &cobra.Command{
		Use:   "documents ID",
		Short: "List the documents that a running job has in hand, their states and reasons",
		Long: `List the documents that a job has in hand (a chunk of 128 and the next one),
with states and reasons. Those that came before are in the job's report in the
document store.`,
		Example: `  signalbox documents batch-20261124-101500-a1b2c3
  signalbox documents batch-20261124-101500-a1b2c3 --state failed --output json`,
		Args: exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				q.State = contract.DocumentState(state)
				page, err := s.Documents(cmd.Context(), args[0], q)
				if err != nil {
					return err
				}
				if o.json() {
					return printJSON(cmd.OutOrStdout(), page)
				}
				printDocuments(cmd.OutOrStdout(), page)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "pending, done, failed or cancelled only")
	cmd.Flags().IntVar(&q.From, "from", 0, "index of the first document wanted")
	cmd.Flags().IntVar(&q.Limit, "limit", 0, "how many, up to 1000 (default 100)")
	return cmd
}

func printDocuments(out io.Writer, page contract.DocumentsPage) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, d := range page.Documents {
		what := string(d.State)
		if d.Stage != "" {
			what += ": " + d.Stage
		}
		if d.OnQueue {
			what += " (on the GPU or next)"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", d.Index, d.ID, what, d.Reason)
	}
	w.Flush()
	fmt.Fprintf(out, "%d documents in all, %d recorded in the report, %d not looked at yet\n",
		page.Total, page.Recorded, page.Total-page.Prepared)
	if len(page.Documents) == 0 && page.Recorded > 0 {
		fmt.Fprintln(out, "those recorded are not listed here; `signalbox result` names the report of a job that has ended")
	}
	if page.Next > 0 {
		fmt.Fprintf(out, "more: --from %d\n", page.Next)
	}
	for _, f := range page.Failures {
		fmt.Fprintf(out, "failed: %s: %s\n", f.ID, f.Reason)
	}
}
