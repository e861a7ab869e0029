package starter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"signalbox/workflows/contract"
)

// Progress asks a request or a job how far it is. An id of neither is ErrOther, one that
// is not known a NotFoundError.
func (s *Starter) Progress(ctx context.Context, key string) (contract.Progress, error) {
	var p contract.Progress
	answer, err := s.client.QueryWorkflow(ctx, key, "", contract.QueryProgress)
	if err != nil {
		return p, s.about(ctx, key, err)
	}
	if err := answer.Get(&p); err != nil {
		return p, err
	}
	// A workflow that was terminated or timed out answers with the last it knew.
	state, workflow, err := s.look(ctx, key)
	if err != nil {
		return p, err
	}
	if state == Running {
		if workflow == contract.WorkflowAIRevisionBatch {
			s.expect(ctx, key, &p)
		}
		return p, nil
	}
	if state == Failed && p.Phase != contract.PhaseFailed {
		p.Reason = ""
	}
	p.Phase, p.Position, p.EtaSeconds, p.GPUSecondsLeft = string(state), 0, 0, 0
	p.Times = contract.Times{}
	return p, nil
}

// expectWithin bounds the question to the scheduler: it is there for a better
// answer, and a job answers without it.
const expectWithin = 2 * time.Second

// expect completes a job's progress with what the scheduler expects of it now; the
// job itself knows what it was told last.
func (s *Starter) expect(ctx context.Context, key string, p *contract.Progress) {
	switch p.Phase {
	case contract.PhaseWaiting, contract.PhaseHeld, contract.PhaseRunning:
	default:
		return
	}
	ctx, cancel := context.WithTimeout(ctx, expectWithin)
	defer cancel()
	j, err := s.Job(ctx, contract.DefaultGPU, key)
	if err != nil {
		return
	}
	p.Position, p.Times = j.Position, j.Times
	if p.Phase == contract.PhaseWaiting && j.Reason != "" {
		p.Reason = j.Reason
	}
}

// Job asks the scheduler of a GPU for one batch job: its position, when it is
// expected to start and to end, and why it waits.
func (s *Starter) Job(ctx context.Context, gpu, key string) (contract.JobStatus, error) {
	var j contract.JobStatus
	answer, err := s.client.QueryWorkflow(ctx, contract.SchedulerID(gpu), "", contract.QueryJob, key)
	if err != nil {
		return j, err
	}
	return j, answer.Get(&j)
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

// NotFoundError is that nothing with an id is known.
type NotFoundError struct {
	ID  string
	err error
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("%s: nothing with this id is in this namespace, or it ended longer ago than the namespace's retention", e.ID)
}

// Unwrap is what Temporal says: a serviceerror.NotFound.
func (e *NotFoundError) Unwrap() error { return e.err }

// notFound names the id that is not found, and leaves any other error as it is.
func notFound(key string, err error) error {
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) && strings.HasPrefix(missing.Message, "workflow not found") {
		return &NotFoundError{key, err}
	}
	return err
}

// about says what is wrong with an id that did not answer a question.
func (s *Starter) about(ctx context.Context, key string, err error) error {
	var query *serviceerror.QueryFailed
	if !errors.As(err, &query) || !strings.HasPrefix(query.Message, "unknown queryType") {
		return notFound(key, err)
	}
	if _, _, other := s.look(ctx, key); other != nil {
		return other
	}
	return noJob(key)
}

// noJob is that a request's id was given where a batch job's is wanted.
func noJob(key string) error {
	return contract.NewInvalidInput(&contract.FieldError{Field: "job", Reason: key + " is no batch job"})
}

// State tells whether a request or a job runs. An id of neither is ErrOther.
func (s *Starter) State(ctx context.Context, key string) (State, error) {
	state, _, err := s.look(ctx, key)
	return state, err
}

// Workflow tells which of the two an id is: contract.WorkflowAIRevision or
// contract.WorkflowAIRevisionBatch. An id of neither is ErrOther.
func (s *Starter) Workflow(ctx context.Context, key string) (string, error) {
	_, workflow, err := s.look(ctx, key)
	return workflow, err
}

// look tells the state of a request or a job, and which of the two it is.
func (s *Starter) look(ctx context.Context, key string) (state State, workflow string, err error) {
	d, err := s.client.DescribeWorkflowExecution(ctx, key, "")
	if err != nil {
		return "", "", notFound(key, err)
	}
	info := d.GetWorkflowExecutionInfo()
	switch workflow = info.GetType().GetName(); workflow {
	case contract.WorkflowAIRevision, contract.WorkflowAIRevisionBatch:
	default:
		return "", workflow, fmt.Errorf("%s %w (%s)", key, ErrOther, workflow)
	}
	state = Failed
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		state = Running
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		state = Done
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		state = Cancelled
	}
	return state, workflow, nil
}

// Documents asks a job for the documents that it has in hand. The id of a request is an
// error of type InvalidInput, one of neither ErrOther, one that is not known a
// NotFoundError.
func (s *Starter) Documents(ctx context.Context, key string, q contract.DocumentsQuery) (contract.DocumentsPage, error) {
	var page contract.DocumentsPage
	answer, err := s.client.QueryWorkflow(ctx, key, "", contract.QueryDocuments, q)
	if err != nil {
		return page, s.about(ctx, key, err)
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
