package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"signalbox/internal/config"
	"signalbox/starter"
	"signalbox/workflows/contract"
)

func statusCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status [ID]",
		Short: "Say who is on the GPU, who waits and why; or how far one request or job is",
		Example: `  signalbox status
  signalbox status batch-20261124-101500-a1b2c3
  signalbox status --output json | jq .reason`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(cmd.Context(), func(s *starter.Starter) error {
				if len(args) == 1 && args[0] != contract.SchedulerID(contract.DefaultGPU) {
					return o.printProgress(cmd, s, args[0])
				}
				st, err := s.Status(cmd.Context(), contract.DefaultGPU)
				if err = schedulerError(err); err != nil {
					return err
				}
				if o.json() {
					return printJSON(cmd.OutOrStdout(), st)
				}
				printStatus(cmd.OutOrStdout(), st)
				return nil
			})
		},
	}
}

func (o *options) printProgress(cmd *cobra.Command, s *starter.Starter, id string) error {
	p, err := s.Progress(cmd.Context(), id)
	if noWorker(err) {
		return &inWords{"no worker with the ai role answers for " + id + ": is one running, and was it started on the right task queue?", err}
	}
	if err != nil {
		return err
	}
	if o.json() {
		return printJSON(cmd.OutOrStdout(), p)
	}
	w := cmd.OutOrStdout()
	if p.Phase == contract.PhaseFailed && p.Done+p.Failed == 0 {
		fmt.Fprintf(w, "%s: `signalbox result %s` says why\n", p.Phase, id)
	} else {
		fmt.Fprintf(w, "%s: %d of %d done, %d failed\n", p.Phase, p.Done, p.Total, p.Failed)
	}
	if p.Reason != "" {
		fmt.Fprintln(w, p.Reason)
	}
	if p.GPUSecondsLeft > 0 {
		fmt.Fprintf(w, "about %s of the GPU left\n", time.Duration(p.GPUSecondsLeft)*time.Second)
	}
	if p.Position > 0 {
		fmt.Fprintf(w, "position %d in line\n", p.Position)
	}
	if text := expected(p.Times); text != "" {
		fmt.Fprintln(w, text)
	}
	return nil
}

func printStatus(out io.Writer, st contract.SchedulerStatus) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	if st.Open {
		fmt.Fprintf(w, "Batch\topen\n")
	} else {
		reason := st.Reason
		if !strings.Contains(reason, " until ") { // an order says it itself
			reason += until(st.Until)
		}
		fmt.Fprintf(w, "Batch\ton hold: %s\n", reason)
	}
	if o := st.Orders.Override; o.InForce(time.Now()) {
		fmt.Fprintf(w, "Override\t%s\n", o.Describe("the window is opened"))
	}
	window := "closed"
	if st.WindowOpen {
		window = "open"
	}
	if st.NextChange.IsZero() {
		fmt.Fprintf(w, "Window\t%s at any hour (%s)\n", window, st.TimeZone)
	} else {
		fmt.Fprintf(w, "Window\t%s until %s (%s)\n", window, inZone(st.NextChange, st.TimeZone), st.TimeZone)
	}
	printGPU(w, st)
	fmt.Fprintf(w, "Jobs\t%d begun, %d waiting\n", begun(st.Jobs), st.Waiting)
	for _, j := range st.Jobs {
		line := j.State
		if j.Position > 0 {
			line += fmt.Sprintf(", position %d", j.Position)
		}
		if j.Reason != "" {
			line += " (" + j.Reason + ")"
		}
		if text := expected(j.Times); text != "" {
			line += ", " + text
		}
		fmt.Fprintf(w, "\t%s\tpriority %d\t%s\n", j.ID, j.Priority, line)
	}
	fmt.Fprintf(w, "Configuration\tfrom %s, loaded %s, hash %s\n", st.Config.Host, clock(st.Config.LoadedAt), st.Config.Hash)
	fmt.Fprintf(w, "Store\t%s\n", config.StorePlace(st.Config.StoreURL))
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// begun counts the jobs that have a lease.
func begun(jobs []contract.JobStatus) int {
	n := 0
	for _, j := range jobs {
		if j.Lease != nil {
			n++
		}
	}
	return n
}

