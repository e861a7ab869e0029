package activities

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"signalbox/workflows/contract"
)

// Scheduler has the activities of the gpu-scheduler queue.
type Scheduler struct {
	Client    client.Client
	Namespace string
	GPU       string
}

// mostDescribed bounds how many registered jobs one look asks Temporal about.
const mostDescribed = 200

// Reconcile compares the scheduler's jobs with those that run. What visibility
// does not show is asked of Temporal itself, because visibility lags.
func (s *Scheduler) Reconcile(ctx context.Context) (contract.ReconcileResult, error) {
	var out contract.ReconcileResult
	registered, err := s.registered(ctx)
	if err != nil {
		return out, err
	}
	running, err := s.running(ctx)
	if err != nil {
		return out, err
	}
	known := map[string]bool{}
	asked := 0
	for _, job := range registered {
		known[job.WorkflowID] = true
		if running[job.WorkflowID] || asked == mostDescribed {
			continue
		}
		asked++
		ended, err := s.ended(ctx, job)
		if err != nil {
			return out, err
		}
		if ended {
			out.Ended = append(out.Ended, job)
		}
	}
	for id := range running {
		if !known[id] {
			out.Missing = append(out.Missing, contract.JobRef{WorkflowID: id})
		}
	}
	out.Owner, out.OwnerKnown = s.owner(ctx)
	return out, nil
}

// registered asks the scheduler that runs this activity.
func (s *Scheduler) registered(ctx context.Context) ([]contract.JobRef, error) {
	me := activity.GetInfo(ctx).WorkflowExecution
	answer, err := s.Client.QueryWorkflow(ctx, me.ID, me.RunID, contract.QueryJobs)
	if err != nil {
		return nil, fmt.Errorf("ask the scheduler for its jobs: %w", err)
	}
	var jobs []contract.JobRef
	return jobs, answer.Get(&jobs)
}

// running lists the batch jobs that visibility shows as running.
func (s *Scheduler) running(ctx context.Context) (map[string]bool, error) {
	ids := map[string]bool{}
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", contract.WorkflowAIRevisionBatch)
	var page []byte
	for {
		r, err := s.Client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: s.Namespace, Query: query, PageSize: 1000, NextPageToken: page,
		})
		if err != nil {
			return nil, fmt.Errorf("list the batch jobs: %w", err)
		}
		for _, e := range r.GetExecutions() {
			ids[e.GetExecution().GetWorkflowId()] = true
		}
		if page = r.GetNextPageToken(); len(page) == 0 {
			return ids, nil
		}
		activity.RecordHeartbeat(ctx)
	}
}

// ended asks Temporal itself whether that execution of a job has ended.
func (s *Scheduler) ended(ctx context.Context, job contract.JobRef) (bool, error) {
	d, err := s.Client.DescribeWorkflowExecution(ctx, job.WorkflowID, "")
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask for job %s: %w", job.WorkflowID, err)
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return true, nil
	}
	first := info.GetFirstRunId()
	return first != "" && first != job.RunID, nil
}

// owner returns the instance that holds the claim on the GPU.
func (s *Scheduler) owner(ctx context.Context) (instance string, known bool) {
	d, err := s.Client.DescribeWorkflowExecution(ctx, contract.OwnerID(s.GPU), "")
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound):
		return "", true
	case err != nil:
		activity.GetLogger(ctx).Warn("the owner of the GPU is not known", "error", err)
		return "", false
	case d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return "", true
	}
	return MemoString(d.GetWorkflowExecutionInfo().GetMemo(), contract.MemoInstance), true
}
