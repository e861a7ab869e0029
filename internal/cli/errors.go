package cli

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"signalbox/starter"
	"signalbox/workflows/contract"
)

// Exit codes.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitUnavailable = 3
	ExitNotFound    = 4
	ExitFailed      = 5
	ExitSomeFailed  = 6
	ExitInterrupted = 130
)

// problem is an error for scripts.
type problem struct {
	Type     string `json:"type"`
	Message  string `json:"message"`
	Field    string `json:"field,omitempty"`
	Reason   string `json:"reason,omitempty"`
	RetryIn  int    `json:"retryAfterSeconds,omitempty"`
	ExitCode int    `json:"exitCode"`
}

func describe(err error, code int) problem {
	p := problem{Type: "Error", Message: explain(err), ExitCode: code}
	if u, ok := contract.AsUnavailable(err); ok {
		p.Type, p.Reason, p.RetryIn = contract.ErrTypeUnavailable, string(u.Reason), u.RetryAfterSeconds
		return p
	}
	if f, ok := contract.AsInvalidInput(err); ok {
		p.Type, p.Field = contract.ErrTypeInvalidInput, f.Field
		return p
	}
	var app *temporal.ApplicationError
	switch {
	case errors.As(err, &app):
		p.Type = app.Type()
	case code == ExitUsage:
		p.Type = "Usage"
	case code == ExitNotFound:
		p.Type = "NotFound"
	}
	return p
}

// errSomeFailed is that a job has ended and some of its documents failed.
var errSomeFailed = errors.New("some documents failed")

// usageError is a mistake in the command line.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func exitCode(err error) int {
	var wrong *usageError
	var notFound *serviceerror.NotFound
	var failed *temporal.WorkflowExecutionError
	if _, ok := contract.AsUnavailable(err); ok {
		return ExitUnavailable
	}
	if _, ok := contract.AsInvalidInput(err); ok {
		return ExitUsage
	}
	switch {
	case errors.As(err, &wrong), errors.Is(err, starter.ErrKeyReused), errors.Is(err, starter.ErrRFAExists), errors.Is(err, starter.ErrOther),
		isUnknownCommand(err), strings.HasPrefix(err.Error(), "accepts "):
		return ExitUsage
	case errors.As(err, &notFound):
		return ExitNotFound
	case errors.As(err, &failed):
		return ExitFailed
	}
	return ExitError
}

// isUnknownCommand: Cobra has no type for it.
func isUnknownCommand(err error) bool { return strings.HasPrefix(err.Error(), "unknown command") }

// inWords is an error in words of ours.
type inWords struct {
	text string
	err  error
}

func (e *inWords) Error() string { return e.text }

func (e *inWords) Unwrap() error { return e.err }

// explain says in one line what went wrong and, where known, what to do.
func explain(err error) string {
	var said *inWords
	if errors.As(err, &said) {
		return err.Error()
	}
	if u, ok := contract.AsUnavailable(err); ok {
		s := fmt.Sprintf("%s (%s; try again in %d s)", contract.MessageUnavailable, u.Reason, u.RetryAfterSeconds)
		if u.Detail != "" {
			s += ": " + u.Detail
		}
		return s
	}
	if f, ok := contract.AsInvalidInput(err); ok {
		return "invalid input: " + f.Error()
	}
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) {
		return "it was cancelled"
	}
	var query *serviceerror.QueryFailed
	if errors.As(err, &query) {
		return query.Message
	}
	if isUnknownCommand(err) {
		return err.Error() + "; see signalbox --help"
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	if errors.Is(err, starter.ErrOther) && strings.Contains(err.Error(), contract.WorkflowRFAApproval) {
		return err.Error() + "; see signalbox rfa --help"
	}
	return err.Error()
}
