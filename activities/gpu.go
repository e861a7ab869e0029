package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"signalbox/internal/device"
	"signalbox/internal/ollama"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

// ModelServer is what the GPU activities need of a model server.
type ModelServer interface {
	// Load makes a model the one in memory; it returns how long that took.
	Load(context.Context, ollama.Model) (time.Duration, error)
	// Generate makes one model call.
	Generate(context.Context, ollama.Call) (ollama.Answer, error)
}

// GPU has the activities of the gpu queue.
type GPU struct {
	Device *device.Device
	Server ModelServer
	Tasks  *tasks.Maker
	Store  *store.Store
}

// answered is what came of asking the model.
type answered struct {
	output  json.RawMessage
	timings contract.Timings
	tokens  contract.Tokens
	// suspect: the GPU worked until this very call.
	suspect bool
}

// errBrokenOutput is that the model broke the schema twice.
type errBrokenOutput struct{ last error }

func (e *errBrokenOutput) Error() string { return e.last.Error() }

// errMadeWay is that the run may not begin another model call.
type errMadeWay struct{ verdict device.Verdict }

func (e *errMadeWay) Error() string { return e.verdict.Reason }

// ask makes the model call of a task on the GPU, and makes it once more when
// the answer breaks its schema.
func (g *GPU) ask(grant *device.Grant, t *tasks.Task) (answered, error) {
	var out answered
	ctx := grant.Context()
	took, err := g.Server.Load(ctx, t.Call.Model)
	if err != nil {
		_, err = g.fault(grant, err)
		return out, err
	}
	out.timings.LoadMs = took.Milliseconds()
	for try := 1; ; try++ {
		if v, ok := grant.MayContinue(); !ok {
			return out, &errMadeWay{v}
		}
		a, err := g.Server.Generate(ctx, t.Call)
		if err != nil && ollama.KindOf(err) != ollama.KindOutput {
			out.suspect, err = g.fault(grant, err)
			return out, err
		}
		if err == nil {
			grant.Succeeded()
			g.Tasks.Observe(t, a)
			out.timings, out.tokens = out.timings.Add(a.Timings), out.tokens.Add(a.Tokens)
			out.output, err = t.Read(a)
		}
		if err == nil {
			return out, nil
		}
		if cause := context.Cause(ctx); cause != nil {
			_, err = g.fault(grant, cause)
			return out, err
		}
		if try == 2 {
			return out, &errBrokenOutput{err}
		}
	}
}

// fault tells the device when the GPU or its server has failed a run, and
// passes the error on. A run that was aborted has not failed.
func (g *GPU) fault(grant *device.Grant, err error) (suspect bool, _ error) {
	if cause := grant.Aborted(); cause != nil {
		return false, cause
	}
	if ctxErr := grant.Context().Err(); ctxErr != nil {
		return false, ctxErr
	}
	if k := ollama.KindOf(err); k == ollama.KindUnavailable || k == ollama.KindLoad {
		suspect = grant.Failed(err.Error())
	}
	return suspect, err
}

// aborted reports that err is the device's doing and not a failure.
func aborted(err error) bool {
	var madeWay *errMadeWay
	return errors.As(err, &madeWay) || errors.Is(err, device.ErrPreempted) ||
		errors.Is(err, device.ErrClaimLost) || errors.Is(err, device.ErrStopping)
}

func isKind(err error, kinds ...ollama.Kind) bool {
	var e *ollama.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, k := range kinds {
		if e.Kind == k {
			return true
		}
	}
	return false
}

func storeProblem(err error) string { return fmt.Sprintf("the document store does not work: %v", err) }
