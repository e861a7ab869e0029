package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

func rfaCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rfa",
		Short: "Requests for approval: review, decide, delegate, look",
		Long: `Requests for approval (RFA) of construction documents: every discipline reviews,
the lead decides, and the document goes to those whom the distribution matrix
names. People are told and reminded by mail. None of it waits for the GPU.

An RFA's id is rfa/PROJECT/NUMBER/REVISION, as start prints it.`,
		Example: `  signalbox rfa start --file examples/rfa.json
  signalbox rfa status rfa/bridge-7/RFA-STR-042/A
  signalbox rfa review rfa/bridge-7/RFA-STR-042/A --actor ann --discipline STRUCTURAL --code 1A
  signalbox rfa list --project bridge-7 --overdue`,
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return needNoun(cmd, args, "start, review, finalize, override, delegate, reassign, due, withdraw, status, list, resend")
	}
	cmd.AddCommand(rfaStartCommand(o), rfaStatusCommand(o), rfaListCommand(o), rfaResendCommand(o))
	for _, c := range rfaCommands {
		cmd.AddCommand(c.command(o))
	}
	return cmd
}

func rfaStartCommand(o *options) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Start an approval (RFAApproval)",
		Long: `Start the approval of one revision of an RFA. The file is one JSON object; see
examples/rfa.json. A second start of the same revision is refused.`,
		Example: "  signalbox rfa start --file examples/rfa.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var text string
			if file == "" {
				return usage("--file is missing: it names the RFA, as in examples/rfa.json; - for standard input")
			}
			if err := readInto("rfa", file, &text); err != nil {
				return err
			}
			in, err := contract.DecodeRFAInput([]byte(text))
			if err != nil {
				return contract.NewInvalidInput(err)
			}
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				run, err := s.StartRFA(cmd.Context(), in)
				if err != nil {
					return err
				}
				if o.json() {
					return printJSON(cmd.OutOrStdout(), map[string]any{"id": run.GetID(), "runId": run.GetRunID()})
				}
				fmt.Fprintf(cmd.OutOrStdout(), "started %s\nlook: signalbox rfa status %s\n", run.GetID(), run.GetID())
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "file with the RFA as JSON; - for standard input")
	return cmd
}

// rfaID is an id as people may write it.
func rfaID(arg string) string {
	if strings.HasPrefix(arg, "rfa/") {
		return arg
	}
	return "rfa/" + arg
}

// rfaError says of an id or a state in words of ours what is wrong.
func rfaError(id string, err error) error {
	var notFound *serviceerror.NotFound
	switch {
	case err == nil:
		return nil
	case errors.As(err, &notFound) && strings.Contains(notFound.Message, "already completed"):
		return &inWords{id + " has ended; signalbox rfa status " + id + " says how", err}
	case errors.As(err, &notFound):
		return &inWords{"there is no " + id + "; an RFA's id is rfa/PROJECT/NUMBER/REVISION, and the server forgets one after its retention (its record is in the document store)", err}
	}
	return err
}

func rfaStatusCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "status RFA",
		Short:   "Say how far an RFA is, whom it waits for, and what was sent to whom",
		Example: "  signalbox rfa status rfa/bridge-7/RFA-STR-042/A",
		Args:    exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			id := rfaID(args[0])
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				st, err := s.RFAStatus(cmd.Context(), id)
				if err != nil {
					return rfaError(id, err)
				}
				var report *contract.DistributionReport
				if r, err := s.RFADistribution(cmd.Context(), id); err == nil {
					report = &r
				}
				if o.json() {
					return printJSON(cmd.OutOrStdout(), struct {
						contract.RFAStatus
						Distribution *contract.DistributionReport `json:"distribution,omitempty"`
					}{st, report})
				}
				printRFA(cmd.OutOrStdout(), st, report)
				return nil
			})
		},
	}
}

