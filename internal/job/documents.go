package job

import (
	"fmt"

	"signalbox/workflows/contract"
)

// Report is the document's line in the job's report.
func (d *Doc) Report() contract.DocumentReport {
	return contract.DocumentReport{
		ID: d.ID, Key: d.Key, State: d.State, Reason: d.Reason, Preemptions: d.Preemptions, Duplicate: d.Duplicate,
		ContentType: d.ContentType, Title: d.Title,
	}
}

// Line is that line, and its place.
func (d *Doc) Line() contract.ReportLine {
	return contract.ReportLine{Index: d.Index, DocumentReport: d.Report()}
}

// Documents answers the query documents: a page of those in hand.
func (s *State) Documents(q contract.DocumentsQuery) (contract.DocumentsPage, error) {
	page := contract.DocumentsPage{Total: s.Total, Recorded: s.From, Documents: []contract.DocumentStatus{}}
	switch q.State {
	case "", contract.DocPending, contract.DocDone, contract.DocFailed, contract.DocCancelled:
	default:
		return page, fmt.Errorf("state: %q is unknown; allowed are pending, done, failed, cancelled", q.State)
	}
	if q.Limit == 0 {
		q.Limit = contract.DefaultDocumentsPage
	}
	if q.Limit < 1 || q.Limit > contract.MaxDocumentsPage {
		return page, fmt.Errorf("limit: is %d; allowed are 1 to %d", q.Limit, contract.MaxDocumentsPage)
	}
	for _, f := range s.Failures {
		page.Failures = append(page.Failures, f.DocumentReport)
	}
	for d := range s.InHand() {
		if d.State == contract.DocFailed && len(page.Failures) < contract.MaxFailures {
			page.Failures = append(page.Failures, d.Report())
		}
		if d.Index < q.From || (q.State != "" && d.State != q.State) {
			continue
		}
		if len(page.Documents) == q.Limit {
			if page.Next == 0 {
				page.Next = d.Index
			}
			continue
		}
		line := contract.DocumentStatus{Index: d.Index, DocumentReport: d.Report(), OnQueue: d.outstanding}
		if d.State == contract.DocPending {
			line.Stage = s.Stages[d.Stage]
		}
		page.Documents = append(page.Documents, line)
	}
	page.Prepared = s.prepared()
	return page, nil
}
