package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

// rfaUpdate is one of the commands that change an RFA.
type rfaUpdate struct {
	name, update, short, long, example string
	// flags that the command has beside --actor.
	flags string
}

var rfaCommands = []rfaUpdate{
	{"review", contract.UpdateSubmitReview, "Answer for a discipline", "The reviewer, or a delegate, answers with a response code. The first answer counts.",
		"--actor ann --discipline STRUCTURAL --code 1B --comments \"see page 3\"", "discipline code comments"},
	{"finalize", contract.UpdateFinalize, "Decide, as the lead", "The lead decides when all disciplines have reviewed; the document is distributed.",
		"--actor ann --code 1A --recipient site@example.com", "code comments recipient transmittal"},
	{"override", contract.UpdateOverrideVeto, "Decide over a rejection, as the project manager",
		"The project manager decides although a discipline has given code 3, with a code that\napproves (1A unless said) and a reason. The document is distributed by that code.",
		"--actor pim --reason \"the client accepts the risk\"", "code reason recipient transmittal"},
	{"delegate", contract.UpdateDelegate, "Let somebody else review for a while", "The reviewer, or the manager, lets somebody else review from one date until another.\nReminders go there meanwhile. There is one level alone.",
		"--actor ann --discipline STRUCTURAL --to bob --to-email bob@example.com --from 2026-12-01 --until 2026-12-05", "discipline to from until reason"},
	{"reassign", contract.UpdateReassign, "Give a review to somebody else for good", "The discipline's manager, or the project manager, names another reviewer.",
		"--actor max --discipline STRUCTURAL --to bob --to-email bob@example.com", "discipline to reason"},
	{"due", contract.UpdateChangeDueDate, "Change the due date", "The lead, or the project manager, sets another due date; reminders begin again.",
		"--actor pim --due 2026-12-11", "due reason"},
	{"withdraw", contract.UpdateWithdraw, "End an RFA without a decision", "The submitter, or the project manager, withdraws it.",
		"--actor sam --reason \"wrong drawing\"", "reason"},
}

func (c rfaUpdate) command(o *options) *cobra.Command {
	var r contract.RFARequest
	var to contract.Person
	var recipients []string
	cmd := &cobra.Command{
		Use: c.name + " RFA", Short: c.short, Long: c.short + ".\n\n" + c.long,
		Example: "  signalbox rfa " + c.name + " rfa/bridge-7/RFA-STR-042/A " + c.example, Args: exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			id := rfaID(args[0])
			if to != (contract.Person{}) {
				r.To = &to
			}
			r.Recipients = readRecipients(recipients)
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				st, err := s.UpdateRFA(cmd.Context(), id, c.update, r)
				if err != nil {
					return rfaError(id, err)
				}
				if o.json() {
					return printJSON(cmd.OutOrStdout(), st)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", id, st.Summary)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Actor, "actor", "", "who does it: the id of a person of the RFA; required")
	for _, name := range strings.Fields(c.flags) {
		switch name {
		case "discipline":
			f.StringVar(&r.Discipline, name, "", "the discipline; required")
		case "code":
			f.StringVar(&r.Code, name, "", codeHelp(c.update))
		case "comments":
			f.StringVar(&r.Comments, name, "", "comments")
		case "reason":
			f.StringVar(&r.Reason, name, "", reasonHelp(c.update))
		case "recipient":
			f.StringArrayVar(&recipients, name, nil, "an address that receives it beside those of the matrix; may be repeated")
		case "transmittal":
			f.StringVar(&r.Transmittal, name, "", "the transmittal's number (default: made of the RFA's)")
		case "to":
			f.StringVar(&to.ID, name, "", "who reviews: an id; required")
			f.StringVar(&to.Email, "to-email", "", "and the address; required")
			f.StringVar(&to.Name, "to-name", "", "and the name")
		case "from":
			f.StringVar(&r.From, name, "", "first date, such as 2026-12-01; required")
		case "until":
			f.StringVar(&r.Until, name, "", "last date; required")
		case "due":
			f.StringVar(&r.Due, name, "", "the new due date, such as 2026-12-11; required")
		}
	}
	return cmd
}

func codeHelp(update string) string {
	codes := contract.ResponseCodes()
	if update != contract.UpdateOverrideVeto {
		return "response code, " + strings.Join(codes, ", ") + "; required"
	}
	return "a response code that approves, " + strings.Join(slices.DeleteFunc(codes, func(c string) bool { return !contract.Approves(c) }), ", ") + " (default 1A)"
}

func reasonHelp(update string) string {
	if update == contract.UpdateOverrideVeto {
		return fmt.Sprintf("why, in %d characters or more; required", contract.LeastVetoReason)
	}
	return "why"
}