func printRFA(w io.Writer, st contract.RFAStatus, report *contract.DistributionReport) {
	fmt.Fprintf(w, "%s rev. %s of %s: %s\n%s\n\n", st.Number, st.Revision, st.ProjectID, st.State, st.Summary)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, d := range st.Disciplines {
		name := d.Name
		if d.Lead {
			name += " (lead)"
		}
		switch {
		case d.Review != nil:
			fmt.Fprintf(table, "%s\t%s\t%s %s\t%s\n", name, d.Review.By, d.Review.Code, contract.CodeMeaning(d.Review.Code), oneLine(d.Review.Comments))
		case d.Delegation != nil && st.State.Open():
			fmt.Fprintf(table, "%s\t%s, delegated to %s from %s until %s\twaiting\t\n", name, d.Reviewer, d.Delegation.To, d.Delegation.From, d.Delegation.Until)
		case !st.State.Open():
			fmt.Fprintf(table, "%s\t%s\tnot reviewed\t\n", name, d.Reviewer)
		default:
			fmt.Fprintf(table, "%s\t%s\twaiting\t\n", name, d.Reviewer)
		}
	}
	_ = table.Flush() // to the terminal
	if d := st.Decision; d != nil {
		fmt.Fprintf(w, "\ndecided by %s %s: %s, %s\n", d.By, clock(d.At), d.Code, d.Meaning)
	}
	for _, r := range st.Reminders {
		var to []string
		for _, p := range r.To {
			to = append(to, p.String())
		}
		fmt.Fprintf(w, "reminded %s: %s about %s, level %d, strike %d", clock(r.At), strings.Join(to, ", "), r.Discipline, r.Level, r.Strike)
		if r.Failed != "" {
			fmt.Fprintf(w, ", FAILED: %s", r.Failed)
		}
		fmt.Fprintln(w)
	}
	if report != nil {
		fmt.Fprintf(w, "\ntransmittal %s: %d sent, %d pending, %d failed\n", report.Transmittal, report.Sent, report.Pending, report.Failed)
		for _, d := range report.Deliveries {
			if d.State == contract.DeliveryFailed {
				fmt.Fprintf(w, "  FAILED %s by %s: %s\n", d.To, d.Via, d.Reason)
			}
		}
	}
	fmt.Fprintln(w, "\naudit trail")
	for _, e := range st.Audit {
		fmt.Fprintf(w, "  %s  %s\n", e.At.Local().Format("2006-01-02 15:04:05 MST"),
			strings.Join(strings.Fields(strings.Join([]string{e.Actor, e.Action, e.Discipline, e.Code, oneLine(e.Text)}, " ")), " "))
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func rfaListCommand(o *options) *cobra.Command {
	var f starter.RFAFilter
	var state string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List RFAs by project, state, overdue",
		Long: `List RFAs by what the server has indexed, as the Web UI does: a change shows
seconds later. States: in-review, to-decide, decided, withdrawn, cancelled.`,
		Example: "  signalbox rfa list --project bridge-7 --overdue",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.State = contract.RFAState(state)
			opts, err := o.clientOptions()
			if err != nil {
				return err
			}
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				list, err := s.ListRFAs(cmd.Context(), opts.Namespace, f)
				if err != nil {
					return err
				}
				if o.json() {
					return printJSON(cmd.OutOrStdout(), append([]starter.ListedRFA{}, list...))
				}
				if len(list) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "no RFA is like that")
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				for _, l := range list {
					late := ""
					if l.Overdue {
						late = "OVERDUE"
					}
					fmt.Fprintf(table, "%s\t%s\tdue by %s\t%s\n", l.ID, l.State, clock(l.Due), late)
				}
				return table.Flush()
			})
		},
	}
	cmd.Flags().StringVar(&f.ProjectID, "project", "", "project id")
	cmd.Flags().StringVar(&state, "state", "", "state")
	cmd.Flags().BoolVar(&f.Overdue, "overdue", false, "those alone whose due date has passed")
	cmd.Flags().IntVar(&f.Limit, "limit", 100, "how many, up to 1000")
	return cmd
}

func rfaResendCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "resend RFA",
		Short:   "Send again what could not be delivered of an RFA's distribution",
		Example: "  signalbox rfa resend rfa/bridge-7/RFA-STR-042/A",
		Args:    exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			id := rfaID(args[0])
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				r, err := s.ResendRFA(cmd.Context(), id)
				var notFound *serviceerror.NotFound
				if errors.As(err, &notFound) {
					st, e := s.RFAStatus(cmd.Context(), id)
					if e != nil {
						return rfaError(id, e)
					}
					return usage("nothing is left to be sent of %s: %s", id, st.Summary)
				}
				if err != nil {
					return err
				}
				if o.json() {
					return printJSON(cmd.OutOrStdout(), r)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "transmittal %s: %d on the way again, %d sent\n", r.Transmittal, r.Pending, r.Sent)
				return nil
			})
		},
	}
}

// readRecipients makes people of addresses.
func readRecipients(addresses []string) (list []contract.Person) {
	for _, a := range addresses {
		list = append(list, contract.Person{Email: a})
	}
	return list
}
