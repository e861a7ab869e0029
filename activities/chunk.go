package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"signalbox/internal/documents"
	"signalbox/internal/store"
	"signalbox/workflows/contract"
)

// Documents has the activities of a batch job that need no GPU.
type Documents struct {
	Store    *store.Store
	Preparer *documents.Preparer

	last lastManifest
}

// maxManifestBytes: 20,000 lines of up to 2 KiB.
const maxManifestBytes = 40 << 20

// PrepareChunk reads the list of a chunk's documents and looks at each. The
// first chunk of a manifest checks every line of it. What is wrong with the
// list is InvalidInput; what is wrong with one document is its own problem.
func (d *Documents) PrepareChunk(ctx context.Context, in contract.ChunkInput) (contract.ChunkResult, error) {
	docs, hash, err := d.list(ctx, in.ProjectID, in.Source)
	if err != nil {
		return contract.ChunkResult{}, err
	}
	defer beat(ctx).stop()
	out := contract.ChunkResult{Total: len(docs), ManifestHash: hash, Failed: in.Failed}
	end := min(in.From+in.Size, len(docs))
	wanted := func(i int) bool { return i >= in.From }
	if in.Failed {
		failed, next, err := d.failed(ctx, in)
		if err != nil {
			return contract.ChunkResult{}, err
		}
		out.Next, end = next, next
		wanted = func(i int) bool { return failed[i] }
	}
	keys := map[string]bool{}
	for i, doc := range docs[:end] {
		duplicate := keys[doc.ID]
		keys[doc.ID] = true
		if !wanted(i) {
			continue
		}
		c := contract.ChunkDocument{Index: i, Document: doc, Duplicate: duplicate}
		c.Prepared, err = d.prepare(ctx, in, doc)
		var own *documents.Problem
		switch {
		case errors.As(err, &own):
			c.Problem = own.Error()
		case err != nil:
			return contract.ChunkResult{}, err // the store is away; the retry policy waits
		}
		out.Documents = append(out.Documents, c)
	}
	return out, nil
}

// prepare finds out where a document's text is. One that needs no vision model
// has its output of stage ocr written here.
func (d *Documents) prepare(ctx context.Context, in contract.ChunkInput, doc contract.Document) (contract.Prepared, error) {
	ocr := slices.Contains(in.Stages, contract.StageOCR)
	r := documents.Request{Project: in.ProjectID, Key: doc.Key, ContentType: doc.ContentType}
	if ocr {
		r.MaxPages = in.MaxPages
	}
	found, err := d.Preparer.Prepare(ctx, r)
	if err != nil || !ocr || found.Origin == contract.TextOCR {
		return found, err
	}
	text, err := documents.Text(ctx, d.Store, in.ProjectID, doc.Key, found)
	if err != nil {
		return found, err
	}
	raw, err := json.Marshal(contract.OCROutput{Origin: found.Origin, TotalPages: found.TotalPages, Text: text})
	if err != nil {
		return found, err
	}
	chars := len([]rune(text))
	return found, d.Store.WriteJSON(ctx, store.StageKey(in.ProjectID, in.Job.WorkflowID, doc.ID, contract.StageOCR),
		contract.StageOutput{
			DocumentID: doc.ID, Stage: contract.StageOCR, ContentHash: found.ContentHash, Output: raw,
			Input: contract.InputUse{UsedChars: chars, TotalChars: chars},
		})
}

// list returns the documents of a job and, of a manifest, its hash.
func (d *Documents) list(ctx context.Context, project string, src contract.DocumentSource) ([]contract.Document, string, error) {
	switch {
	case src.Requeue != "":
		return d.listRequeued(ctx, project, src)
	case src.Manifest == "":
		return src.Documents, "", nil
	}
	data, err := d.Store.ReadDocument(ctx, project, src.Manifest, maxManifestBytes)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return nil, "", contract.NewInvalidInput(&contract.FieldError{Field: "manifest", Reason: err.Error()})
	}
	if err != nil {
		return nil, "", err
	}
	hash := store.HashText(string(data))
	if src.ManifestHash != "" && src.ManifestHash != hash {
		return nil, "", contract.NewInvalidInput(&contract.FieldError{
			Field: "manifest", Reason: fmt.Sprintf("%q was changed while the job runs; start a new job for new documents", src.Manifest),
		})
	}
	docs, err := d.last.parse(hash, data)
	if err != nil {
		return nil, "", contract.NewInvalidInput(err)
	}
	return docs, hash, nil
}
