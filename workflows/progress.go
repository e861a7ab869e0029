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
	return s
}
