package contract

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
)

// Types of the application errors that callers see as a workflow's direct
// cause. None of them is retryable.
const (
	// ErrTypeUnavailable: the GPU cannot serve now; try again later.
	ErrTypeUnavailable = "AIServiceUnavailable"
	// ErrTypeInvalidInput: the input is wrong; the first detail names the field.
	ErrTypeInvalidInput = "InvalidInput"
	// ErrTypeInvalidModelOutput: the model broke the schema twice.
	ErrTypeInvalidModelOutput = "InvalidModelOutput"
)

// Types of errors that stay between activities and their workflow.
const (
	// ErrTypeLost: the attempt was lost with its GPU worker.
	ErrTypeLost = "Lost"
	// ErrTypeGPUUnavailable: AwaitGPU's failure, while the GPU is away.
	ErrTypeGPUUnavailable = "GPUUnavailable"
	// ErrTypeUnclaimed: a GPU worker without the claim; another may answer.
	ErrTypeUnclaimed = "Unclaimed"
)

// MessageUnavailable is the seed's sentence; app backends show it to people.
const MessageUnavailable = "AI service temporarily unavailable"

// Reason says why the AI service is unavailable.
type Reason string

// Reasons of AIServiceUnavailable.
const (
	ReasonHostGone     Reason = "host-gone"
	ReasonUnhealthy    Reason = "unhealthy"
	ReasonDrained      Reason = "drained"
	ReasonLoadFailed   Reason = "load-failed"
	ReasonWaitExceeded Reason = "wait-exceeded"
	ReasonLost         Reason = "lost"
)

// Unavailable is the first detail of an AIServiceUnavailable error.
type Unavailable struct {
	Reason            Reason `json:"reason"`
	RetryAfterSeconds int    `json:"retryAfterSeconds"`
	// Detail says in words what is known, for logs and operators.
	Detail string `json:"detail,omitempty"`
}

// NewUnavailable makes the error that a realtime request ends with when the
// GPU cannot serve it.
func NewUnavailable(u Unavailable) error {
	if u.RetryAfterSeconds == 0 {
		u.RetryAfterSeconds = 30
	}
	return expected(MessageUnavailable, ErrTypeUnavailable, false, u)
}

// NewLost is the error of an attempt that was lost with its GPU worker.
func NewLost(reason string) error { return expected(reason, ErrTypeLost, false) }

// NewUnclaimed is the error of a GPU worker without the claim.
func NewUnclaimed(reason string) error { return expected(reason, ErrTypeUnclaimed, true) }

// NewGPUUnavailable is AwaitGPU's failure, whose retry is the wait.
func NewGPUUnavailable(reason string) error {
	return expected("GPU unavailable: "+reason, ErrTypeGPUUnavailable, true)
}

// expected is an error that is part of normal operation: workers do not log it
// as their own.
func expected(message, errType string, retry bool, details ...any) error {
	return temporal.NewApplicationErrorWithOptions(message, errType, temporal.ApplicationErrorOptions{
		NonRetryable: !retry, Details: details, Category: temporal.ApplicationErrorCategoryBenign,
	})
}

// FieldError is one wrong field of an input.
type FieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

// fieldErr builds a FieldError with a formatted reason.
func fieldErr(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// NewInvalidInput turns a FieldError, or any other error, into the application
// error of type InvalidInput with the field as its first detail.
func NewInvalidInput(err error) error {
	var f *FieldError
	if !errors.As(err, &f) {
		f = &FieldError{Field: "input", Reason: err.Error()}
	}
	return temporal.NewNonRetryableApplicationError(f.Error(), ErrTypeInvalidInput, nil, *f)
}

// NewInvalidModelOutput is the error of a request whose model broke the schema
// twice.
func NewInvalidModelOutput(reason string) error {
	return temporal.NewNonRetryableApplicationError(
		"the model's answer broke the schema twice: "+reason, ErrTypeInvalidModelOutput, nil)
}

// AsUnavailable returns the details when err is, or wraps, AIServiceUnavailable.
func AsUnavailable(err error) (Unavailable, bool) {
	var u Unavailable
	app, ok := appError(err, ErrTypeUnavailable)
	if !ok {
		return u, false
	}
	_ = app.Details(&u) // an error without details is still this error
	return u, true
}

// AsInvalidInput returns the field when err is, or wraps, InvalidInput.
func AsInvalidInput(err error) (FieldError, bool) {
	var f FieldError
	app, ok := appError(err, ErrTypeInvalidInput)
	if !ok {
		return f, false
	}
	_ = app.Details(&f)
	return f, true
}

func appError(err error, errType string) (*temporal.ApplicationError, bool) {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.Type() == errType {
		return app, true
	}
	return nil, false
}
