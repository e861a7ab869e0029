package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

// follow shows a job's progress until it ends.
func follow(ctx context.Context, w io.Writer, s *starter.Starter, id string) {
	last := ""
	for ctx.Err() == nil {
		p, err := s.Progress(ctx, id)
		if err != nil {
			if said := "no progress: " + explain(err); said != last && ctx.Err() == nil {
				fmt.Fprintln(w, said)
				last = said
			}
			rest(ctx)
			continue
		}
		line := fmt.Sprintf("%s: %d of %d done, %d failed", p.Phase, p.Done, p.Total, p.Failed)
		if p.Reason != "" {
			line += " (" + p.Reason + ")"
		}
		if line != last {
			fmt.Fprintln(w, line)
			last = line
		}
		if p.Total > 0 && p.Done+p.Failed == p.Total {
			return
		}
		rest(ctx)
	}
}

// continued says how many model calls went on where they were, and how many
// documents made way so often that they went first.
func continued(r contract.BatchResult) (s string) {
	if r.Continued > 0 {
		s += fmt.Sprintf(", %d model calls went on where they were", r.Continued)
	}
	if r.OftenPreempted > 0 {
		s += fmt.Sprintf(", %d documents made way three times or more", r.OftenPreempted)
	}
	return s
}

func rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

func (o *options) printBatch(cmd *cobra.Command, s *starter.Starter, id string) error {
	// Progress is shown for as long as the result is awaited: a job that fails
	// or is cancelled has no last progress to wait for.
	watch, stop := context.WithCancel(cmd.Context())
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		if !o.json() {
			follow(watch, cmd.ErrOrStderr(), s, id)
		}
	}()
	r, err := s.Batch(cmd.Context(), id)
	stop()
	<-shown
	if err != nil {
		return o.stillRunning(cmd, id, err)
	}
	if o.json() {
		if err := printJSON(cmd.OutOrStdout(), r); err != nil || r.Failed == 0 {
			return err
		}
		return errSomeFailed
	}
	w := cmd.OutOrStdout()
	if r.Simulated {
		fmt.Fprintln(w, "SIMULATED: no real model answered")
	}
	fmt.Fprintf(w, "%d documents: %d done, %d failed, %d cancelled\n%s%s; %s on the GPU, %s of it lost to preemption\nreport: %s in project %s of the store\n",
		r.Total, r.Done, r.Failed, r.Cancelled, times("preempted", r.Preemptions), continued(r), ms(r.GPUMs), ms(r.LostGPUMs), r.Report, r.ProjectID)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "failed: %s: %s\n", f.ID, f.Reason)
	}
	if more := r.Failed - len(r.Failures); more > 0 {
		fmt.Fprintf(w, "and %d more that failed; the report has them all\n", more)
	}
	if r.Failed > 0 {
		return errSomeFailed
	}
	return nil
}
