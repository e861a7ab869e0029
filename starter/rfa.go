package starter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
// Bad input is refused with an error of type InvalidInput, as a rule before anything
// starts; what needs the configuration of the rfa role is found wrong by that.
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
	return &Run{WorkflowRun: run}, s.accepted(ctx, id, run.GetRunID())
}

// acceptedWithin is how long a start waits for a worker to take the RFA up.
const acceptedWithin = 10 * time.Second

// accepted waits until a worker has taken an RFA up, and returns why it was refused if
// it was: what needs the configuration is found wrong there alone. Where no worker is,
// the RFA waits for one.
func (s *Starter) accepted(ctx context.Context, id, runID string) error {
	soon, cancel := context.WithTimeout(ctx, acceptedWithin)
	defer cancel()
	if _, err := s.client.QueryWorkflow(soon, id, runID, contract.QueryStatus); err == nil || soon.Err() != nil {
		return ctx.Err()
	}
	return s.refusal(ctx, id, runID)
}

// refusal is why an RFA has failed, nil where it has not.
func (s *Starter) refusal(ctx context.Context, id, runID string) error {
	d, err := s.client.DescribeWorkflowExecution(ctx, id, runID)
	if err != nil || d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_FAILED ||
		d.GetWorkflowExecutionInfo().GetType().GetName() != contract.WorkflowRFAApproval {
		return nil
	}
	return s.client.GetWorkflow(ctx, id, runID).Get(ctx, nil)
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
		if why := s.refusal(ctx, id, ""); why != nil {
			return st, why
		}
		return st, notFound(id, err)
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

// States lists the states that an RFA may be in.
func (RFAFilter) States() []contract.RFAState {
	return []contract.RFAState{contract.RFAInReview, contract.RFAToDecide, contract.RFADecided, contract.RFAWithdrawn, contract.RFACancelled}
}

// check refuses what cannot be listed.
func (f RFAFilter) check() error {
	if f.State != "" && !slices.Contains(f.States(), f.State) {
		return contract.NewInvalidInput(&contract.FieldError{Field: "state", Reason: fmt.Sprintf("%q is unknown; allowed are %v", f.State, f.States())})
	}
	if f.Limit < 0 || f.Limit > mostListed {
		return contract.NewInvalidInput(&contract.FieldError{Field: "limit", Reason: fmt.Sprintf("%d; allowed are 1 to %d", f.Limit, mostListed)})
	}
	return nil
}

// mostListed is how many RFAs are listed at most.
const mostListed = 1000

// ListedRFA is one line of a list.
type ListedRFA struct {
	ID    string `json:"id"`
	State string `json:"state"`
	// Due is the end of the due date.
	Due     time.Time `json:"due,omitzero"`
	Overdue bool      `json:"overdue"`
	// Running is whether its workflow runs.
	Running bool `json:"running"`
}

// ListRFAs lists RFAs by what the server has indexed: seconds after a change.
func (s *Starter) ListRFAs(ctx context.Context, namespace string, f RFAFilter) ([]ListedRFA, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	// One that was refused has failed, and is none.
	query := fmt.Sprintf("WorkflowType = %q AND ExecutionStatus != 'Failed'", contract.WorkflowRFAApproval)
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
		Namespace: namespace, Query: query, PageSize: int32(f.Limit),
	})
	if err != nil {
		return nil, err
	}
	var list []ListedRFA
	for _, w := range r.GetExecutions() {
		l := ListedRFA{ID: w.GetExecution().GetWorkflowId(), Running: w.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}
		fields := w.GetSearchAttributes().GetIndexedFields()
		l.State, _ = memoText(fields, contract.AttrRFAState.GetName())
		if due, ok := memoText(fields, contract.AttrRFADue.GetName()); ok {
			l.Due, _ = time.Parse(time.RFC3339, due) // zero for one that has none
		}
		l.Overdue = string(fields[contract.AttrRFAOverdue.GetName()].GetData()) == "true"
		list = append(list, l)
	}
	return list, nil
}
