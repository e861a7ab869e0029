package activities

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"signalbox/internal/device"
	"signalbox/internal/documents"
	"signalbox/internal/ollama"
	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

// session is one run's time on the GPU: it makes the model calls, one after
// another, and asks the device before each.
type session struct {
	gpu   *GPU
	grant *device.Grant
	class contract.Class
	pulse *pulse

	loaded  ollama.Model // by this session
	cleanup *contract.Cleanup
	timings contract.Timings
	tokens  contract.Tokens
	calls   int
	callEnd time.Duration // on the GPU, when the last call finished
	// suspect: the GPU worked until this very call.
	suspect bool

	// partial is what the call has said that was aborted, and partialFor how long
	// that took; kept of it is not lost.
	partial    *ollama.Partial
	partialFor time.Duration
	kept       time.Duration
	continued  int // calls that went on from a partial text
}

// errRefused is that the device did not let a run on the GPU.
type errRefused struct{ verdict device.Verdict }

func (e *errRefused) Error() string { return e.verdict.Reason }

// errMadeWay is that the run may not begin another model call.
type errMadeWay struct{ verdict device.Verdict }

func (e *errMadeWay) Error() string { return e.verdict.Reason }

// errBrokenOutput is that the model broke the schema twice.
type errBrokenOutput struct{ last error }

func (e *errBrokenOutput) Error() string { return e.last.Error() }

// enter asks the device for the GPU. The caller ends the session.
func (g *GPU) enter(ctx context.Context, p *pulse, run device.Run) (*session, error) {
	grant, verdict, err := g.Device.Acquire(ctx, run)
	if err != nil {
		return nil, err
	}
	if grant == nil {
		return nil, &errRefused{verdict}
	}
	return &session{gpu: g, grant: grant, class: run.Class, pulse: p}, nil
}

// end verifies the card's memory and gives the GPU back. It may be called more than
// once. A run that makes way does not keep the next one waiting, which verifies it too.
func (s *session) end() {
	if s.loaded.Name != "" && s.cleanup == nil && s.grant.Context().Err() == nil {
		c := s.gpu.Memory.Clean(s.grant.Context(), s.class, s.loaded)
		s.cleanup = &c
		s.gpu.Metrics.Cleaned(c)
	}
	s.grant.End()
}

// lost is how long on the GPU is thrown away if the run ends now.
func (s *session) lost() time.Duration { return max(0, s.grant.Elapsed()-s.callEnd-s.kept) }

// begin makes the model the one that is loaded, and asks whether a call may begin.
func (s *session) begin(m ollama.Model) error {
	if err := s.pulse.confirmed(s.grant.Context()); err != nil {
		return s.fault(err)
	}
	if s.loaded.Name != m.Name {
		took, err := s.gpu.Memory.Prepare(s.grant.Context(), s.class, m)
		if err != nil {
			return s.fault(err)
		}
		s.loaded = m
		s.timings.LoadMs += took.Milliseconds()
		s.grant.Loaded(took)
		if took > 0 {
			s.gpu.Metrics.Loaded(m.Name, took)
		}
	}
	if v, ok := s.grant.MayContinue(); !ok {
		return &errMadeWay{v}
	}
	return nil
}

// warm is a model with how long it is to stay after the call.
func (s *session) warm(m ollama.Model) ollama.Model {
	m.KeepAlive = s.gpu.Memory.KeepAlive(s.class, s.grant.ClosedFor())
	return m
}

// finished counts a model call.
func (s *session) finished(t contract.Timings, n contract.Tokens) {
	s.grant.Succeeded()
	s.calls++
	s.callEnd = s.grant.Elapsed()
	s.timings, s.tokens = s.timings.Add(t), s.tokens.Add(n)
}

// tightenings of a prompt that the server refuses as too long.
const tightenings = 3

// ask makes the model call of a task, and makes it once more when the answer
// breaks its schema. rebuild makes the task anew, when its prompt has to be tighter.
func (s *session) ask(t *tasks.Task, rebuild func() (*tasks.Task, error)) (json.RawMessage, *tasks.Task, error) {
	tight, broken := 0, 0
	for {
		t.Call.Model = s.warm(t.Call.Model)
		if err := s.begin(t.Call.Model); err != nil {
			return nil, nil, err
		}
		a, err := s.gpu.Server.Generate(s.grant.Context(), t.Call)
		var output json.RawMessage
		switch kind := ollama.KindOf(err); {
		case err == nil:
			s.finished(a.Timings, a.Tokens)
			s.gpu.Memory.Generated(t.Call.Model, a.Tokens.Output, time.Duration(a.Timings.GenerateMs)*time.Millisecond)
			if a.Continued {
				s.continued++
			}
			s.gpu.Tasks.Observe(t, a)
			if output, err = t.Read(a); err == nil {
				return output, t, nil
			}
		case kind == ollama.KindTooLong && tight < tightenings && t.Use.UsedChars > 0:
			tight++
			s.gpu.Tasks.Tighten()
			if t, err = rebuild(); err != nil {
				return nil, nil, err
			}
			continue
		case kind != ollama.KindOutput:
			s.partial, s.partialFor = a.Partial, a.GeneratedFor
			return nil, nil, s.fault(err)
		}
		if cause := context.Cause(s.grant.Context()); cause != nil {
			return nil, nil, s.fault(cause)
		}
		t.Call.From = nil // a text that ends in repetitions is not gone on with
		if broken++; broken == 2 && t.Partial && a.Text != "" {
			s.finished(a.Timings, a.Tokens)
			output, err = t.Read(a)
			return output, t, err
		} else if broken == 2 {
			return nil, nil, &errBrokenOutput{err}
		}
	}
}

// embed makes one call for vectors.
func (s *session) embed(c ollama.EmbedCall) ([][]float32, error) {
	c.Model = s.warm(c.Model)
	if err := s.begin(c.Model); err != nil {
		return nil, err
	}
	v, err := s.gpu.Server.Embed(s.grant.Context(), c)
	if err != nil {
		return nil, s.fault(err)
	}
	s.finished(v.Timings, v.Tokens)
	return v.Vectors, nil
}

// documentError leaves a document's own problem as it is; anything else is the
// store's.
func documentError(err error) error {
	var own *documents.Problem
	if err == nil || errors.As(err, &own) {
		return err
	}
	return storeError(err)
}

// fault tells the device when the GPU or its server has failed a run, and
// passes the error on. A run that was aborted has not failed.
func (s *session) fault(err error) error {
	if cause := s.grant.Aborted(); cause != nil {
		return cause
	}
	if ctxErr := s.grant.Context().Err(); ctxErr != nil {
		return ctxErr
	}
	if isKind(err, ollama.KindUnavailable, ollama.KindLoad, ollama.KindModelMissing) {
		s.suspect = s.grant.Failed(err.Error())
	}
	return err
}

// aborted reports that err is the device's doing and not a failure.
func aborted(err error) bool {
	var madeWay *errMadeWay
	return errors.As(err, &madeWay) || errors.Is(err, device.ErrPreempted) ||
		errors.Is(err, device.ErrClaimLost) || errors.Is(err, device.ErrStopping)
}

func isKind(err error, kinds ...ollama.Kind) bool {
	var e *ollama.Error
	return errors.As(err, &e) && slices.Contains(kinds, e.Kind)
}
