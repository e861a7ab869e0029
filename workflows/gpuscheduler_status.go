package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"signalbox/internal/scheduling"
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
	line := s.state.Line()
	st.Waiting = len(line)
	list := func(jobs []*scheduling.Job, these func(*scheduling.Job) bool) {
		for _, j := range jobs {
			if these(j) && len(st.Jobs) < contract.MaxListedJobs {
				st.Jobs = append(st.Jobs, s.jobStatus(j, v))
			}
		}
	}
	list(s.state.Jobs, func(j *scheduling.Job) bool { return j.Lease != nil })
	list(s.state.Jobs, (*scheduling.Job).IsPaused)
	list(line, func(*scheduling.Job) bool { return true })
	return st
}

// jobStatus is what is known of one job.
func (s *scheduler) jobStatus(j *scheduling.Job, v scheduling.Verdict) contract.JobStatus {
	js := contract.JobStatus{ID: j.Ref.WorkflowID, Priority: j.Priority, State: contract.JobRunning, Lease: j.Lease, Since: j.Since}
	js.Position, js.Times = s.expect(js.ID)
	switch {
	case j.IsPaused():
		js.State, js.Reason = contract.JobPaused, j.Paused.Describe("paused")
	case j.Lease == nil:
		js.State, js.Reason = contract.JobWaiting, waitReason(v, js.Position)
	case j.Held:
		js.State, js.Reason = contract.JobHeld, v.Reason
	}
	return js
}

func waitReason(v scheduling.Verdict, position int) string {
	why := ""
	if !v.Open {
		why = ", and batch is on hold: " + v.Reason
	}
	if position <= 1 {
		return "next in line" + why
	}
	return fmt.Sprintf("%d before it in line%s", position-1, why)
}

// job is the answer of the query of that name.
func (s *scheduler) job(id string) (contract.JobStatus, error) {
	for _, j := range s.state.Jobs {
		if j.Ref.WorkflowID == id {
			return s.jobStatus(j, s.state.Verdict(s.seen)), nil
		}
	}
	return contract.JobStatus{}, fmt.Errorf("no job %s is registered with the scheduler", id)
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
		fmt.Fprintf(&b, "- %s: %s", j.ID, j.State)
		if j.Reason != "" {
			fmt.Fprintf(&b, " (%s)", j.Reason)
		}
		b.WriteString(expected(j.Times, s.zone()) + "\n")
	}
	if more := len(s.state.Jobs) - len(st.Jobs); more > 0 {
		fmt.Fprintf(&b, "- and %d more\n", more)
	}
	workflow.SetCurrentDetails(ctx, b.String())
}

// zone is the schedule's time zone.
func (s *scheduler) zone() *time.Location {
	if s.forecast != nil && s.forecast.calendar != nil {
		return s.forecast.calendar.Zone()
	}
	return time.UTC
}
