package activities

import (
	"bytes"
	"context"
	"encoding/json"

	"signalbox/internal/store"
	"signalbox/workflows/contract"
)

// RecordChunk keeps the report lines of a finished chunk. Writing them again
// changes nothing.
func (d *Documents) RecordChunk(ctx context.Context, in contract.RecordInput) error {
	parts := map[int][]contract.DocumentReport{}
	for _, l := range in.Lines {
		from := l.Index - l.Index%contract.ChunkSize
		if !in.Again {
			parts[from] = append(parts[from], l.DocumentReport)
			continue
		}
		if parts[from] == nil {
			var err error
			if parts[from], err = d.reportPart(ctx, in.ProjectID, in.Job.WorkflowID, from); err != nil {
				return err
			}
		}
		parts[from][l.Index-from] = l.DocumentReport
	}
	for from, lines := range parts {
		data, err := jsonLines(lines)
		if err != nil {
			return err
		}
		if err := d.Store.Write(ctx, store.ReportPartKey(in.ProjectID, in.Job.WorkflowID, from), data); err != nil {
			return err
		}
	}
	return nil
}

// FinishReport joins the parts into the job's report. Documents that were
// never begun are reported as cancelled.
func (d *Documents) FinishReport(ctx context.Context, in contract.ReportInput) (contract.ReportResult, error) {
	out := contract.ReportResult{
		Key: store.ReportKey(in.Job.WorkflowID), Counts: map[contract.DocumentState]int{},
	}
	var report bytes.Buffer
	for from := 0; from < in.Unreached; from += contract.ChunkSize {
		lines, err := d.reportPart(ctx, in.ProjectID, in.Job.WorkflowID, from)
		if err != nil {
			return out, err
		}
		for _, r := range lines {
			out.Counts[r.State]++
			if r.State == contract.DocFailed && len(out.Failures) < contract.MaxFailures {
				out.Failures = append(out.Failures, r)
			}
		}
		part, err := jsonLines(lines)
		if err != nil {
			return out, err
		}
		report.Write(part)
	}
	if in.Unreached < in.Total {
		docs, _, err := d.list(ctx, in.ProjectID, in.Source)
		if err != nil {
			return out, err
		}
		var rest []contract.DocumentReport
		for _, doc := range docs[in.Unreached:] {
			rest = append(rest, contract.DocumentReport{
				ID: doc.ID, Key: doc.Key, State: contract.DocCancelled, Reason: "the job was cancelled before it began",
				ContentType: doc.ContentType, Title: doc.Title,
			})
		}
		data, err := jsonLines(rest)
		if err != nil {
			return out, err
		}
		out.Counts[contract.DocCancelled] += len(rest)
		report.Write(data)
	}
	key := store.ReportPath(in.ProjectID, in.Job.WorkflowID)
	return out, d.Store.Write(ctx, key, report.Bytes())
}

func jsonLines[T any](items []T) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, item := range items {
		if err := enc.Encode(item); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
