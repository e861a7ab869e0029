package cli

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

// operatorCommand is one of the commands with which operators steer the
// scheduler.
type operatorCommand struct {
	name, update, short, long, example string
	// job is the update of one job that the command makes when it names one; empty
	// where there is none.
	job string
}

var operatorCommands = []operatorCommand{
	{"pause", contract.UpdatePauseBatch, "Keep batch off the GPU for a while",
		"Batch stops after the model call that it is in, with its checkpoint, and goes on\nby itself when the time is over. Realtime requests are answered meanwhile.\nWith a job's id that job alone is paused: what it has on the GPU is finished, and others go on.",
		"  signalbox pause --for 2h --reason \"demo for the client\"\n  signalbox pause batch-20261124-101500-a1b2c3", contract.UpdatePauseJob},
	{"resume", contract.UpdateResumeBatch, "End a pause", "Batch, or the job named, may run again, inside the batch window.",
		"  signalbox resume\n  signalbox resume batch-20261124-101500-a1b2c3", contract.UpdateResumeJob},
	{"override", contract.UpdateOverrideWindow, "Let batch run outside its window for a while",
		"Batch runs until the time is over, never while somebody waits for an answer.",
		"  signalbox override --for 3h --reason \"deadline on Friday\"", ""},
	{"end-override", contract.UpdateEndOverride, "End an override", "Batch is bound to its window again.", "  signalbox end-override", ""},
	{"drain", contract.UpdateDrain, "Empty the GPU, for maintenance",
		"What is on the GPU is finished; other requests are answered \"AI service temporarily\nunavailable\" with the reason, batch waits. It ends by itself when the time is over.",
		"  signalbox drain --for 30m --reason \"new driver\"", ""},
	{"undrain", contract.UpdateUndrain, "End a drain", "Requests and batch may use the GPU again.", "  signalbox undrain", ""},
}

func (c operatorCommand) command(o *options) *cobra.Command {
	var r contract.OperatorRequest
	u, err := contract.FindOperatorUpdate(c.update)
	cmd := &cobra.Command{
		Use: c.name, Short: c.short, Long: c.short + ".\n\n" + c.long, Example: c.example, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err != nil {
				return err
			}
			if r.By == "" {
				r.By = me()
			}
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				if len(args) > 0 {
					return o.operateJob(cmd, s, args[0], c.job, r)
				}
				result, err := s.Operate(cmd.Context(), contract.DefaultGPU, c.update, r)
				if err = schedulerError(err); err != nil {
					return err
				}
				if o.json() {
					return printJSON(cmd.OutOrStdout(), result)
				}
				printOrders(cmd.OutOrStdout(), result)
				return nil
			})
		},
	}
	if c.job != "" {
		cmd.Use, cmd.Args = c.name+" [JOB]", cobra.MaximumNArgs(1)
	}
	if u.Most > 0 {
		cmd.Flags().StringVar(&r.For, "for", "", fmt.Sprintf("how long, up to %s (default %s)", short(u.Most), short(u.Default)))
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why, for whoever asks")
	cmd.Flags().StringVar(&r.By, "by", "", "who (default: you)")
	return cmd
}

// me is who runs the command.
func me() string {
	name := "somebody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// short writes a duration of whole hours or minutes as people do.
func short(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return d.String()
}

func printOrders(w io.Writer, r contract.OperatorResult) {
	if r.Pending {
		fmt.Fprintln(w, "PENDING: no GPU worker has it yet; it is brought there as soon as one answers")
	}
	now := time.Now()
	for _, order := range []struct {
		what string
		contract.Order
	}{{"batch is paused", r.Orders.Pause}, {"the GPU is drained", r.Orders.Drain}, {"the window is opened", r.Orders.Override}} {
		if order.InForce(now) {
			fmt.Fprintln(w, order.Describe(order.what))
		}
	}
	if r.Open {
		fmt.Fprintln(w, "batch may run")
	} else {
		fmt.Fprintf(w, "batch is on hold: %s\n", r.Reason)
	}
}
