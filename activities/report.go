package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"signalbox/internal/store"
	"signalbox/workflows/contract"
)

// RecordChunk keeps the report lines of a finished chunk. Writing them again
// changes nothing.
func (d *Documents) RecordChunk(ctx context.Context, in contract.RecordInput) error {
	data, err := jsonLines(in.Lines)
	if err != nil {
		return err
	}
	return d.Store.Write(ctx, store.ReportPartKey(in.ProjectID, in.Job.WorkflowID, in.From), data)
}

// FinishReport joins the parts into the job's report. Documents that were
// never begun are reported as cancelled.
func (d *Documents) FinishReport(ctx context.Context, in contract.ReportInput) (contract.ReportResult, error) {
	out := contract.ReportResult{
		Key: store.ReportKey(in.Job.WorkflowID), Counts: map[contract.DocumentState]int{},
	}
	var report bytes.Buffer
	for from := 0; from < in.Unreached; from += contract.ChunkSize {
		part, err := d.Store.Read(ctx, store.ReportPartKey(in.ProjectID, in.Job.WorkflowID, from))
		if err != nil {
			return out, fmt.Errorf("part %d of the report: %w", from, err)
		}
		for line := range bytes.Lines(part) {
			var r contract.DocumentReport
			if err := json.Unmarshal(line, &r); err != nil {
				return out, fmt.Errorf("part %d of the report: %w", from, err)
			}
			out.Counts[r.State]++
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
