package ollama

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/ollama/ollama/api"
)

// Kind of a failed call: whose fault it is, and so what may be tried again.
type Kind string

// Kinds.
const (
	// KindUnavailable: the server or the GPU failed; another time may work.
	KindUnavailable Kind = "unavailable"
	// KindLoad: the model could not be loaded.
	KindLoad Kind = "load"
	// KindNoRoom: there is no room for the model on the card; nothing has failed.
	KindNoRoom Kind = "no-room"
	// KindModelMissing: the server does not have the model.
	KindModelMissing Kind = "model-missing"
	// KindRequest: the server refused the request; it would again.
	KindRequest Kind = "request"
	// KindTooLong: the input exceeds the model's context window.
	KindTooLong Kind = "too-long"
	// KindOutput: the model did not end its answer by itself (it repeats
	// itself); another time may work, the GPU is well.
	KindOutput Kind = "output"
)

// Error is a failed call.
type Error struct {
	Kind  Kind
	Model string
	Err   error
}

func (e *Error) Error() string {
	if e.Model == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("model %s: %v", e.Model, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err, KindUnavailable for any other error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindUnavailable
}

// classify makes an Error of what the client returned. A cancelled context
// stays what it is: nobody failed.
func classify(ctx context.Context, model string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		var limit *limitError
		if errors.As(cause, &limit) {
			return &Error{Kind: KindUnavailable, Model: model, Err: limit}
		}
		return cause
	}
	kind := KindUnavailable
	var status api.StatusError
	if errors.As(err, &status) {
		switch {
		case strings.Contains(status.ErrorMessage, "input length exceeds"):
			kind = KindTooLong
		case status.StatusCode == http.StatusNotFound:
			kind = KindModelMissing
		case strings.Contains(status.ErrorMessage, "do embedding request"):
			// The runner died in it, which Ollama answers with 400.
		case status.StatusCode >= 400 && status.StatusCode < 500 && status.StatusCode != http.StatusTooManyRequests:
			kind = KindRequest
		case strings.Contains(status.ErrorMessage, "invalid format"), strings.HasPrefix(status.ErrorMessage, "option "):
			kind = KindRequest // Ollama answers these mistakes of ours with 500
		}
	}
	return &Error{Kind: kind, Model: model, Err: shorten(err)}
}

// shorten bounds what a proxy's HTML page would put into logs and histories,
// and drops what differs from one failure to the next: a reason that carries
// the port of a connection would be news each time.
func shorten(err error) error {
	const most = 300
	var op *net.OpError
	if errors.As(err, &op) {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	if s := err.Error(); len(s) > most {
		return errors.New(strings.ToValidUTF8(s[:most], "") + "…")
	}
	return err
}

// limitError says which budget ran out.
type limitError struct{ what string }

func (e *limitError) Error() string { return e.what }
