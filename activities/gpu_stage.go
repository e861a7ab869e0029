package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"signalbox/internal/device"
	"signalbox/internal/documents"
	"signalbox/internal/ollama"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/internal/telemetry"
	"signalbox/workflows/contract"
)

// RunStage runs one stage of one document. It ends with an outcome; an error
// is only for what is broken. What an earlier attempt has finished is found in
// the store and not done again.
func (g *GPU) RunStage(ctx context.Context, in contract.StageRun) (contract.StageOutcome, error) {
	info := activity.GetInfo(ctx)
	g.Device.ServerTime(info.StartedTime)
	s := &stageRun{gpu: g, in: in, key: store.StageKey(in.ProjectID, in.Job.WorkflowID, in.Document.ID, in.Stage)}
	s.out.Attempt = int(info.Attempt)
	s.pulse = g.beat(ctx)
	defer s.pulse.stop()
	do, known := map[string]func(context.Context) error{
		contract.StageOCR: s.ocr, contract.StageExtractMetadata: s.extract, contract.StageEmbedDocument: s.embedDocument,
	}[in.Stage]
	if !known {
		return s.out.With(contract.OutcomeFailed, fmt.Sprintf("stage %q is unknown", in.Stage)), nil
	}
	err := g.shared(in.Prepared)
	if err == nil {
		err = do(ctx)
	}
	s.leave()
	out, err := s.outcome(ctx, err)
	s.measure(out, err)
	return out, err
}

// stageRun is one stage of one document on its way.
type stageRun struct {
	gpu     *GPU
	in      contract.StageRun
	key     string // of its output
	out     contract.StageOutcome
	session *session
	pulse   *pulse
}

// measure records the run that has ended.
func (s *stageRun) measure(out contract.StageOutcome, err error) {
	if s.session == nil && err == nil && out.Outcome == contract.OutcomeDone {
		return // all of it was in the store: it did not want the GPU
	}
	if out.Outcome == contract.OutcomeDone && s.in.Preemptions == 0 && out.Attempt == 1 {
		s.session.grant.Learn(time.Duration(out.GPUMs) * time.Millisecond)
	}
	run := telemetry.Run{
		OnGPU: s.session != nil, Class: contract.Batch, Stage: s.in.Stage, Outcome: string(out.Outcome),
		Busy: time.Duration(out.GPUMs) * time.Millisecond, Lost: time.Duration(out.LostMs) * time.Millisecond,
	}
	if err != nil {
		run.Outcome = outcomeError
	}
	if s.session != nil {
		run.Tokens = s.session.tokens
	}
	s.gpu.Metrics.Ran(run)
}

// outcomeError is how the metrics call a run that ended with an error.
const outcomeError = "error"

// onGPU enters the GPU, once: a stage whose calls are all in the store does not
// need it.
func (s *stageRun) onGPU(ctx context.Context, m ollama.Model) (*session, error) {
	if s.session != nil {
		return s.session, nil
	}
	var err error
	s.session, err = s.gpu.enter(ctx, s.pulse, device.Run{
		Class: contract.Batch, Lease: s.in.Lease, Job: s.in.Job.WorkflowID,
		Document: s.in.Document.ID, Stage: s.in.Stage, Model: m.Name, OffCard: m.CPU,
	})
	return s.session, err
}

// leave gives the GPU back before the output is written, and takes its time.
func (s *stageRun) leave() {
	if s.session == nil || s.out.GPUMs > 0 {
		return
	}
	s.out.GPUMs, s.out.LostMs = s.session.grant.Elapsed().Milliseconds(), s.session.lost().Milliseconds()
	s.out.CallsDone, s.out.Continued, s.out.Suspect = s.session.calls, s.session.continued, s.session.suspect
	s.session.end()
	s.out.Cleanup = s.session.cleanup
}

// finished looks for an output of an earlier attempt.
func (s *stageRun) finished(ctx context.Context, inputHash string) (bool, error) {
	var earlier contract.StageOutput
	found, err := s.gpu.Store.FindJSON(ctx, s.key, &earlier)
	if err != nil || !found {
		return false, storeError(err)
	}
	s.out.Simulated = earlier.Simulated
	return earlier.InputHash == inputHash, nil
}

// write keeps the output, whole or not at all.
func (s *stageRun) write(ctx context.Context, out contract.StageOutput) error {
	s.leave()
	s.out.Simulated = s.gpu.Device.State().Simulated
	out.DocumentID, out.Stage, out.Simulated = s.in.Document.ID, s.in.Stage, s.out.Simulated
	if s.session != nil {
		out.Timings, out.Tokens = s.session.timings, s.session.tokens
	}
	return s.gpu.keep(ctx, s.key, out)
}

// text is the document's text.
func (s *stageRun) text(ctx context.Context) (string, error) {
	if s.in.Prepared.Origin != contract.TextOCR {
		text, err := documents.Text(ctx, s.gpu.Store, s.in.ProjectID, s.in.Document.Key, s.in.Prepared)
		return text, documentError(err)
	}
	var read contract.StageOutput
	key := store.StageKey(s.in.ProjectID, s.in.Job.WorkflowID, s.in.Document.ID, contract.StageOCR)
	switch found, err := s.gpu.Store.FindJSON(ctx, key, &read); {
	case err != nil:
		return "", storeError(err)
	case found:
		return ocrText(read)
	}
	out, err := s.gpu.pages(ctx, s.scan(), func(page int) (tasks.PageText, error) {
		return tasks.PageText{}, fmt.Errorf("page %d has not been read; add the stage ocr", page)
	})
	return out.Text, err
}

func (s *stageRun) scan() scan {
	return s.gpu.scan(s.in.ProjectID, s.in.Document.Key, s.in.Document.ContentType, s.in.Prepared)
}

// outcome turns what went wrong into an outcome.
func (s *stageRun) outcome(ctx context.Context, err error) (contract.StageOutcome, error) {
	var refused *errRefused
	var madeWay *errMadeWay
	var broken *errBrokenOutput
	var away *errStore
	if err == nil || !aborted(err) {
		s.out.LostMs = 0 // its calls are done, or it failed
	}
	switch {
	case err == nil:
		return s.out.With(contract.OutcomeDone, ""), nil
	case errors.As(err, &refused):
		o := s.out.With(refused.verdict.Outcome, refused.verdict.Reason)
		o.RetryAfterMs, o.LeaseOver = refused.verdict.RetryAfter.Milliseconds(), refused.verdict.LeaseOver
		return o, nil
	case errors.As(err, &madeWay):
		o := s.out.With(contract.OutcomePreempted, madeWay.Error())
		o.LeaseOver = madeWay.verdict.LeaseOver
		return o, nil
	case errors.Is(err, device.ErrClaimLost):
		// It ran, but not as the owner: as if it had not.
		return s.out.With(contract.OutcomeBounced, err.Error()), nil
	case aborted(err):
		return s.out.With(contract.OutcomePreempted, err.Error()), nil
	case ctx.Err() != nil:
		return s.out, ctx.Err()
	case errors.As(err, &broken):
		return s.out.With(contract.OutcomeFailed, "the model's answer broke the schema twice: "+broken.Error()), nil
	case errors.As(err, &away), isKind(err, ollama.KindUnavailable, ollama.KindLoad, ollama.KindNoRoom, ollama.KindModelMissing):
		return s.out.With(contract.OutcomeGPUUnavailable, err.Error()), nil
	}
	// The document's own: it would fail again.
	return s.out.With(contract.OutcomeFailed, err.Error()), nil
}
