package starter

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"

	"signalbox/workflows/contract"
)

// Progress asks a request or a job how far it is.
func (s *Starter) Progress(ctx context.Context, key string) (contract.Progress, error) {
	var p contract.Progress
	answer, err := s.client.QueryWorkflow(ctx, key, "", contract.QueryProgress)
	if err != nil {
		return p, err
	}
	if err := answer.Get(&p); err != nil {
		return p, err
	}
	// A workflow that was terminated or timed out answers with the last it knew.
	state, err := s.State(ctx, key)
	if err != nil || state == Running {
		return p, err
	}
	if state == Failed && p.Phase != contract.PhaseFailed {
		p.Reason = ""
	}
	p.Phase, p.Position, p.EtaSeconds, p.GPUSecondsLeft = string(state), 0, 0, 0
	return p, nil
}

// State is whether a request or a job runs, and else how it has ended.
type State string

// States.
const (
	Running   State = "running"
	Done      State = contract.PhaseDone
	Failed    State = contract.PhaseFailed
	Cancelled State = contract.PhaseCancelled
)

// ErrOther is that an id names a workflow that is no request and no job.
var ErrOther = errors.New("is no request and no job")

// State tells whether a request or a job runs. An id of neither is ErrOther.
func (s *Starter) State(ctx context.Context, key string) (State, error) {
	d, err := s.client.DescribeWorkflowExecution(ctx, key, "")
	if err != nil {
		return "", err
	}
	info := d.GetWorkflowExecutionInfo()
	switch name := info.GetType().GetName(); name {
	case contract.WorkflowAIRevision, contract.WorkflowAIRevisionBatch:
	default:
		return "", fmt.Errorf("%s %w (%s)", key, ErrOther, name)
	}
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return Running, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return Done, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return Cancelled, nil
	}
	return Failed, nil
}

// Documents asks a job for the documents that it has in hand.
func (s *Starter) Documents(ctx context.Context, key string, q contract.DocumentsQuery) (contract.DocumentsPage, error) {
	var page contract.DocumentsPage
	answer, err := s.client.QueryWorkflow(ctx, key, "", contract.QueryDocuments, q)
	if err != nil {
		return page, err
	}
	return page, answer.Get(&page)
}

// Cancel asks a request or a job to end. What a job has finished stays. An id of
// neither is ErrOther.
func (s *Starter) Cancel(ctx context.Context, key string) error {
	if _, err := s.State(ctx, key); err != nil {
		return err
	}
	return s.client.CancelWorkflow(ctx, key, "")
}

// Status asks the scheduler of a GPU for everything it knows.
func (s *Starter) Status(ctx context.Context, gpu string) (contract.SchedulerStatus, error) {
	var st contract.SchedulerStatus
	answer, err := s.client.QueryWorkflow(ctx, contract.SchedulerID(gpu), "", contract.QueryStatus)
	if err != nil {
		return st, err
	}
	return st, answer.Get(&st)
}
