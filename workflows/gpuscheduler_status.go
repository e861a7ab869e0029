package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// status is the answer of the query.
func (s *scheduler) status() contract.SchedulerStatus {
	now := s.seen
	v := s.state.Verdict(now)
	st := contract.SchedulerStatus{
		Open: v.Open, Reason: v.Reason, Until: v.Until,
		TimeZone: s.config.Calendar.TimeZone, WindowOpen: s.state.Window.Open, NextChange: s.state.Window.NextChange,
		Orders: s.state.Gate.Orders,
		GPU:    s.state.Device, HostGone: s.state.Gone != "", Config: s.config, LastToken: s.state.LastToken,
		Jobs: []contract.JobStatus{},
	}
	for _, j := range s.state.Jobs {
		if j.Lease == nil || len(st.Jobs) == contract.MaxListedJobs {
			continue
		}
		js := contract.JobStatus{ID: j.Ref.WorkflowID, Priority: j.Priority, State: contract.JobRunning, Lease: j.Lease, Since: j.Since}
		if j.Held {
			js.State, js.Reason = contract.JobHeld, v.Reason
		}
		st.Jobs = append(st.Jobs, js)
	}
	for _, j := range s.state.Jobs {
		if j.IsPaused() && len(st.Jobs) < contract.MaxListedJobs {
			st.Jobs = append(st.Jobs, contract.JobStatus{
				ID: j.Ref.WorkflowID, Priority: j.Priority, State: contract.JobPaused, Since: j.Since, Reason: j.Paused.Describe("paused"),
			})
		}
	}
	line := s.state.Line()
	st.Waiting = len(line)
	for i, j := range line {
		if len(st.Jobs) == contract.MaxListedJobs {
			break
		}
		st.Jobs = append(st.Jobs, contract.JobStatus{
			ID: j.Ref.WorkflowID, Priority: j.Priority, State: contract.JobWaiting, Position: i + 1,
			Since: j.Since, Reason: s.waitReason(v.Open, v.Reason, i),
		})
	}
	return st
}

func (s *scheduler) waitReason(open bool, reason string, position int) string {
	switch {
	case !open:
		return reason
	case position == 0:
		return "next in line"
	}
	return fmt.Sprintf("%d before it in line", position)
}

// show puts the state into the Web UI's current details.
func (s *scheduler) show(ctx workflow.Context, now time.Time) {
	s.seen = now
	st := s.status()
	var b strings.Builder
	if st.Open {
		b.WriteString("**Batch is open.**")
	} else {
		fmt.Fprintf(&b, "**Batch is on hold**: %s.", st.Reason)
	}
	if !st.Until.IsZero() {
		fmt.Fprintf(&b, " Until %s.", st.Until.UTC().Format(time.RFC3339))
	}
	b.WriteString("\n\n")
	if o := st.Orders.Override; o.InForce(now) {
		fmt.Fprintf(&b, "Window %s.\n\n", o.Describe("opened"))
	}
	if g := st.GPU; g != nil {
		fmt.Fprintf(&b, "GPU %s on %s: %s", g.GPU, g.Host, g.Health.Value)
		if g.Health.Reason != "" {
			fmt.Fprintf(&b, " (%s)", g.Health.Reason)
		}
		if g.Simulated {
			b.WriteString(", simulated")
		}
		if g.Run != nil {
			fmt.Fprintf(&b, "; running %s %s", g.Run.Class, g.Run.Job)
		}
		fmt.Fprintf(&b, "; %d realtime waiting.\n\n", g.RealtimeWaiting)
	}
	for _, j := range st.Jobs {
		fmt.Fprintf(&b, "- %s: %s %s\n", j.ID, j.State, j.Reason)
	}
	if more := len(s.state.Jobs) - len(st.Jobs); more > 0 {
		fmt.Fprintf(&b, "- and %d more\n", more)
	}
	workflow.SetCurrentDetails(ctx, b.String())
}
