package activities

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"signalbox/internal/store"
	"signalbox/workflows/contract"
)

// RFARecords are the activities that keep what the server forgets.
type RFARecords struct {
	Store *store.Store
	// Client reads the histories of approvals.
	Client client.Client
}

// RecordRFA writes an approval's final record, with the identity of each update's
// client, and returns its key relative to the project.
func (r *RFARecords) RecordRFA(ctx context.Context, in contract.RecordRFAInput) (string, error) {
	clients, err := r.clients(ctx, in.WorkflowID, in.RunID)
	if err != nil {
		return "", err
	}
	st := in.Status
	for i, e := range st.Audit {
		st.Audit[i].Client = clients[e.UpdateID]
	}
	key := store.RFAKey(st.Number, st.Revision, "approval.json")
	return key, r.Store.WriteJSON(ctx, store.DocumentKey(st.ProjectID, key), st)
}

// clients are the identities of the clients that made the updates, by update id, as
// the server has recorded them.
func (r *RFARecords) clients(ctx context.Context, workflowID, runID string) (map[string]string, error) {
	byID := map[string]string{}
	events := r.Client.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return nil, err
		}
		if meta := e.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetMeta(); meta != nil {
			byID[meta.GetUpdateId()] = meta.GetIdentity()
		}
	}
	return byID, nil
}

// RecordDistribution writes the report of a distribution.
func (r *RFARecords) RecordDistribution(ctx context.Context, report contract.DistributionReport) error {
	key := store.RFAKey(report.Number, report.Revision, "distribution.json")
	return r.Store.WriteJSON(ctx, store.DocumentKey(report.ProjectID, key), report)
}
