// Package starter is the typed client for app backends: start a realtime
// request or a batch job, wait for it, look at it, cancel it.
package starter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"signalbox/workflows/contract"
)

// workflowTaskTimeout lets a workflow go on quickly after a crash.
const workflowTaskTimeout = 3 * time.Second

// startTimeout bounds a request's start: somebody waits, and the SDK itself would
// try for a minute. It gives one call half of it.
const startTimeout = 10 * time.Second

// Memo keys: of the input's hash, and of what tells a start from a join.
const (
	memoInput = "inputHash"
	memoStart = "startedBy"
)

// ErrKeyReused is that an idempotency key was used before with another input.
var ErrKeyReused = errors.New("this key was used before with another input")

// Run is a request or a job that was started, or joined.
type Run struct {
	client.WorkflowRun
	// Joined is that it was there already, under the same key.
	Joined bool
}

// Starter starts and follows Signalbox's workflows.
type Starter struct {
	client client.Client
}

// New uses a Temporal client, which stays the caller's to close.
func New(c client.Client) *Starter { return &Starter{client: c} }

// StartRevision starts a realtime request under the caller's key. The same key
// again joins the running request or returns the earlier one; with another
// input it is ErrKeyReused. Bad input is refused before anything starts, with
// an error of type InvalidInput. When Temporal cannot be reached the error is
// AIServiceUnavailable, with reason host-gone, within 10 s.
func (s *Starter) StartRevision(ctx context.Context, key string, in contract.RevisionInput) (*Run, error) {
	if err := in.Validate(); err != nil {
		return nil, contract.NewInvalidInput(err)
	}
	if in.HasSchema() {
		if err := contract.CheckSchema("schema", in.Schema); err != nil {
			return nil, contract.NewInvalidInput(err)
		}
	}
	summary := in.Task
	if in.DocumentID != "" {
		summary += " " + in.DocumentID
	}
	first, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	run, err := s.start(first, key, contract.QueueAIRealtime, contract.WorkflowAIRevision, summary, in)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var away *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	if errors.As(err, &away) || errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded) {
		return nil, contract.NewUnavailable(contract.Unavailable{Reason: contract.ReasonHostGone, Detail: "Temporal: " + err.Error()})
	}
	return run, err
}

// StartBatch starts a batch job under the caller's key, like StartRevision.
func (s *Starter) StartBatch(ctx context.Context, key string, in contract.BatchInput) (*Run, error) {
	if err := in.Validate(); err != nil {
		return nil, contract.NewInvalidInput(err)
	}
	summary := "batch of project " + in.ProjectID
	return s.start(ctx, key, contract.QueueAIBatch, contract.WorkflowAIRevisionBatch, summary, in)
}

func (s *Starter) start(ctx context.Context, key, queue, workflow, summary string, in any) (*Run, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:8])
	if len(summary) > 200 {
		summary = summary[:200]
	}
	start := uuid.NewString()
	run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: key, TaskQueue: queue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowTaskTimeout:      workflowTaskTimeout,
		Memo:                     map[string]any{memoInput: hash, memoStart: start},
		StaticSummary:            summary,
	}, workflow, in)
	if err != nil {
		return nil, err
	}
	d, err := s.client.DescribeWorkflowExecution(ctx, key, run.GetRunID())
	if err != nil {
		return &Run{WorkflowRun: run}, nil // it runs; that it is the same input cannot be told now
	}
	info := d.GetWorkflowExecutionInfo()
	if name := info.GetType().GetName(); name != workflow {
		return nil, fmt.Errorf("key %q is that of another workflow (%s): %w", key, name, ErrKeyReused)
	}
	memo := info.GetMemo().GetFields()
	if known, ok := memoText(memo, memoInput); ok && known != hash {
		return nil, fmt.Errorf("key %q: %w", key, ErrKeyReused)
	}
	by, _ := memoText(memo, memoStart)
	return &Run{WorkflowRun: run, Joined: by != start}, nil
}

func memoText(memo map[string]*commonpb.Payload, key string) (text string, ok bool) {
	p, ok := memo[key]
	if !ok {
		return "", false
	}
	err := converter.GetDefaultDataConverter().FromPayload(p, &text)
	return text, err == nil
}

// Revision waits for a realtime request's result.
func (s *Starter) Revision(ctx context.Context, key string) (contract.RevisionResult, error) {
	var r contract.RevisionResult
	return r, s.client.GetWorkflow(ctx, key, "").Get(ctx, &r)
}

// Batch waits for a batch job's result.
func (s *Starter) Batch(ctx context.Context, key string) (contract.BatchResult, error) {
	var r contract.BatchResult
	return r, s.client.GetWorkflow(ctx, key, "").Get(ctx, &r)
}

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
	p.Phase, p.Position, p.EtaSeconds = string(state), 0, 0
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
