// Package starter is the typed client for app backends: start a realtime
// request or a batch job, wait for it, look at it, cancel it.
package starter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

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

// StartRevision starts a realtime request under the caller's key, 1 to 255
// printable ASCII characters, which is its workflow id. The same key again joins the running request or returns the earlier one; with another
// input it is ErrKeyReused. Bad input is refused before anything starts, with
// an error of type InvalidInput. When Temporal cannot be reached the error is
// AIServiceUnavailable, with reason host-gone, within 10 s.
func (s *Starter) StartRevision(ctx context.Context, key string, in contract.RevisionInput) (*Run, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
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
	if err != nil && away(err) {
		return nil, contract.NewUnavailable(contract.Unavailable{Reason: contract.ReasonHostGone, Detail: "Temporal: " + err.Error()})
	}
	return run, err
}

// StartBatch starts a batch job under the caller's key, like StartRevision.
func (s *Starter) StartBatch(ctx context.Context, key string, in contract.BatchInput) (*Run, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, contract.NewInvalidInput(err)
	}
	summary := "batch of project " + in.ProjectID
	return s.start(ctx, key, contract.QueueAIBatch, contract.WorkflowAIRevisionBatch, summary, in)
}

func (s *Starter) start(ctx context.Context, key, queue, workflow, summary string, in any) (*Run, error) {
	hash, err := hashOf(in)
	if err != nil {
		return nil, err
	}
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
	by, _ := memoText(memo, memoStart)
	if by == start {
		return &Run{WorkflowRun: run}, nil
	}
	if known := s.earlier(ctx, key, info.GetFirstRunId(), workflow, memo); known != "" && known != hash {
		return nil, fmt.Errorf("key %q: %w", key, ErrKeyReused)
	}
	return &Run{WorkflowRun: run, Joined: true}, nil
}
