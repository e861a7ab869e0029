package starter

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"signalbox/workflows/contract"
)

// OperateJob makes one of a running batch job's updates (contract.JobUpdates):
// pause, resume or requeue-failed. Bad input, a job that is ending, and the id of a
// request are refused with an error of type InvalidInput; an id of neither is ErrOther.
func (s *Starter) OperateJob(ctx context.Context, job, update string, r contract.OperatorRequest) (contract.JobResult, error) {
	var out contract.JobResult
	err := s.update(ctx, job, update, r, &out)
	if err == nil {
		return out, nil
	}
	switch _, workflow, other := s.look(ctx, job); {
	case errors.Is(other, ErrOther):
		err = other
	case other == nil && workflow != contract.WorkflowAIRevisionBatch:
		err = noJob(job)
	}
	return out, err
}

// RequeueInput is the input of a new job for the documents of a job that has ended
// which failed or were cancelled: with its stages, options and priority. It is
// read from that job's history, which the server keeps for its retention.
func (s *Starter) RequeueInput(ctx context.Context, job string) (contract.BatchInput, error) {
	var in contract.BatchInput
	state, workflow, err := s.look(ctx, job)
	if err != nil {
		return in, err
	}
	if workflow != contract.WorkflowAIRevisionBatch {
		return in, noJob(job)
	}
	if state == Running {
		return in, contract.NewInvalidInput(&contract.FieldError{Field: "job", Reason: job + " runs; its update requeue-failed is for that"})
	}
	// One that has failed as a whole has no result; what it had done is found out by
	// the new job.
	if r, err := s.Batch(ctx, job); err == nil && r.Failed+r.Cancelled == 0 {
		return in, contract.NewInvalidInput(&contract.FieldError{Field: "job", Reason: "no document of " + job + " has failed or was cancelled"})
	}
	data, err := s.input(ctx, job, "")
	if err != nil {
		return in, err
	}
	if in, err = contract.DecodeBatchInput(data); err != nil {
		return in, fmt.Errorf("the input of %s: %w", job, err)
	}
	in.Documents, in.Manifest, in.Requeue = nil, "", job
	return in, nil
}

var requeuedID = regexp.MustCompile(`^(.*)-requeue-(\d+)$`)

// RequeueKey is the idempotency key of the job that requeues a job, unless another
// is wanted: asked for twice, it is one job.
func RequeueKey(job string) string {
	base, n := job, 0
	if m := requeuedID.FindStringSubmatch(job); m != nil {
		if known, err := strconv.Atoi(m[2]); err == nil {
			base, n = m[1], known
		}
	}
	return fmt.Sprintf("%s-requeue-%d", base, n+1)
}