// expected says when something will start and end; what was expected for a time that
// has passed is due any moment.
func expected(t contract.Times) string {
	return t.Describe(func(at time.Time) string {
		if at.Before(time.Now()) {
			return "now"
		}
		return clock(at)
	})
}

// running says what is on the GPU. Which document that is comes every few seconds
// alone: of a job that has ended meanwhile it says nothing.
func running(st contract.SchedulerStatus) string {
	r := st.GPU.Run
	if r == nil || r.Class == contract.Batch && !slices.ContainsFunc(st.Jobs, func(j contract.JobStatus) bool { return j.ID == r.Job }) && st.Waiting == 0 {
		return "nothing"
	}
	text := string(r.Class) + " " + r.Job
	if r.Class == contract.Realtime {
		return fmt.Sprintf("%s, for %s", text, time.Since(r.Since).Round(time.Second))
	}
	return fmt.Sprintf("%s, %s, %s (as of %s)", text, r.Stage, r.Document, clock(st.GPU.At))
}

func printGPU(w io.Writer, st contract.SchedulerStatus) {
	g := st.GPU
	if g == nil {
		fmt.Fprintf(w, "GPU\tno GPU worker has reported\n")
		return
	}
	name := g.Card
	if name == "" {
		name = "card not known"
	}
	fmt.Fprintf(w, "GPU\t%s on %s: %s (%s)\n", g.GPU, g.Host, g.Health.Value, name)
	if g.Health.Reason != "" {
		fmt.Fprintf(w, "\t%s; admits %s\n", g.Health.Reason, g.Health.Admits)
	}
	if g.Simulated {
		fmt.Fprintf(w, "\tSIMULATED: no real model answers\n")
	}
	if g.Memory.Source == contract.MemoryUnknown {
		fmt.Fprintf(w, "Memory\tunknown%s\n", because(g.Memory.Why))
	} else {
		fmt.Fprintf(w, "Memory\t%s of %s used (%s)\n", contract.GiB(g.Memory.UsedBytes), contract.GiB(g.Memory.TotalBytes), g.Memory.Source)
	}
	if text := g.CardState.Describe(); text != "" {
		fmt.Fprintf(w, "Card\t%s\n", text)
	}
	for _, p := range g.CardState.Processes {
		fmt.Fprintf(w, "\t%s\n", p)
	}
	for _, m := range g.Models {
		fmt.Fprintf(w, "Model\t%s: %s\n", m.Name, m.Describe())
	}
	for _, text := range g.Warnings {
		fmt.Fprintf(w, "WARNING\t%s\n", text)
	}
	if g.Continuation != "" {
		fmt.Fprintf(w, "Continuation\t%s\n", g.Continuation)
	}
	fmt.Fprintf(w, "Running\t%s\n", running(st))
	fmt.Fprintf(w, "Realtime\t%d waiting, %d running\n", g.RealtimeWaiting, g.RealtimeRunning)
	if g.Overlaps > 0 {
		fmt.Fprintf(w, "OVERLAPS\t%d; two runs were on the GPU at once, please report this\n", g.Overlaps)
	}
}

// inZone is a time as it is in a zone; the day goes with it, because windows
// cross midnight.
func inZone(t time.Time, zone string) string {
	if loc, err := time.LoadLocation(zone); err == nil {
		t = t.In(loc)
	}
	return t.Format("Mon 15:04")
}

// schedulerError says of a scheduler that does not answer what to do about it.
func schedulerError(err error) error {
	var notFound *serviceerror.NotFound
	if noWorker(err) || errors.As(err, &notFound) {
		return &inWords{"no scheduler answers; is a worker with the scheduler role running? (signalbox worker --roles scheduler)", err}
	}
	return err
}

// noWorker reports that a query failed because no worker answers it.
func noWorker(err error) bool {
	var query *serviceerror.QueryFailed
	if err == nil || errors.As(err, &query) {
		return false
	}
	for _, sign := range []string{"no poller seen", "query timed out", "RST_STREAM", "Workflow Task in failed state", "context deadline exceeded"} {
		if strings.Contains(err.Error(), sign) {
			return true
		}
	}
	return false
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + clock(t)
}
