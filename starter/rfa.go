package starter

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"signalbox/workflows/contract"
)

// ErrRFAExists is that there is an approval of this revision already.
var ErrRFAExists = errors.New("there is an approval of this revision already")

// StartRFA starts the approval of one revision of an RFA. Its workflow id is
// contract.RFAID; a second start of the same revision is refused with ErrRFAExists.
// Bad input is refused before anything starts, with an error of type InvalidInput.
func (s *Starter) StartRFA(ctx context.Context, in contract.RFAInput) (*Run, error) {
	if err := in.Validate(); err != nil {
		return nil, contract.NewInvalidInput(err)
	}
	id := contract.RFAID(in.ProjectID, in.Number, in.Revision)
	run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: contract.QueueRFAApproval,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		// One that has failed had bad input: it never began.
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		WorkflowTaskTimeout:                      workflowTaskTimeout,
		StaticSummary:                            strings.TrimSpace(in.Number + " rev. " + in.Revision),
	}, contract.WorkflowRFAApproval, in)
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &exists) {
		return nil, fmt.Errorf("%s: %w", id, ErrRFAExists)
	}
	if err != nil {
		return nil, err
	}
	return &Run{WorkflowRun: run}, nil
}

// UpdateRFA makes one of an RFA's updates (contract.RFAUpdates) and returns how the
// RFA is after it. What is refused is an error of type InvalidInput that names the
// field, or Field "rfa" where the RFA is not in a state for it.
func (s *Starter) UpdateRFA(ctx context.Context, id, update string, r contract.RFARequest) (contract.RFAStatus, error) {
	var out contract.RFAStatus
	u, err := contract.FindRFAUpdate(update)
	if err == nil {
		err = r.Check(u)
	}
	if err != nil {
		return out, contract.NewInvalidInput(err)
	}
	err = s.update(ctx, id, update, r, &out)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		if st, e := s.RFAStatus(ctx, id); e == nil && !st.State.Open() {
			err = contract.NewInvalidInput(&contract.FieldError{Field: "rfa", Reason: st.Summary})
		}
	}
	return out, err
}

// RFA waits for an RFA's end.
func (s *Starter) RFA(ctx context.Context, id string) (contract.RFAResult, error) {
	var r contract.RFAResult
	return r, s.wait(ctx, id, &r)
}

// RFAStatus asks an RFA how far it is, also one that has ended, for as long as the
// server keeps it.
func (s *Starter) RFAStatus(ctx context.Context, id string) (contract.RFAStatus, error) {
	var st contract.RFAStatus
	answer, err := s.client.QueryWorkflow(ctx, id, "", contract.QueryStatus)
	if err != nil {
		return st, err
	}
	return st, answer.Get(&st)
}

// RFADistribution asks the distribution of an RFA what was sent, is pending and has
// failed. It is a serviceerror.NotFound where nothing is distributed.
func (s *Starter) RFADistribution(ctx context.Context, id string) (contract.DistributionReport, error) {
	var r contract.DistributionReport
	answer, err := s.client.QueryWorkflow(ctx, distributionOf(id), "", contract.QueryStatus)
	if err != nil {
		return r, err
	}
	return r, answer.Get(&r)
}

// ResendRFA sends again what could not be delivered of an RFA's distribution. Where
// nothing has failed it is refused with an error of type InvalidInput.
func (s *Starter) ResendRFA(ctx context.Context, id string) (contract.DistributionReport, error) {
	var r contract.DistributionReport
	return r, s.update(ctx, distributionOf(id), contract.UpdateResend, nil, &r)
}

// distributionOf is the workflow id of an RFA's distribution.
func distributionOf(id string) string { return "rfa-distribution/" + strings.TrimPrefix(id, "rfa/") }

// RFAFilter says which RFAs are listed; what is left out does not matter.
type RFAFilter struct {
	ProjectID string
	State     contract.RFAState
	Overdue   bool
	// Limit is how many are listed; 100 unless given, 1000 at most.
	Limit int
}

// ListedRFA is one line of a list.
type ListedRFA struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Due     string `json:"due,omitempty"`
	Overdue bool   `json:"overdue"`
	// Running is whether its workflow runs.
	Running bool `json:"running"`
}

// ListRFAs lists RFAs by what the server has indexed: seconds after a change.
func (s *Starter) ListRFAs(ctx context.Context, namespace string, f RFAFilter) ([]ListedRFA, error) {
	query := fmt.Sprintf("WorkflowType = %q", contract.WorkflowRFAApproval)
	if f.ProjectID != "" {
		query += fmt.Sprintf(" AND %s = '%s'", contract.AttrProject.GetName(), strings.ReplaceAll(f.ProjectID, "'", "''"))
	}
	if f.State != "" {
		query += fmt.Sprintf(" AND %s = '%s'", contract.AttrRFAState.GetName(), strings.ReplaceAll(string(f.State), "'", "''"))
	}
	if f.Overdue {
		query += fmt.Sprintf(" AND %s = true", contract.AttrRFAOverdue.GetName())
	}
	if f.Limit == 0 {
		f.Limit = 100
	}
	r, err := s.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: namespace, Query: query, PageSize: int32(min(f.Limit, 1000)),
	})
	if err != nil {
		return nil, err
	}
	var list []ListedRFA
	for _, w := range r.GetExecutions() {
		l := ListedRFA{ID: w.GetExecution().GetWorkflowId(), Running: w.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}
		fields := w.GetSearchAttributes().GetIndexedFields()
		l.State, _ = memoText(fields, contract.AttrRFAState.GetName())
		l.Due, _ = memoText(fields, contract.AttrRFADue.GetName())
		l.Overdue = string(fields[contract.AttrRFAOverdue.GetName()].GetData()) == "true"
		list = append(list, l)
	}
	return list, nil
}
