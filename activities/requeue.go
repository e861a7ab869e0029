package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"signalbox/internal/store"
	"signalbox/workflows/contract"
)

// failed finds the documents that a job's report has as failed, as many as a chunk
// holds, and says where the search goes on.
func (d *Documents) failed(ctx context.Context, in contract.ChunkInput) (found map[int]bool, next int, err error) {
	found = map[int]bool{}
	for from := in.From - in.From%contract.ChunkSize; from < in.Until; from += contract.ChunkSize {
		lines, err := d.reportPart(ctx, in.ProjectID, in.Job.WorkflowID, from)
		if err != nil {
			return nil, 0, err
		}
		for i, line := range lines {
			switch at := from + i; {
			case at < in.From || line.State != contract.DocFailed:
			case len(found) == in.Size:
				return found, at, nil
			default:
				found[at] = true
			}
		}
	}
	return found, in.Until, nil
}

// reportPart reads the part of a job's report that begins with document from.
func (d *Documents) reportPart(ctx context.Context, project, job string, from int) ([]contract.DocumentReport, error) {
	data, err := d.Store.Read(ctx, store.ReportPartKey(project, job, from))
	if err != nil {
		return nil, fmt.Errorf("part %d of the report: %w", from, err)
	}
	lines, err := parseReport(data)
	if err != nil {
		return nil, fmt.Errorf("part %d of the report: %w", from, err)
	}
	return lines, nil
}

func parseReport(data []byte) ([]contract.DocumentReport, error) {
	var lines []contract.DocumentReport
	for line := range bytes.Lines(data) {
		var r contract.DocumentReport
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(lines)+1, err)
		}
		lines = append(lines, r)
	}
	return lines, nil
}

// listRequeued returns the documents of a job that has ended which did not end as
// done, and its report's hash.
func (d *Documents) listRequeued(ctx context.Context, project string, src contract.DocumentSource) ([]contract.Document, string, error) {
	refuse := func(format string, args ...any) error {
		return contract.NewInvalidInput(&contract.FieldError{Field: "requeue", Reason: fmt.Sprintf(format, args...)})
	}
	data, err := d.Store.Read(ctx, store.ReportPath(project, src.Requeue))
	if errors.Is(err, store.ErrNotFound) {
		return nil, "", refuse("no report of a job %q is in project %q: the job is of another project, has not ended, or was terminated", src.Requeue, project)
	}
	if err != nil {
		return nil, "", err
	}
	hash := store.HashText(string(data))
	if src.ManifestHash != "" && src.ManifestHash != hash {
		return nil, "", refuse("the report of %q was changed while this job runs", src.Requeue)
	}
	lines, err := parseReport(data)
	if err != nil {
		return nil, "", refuse("the report of %q cannot be read: %v", src.Requeue, err)
	}
	var docs []contract.Document
	for _, l := range lines {
		if l.State != contract.DocDone {
			docs = append(docs, contract.Document{ID: l.ID, Key: l.Key, ContentType: l.ContentType, Title: l.Title})
		}
	}
	if len(docs) == 0 {
		return nil, "", refuse("every document of job %q was done", src.Requeue)
	}
	return docs, hash, nil
}
