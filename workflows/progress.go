package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"signalbox/workflows/contract"
)

// ended is the last progress of a workflow that ends with an error.
func ended(p contract.Progress, err error) contract.Progress {
	p.Phase, p.Position, p.EtaSeconds, p.GPUSecondsLeft, p.Reason = contract.PhaseFailed, 0, 0, 0, err.Error()
	p.Times = contract.Times{}
	var app *temporal.ApplicationError
	switch {
	case temporal.IsCanceledError(err):
		p.Phase, p.Reason = contract.PhaseCancelled, ""
	case errors.As(err, &app):
		p.Reason = app.Message()
	}
	return p
}

// describe puts a progress into one line for the Web UI.
func describe(p contract.Progress) string {
	s := fmt.Sprintf("%s: %d of %d documents done, %d failed", p.Phase, p.Done, p.Total, p.Failed)
	if p.GPUSecondsLeft > 0 {
		s += fmt.Sprintf(", about %s of the GPU left", time.Duration(p.GPUSecondsLeft)*time.Second)
	}
	if p.Reason != "" {
		s += " (" + p.Reason + ")"
	}
	if p.Position > 0 {
		s += fmt.Sprintf(", position %d in line", p.Position)
	}
	return s + expected(p.Times, time.UTC)
}

// expected says of times, in a zone, when something will start and end.
func expected(t contract.Times, zone *time.Location) string {
	text := t.Describe(func(at time.Time) string { return at.In(zone).Format("Mon 2 Jan 15:04 MST") })
	if text != "" {
		text = ", " + text
	}
	return text
}
