package activities

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"

	"signalbox/internal/store"
	"signalbox/workflows/contract"
)

// Documents has the activities of a batch job that need no GPU.
type Documents struct {
	Store *store.Store
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
	out := contract.ChunkResult{Total: len(docs), ManifestHash: hash}
	keys := map[string]bool{}
	for i, doc := range docs[:min(in.From+in.Size, len(docs))] {
		duplicate := keys[doc.ID]
		keys[doc.ID] = true
		if i < in.From {
			continue
		}
		activity.RecordHeartbeat(ctx, i)
		c := contract.ChunkDocument{Document: doc, Duplicate: duplicate}
		text, err := d.Store.ReadText(ctx, in.ProjectID, doc.Key, store.MaxTextBytes)
		switch {
		case err == nil && len(bytes.TrimSpace([]byte(text))) == 0:
			c.Problem = fmt.Sprintf("document %q is empty", doc.Key)
		case err == nil:
		case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrNotText):
			c.Problem = err.Error()
		default:
			return contract.ChunkResult{}, err // the store is away; the retry policy waits
		}
		out.Documents = append(out.Documents, c)
	}
	return out, nil
}

// list returns the documents of a job and, of a manifest, its hash.
func (d *Documents) list(ctx context.Context, project string, src contract.DocumentSource) ([]contract.Document, string, error) {
	if src.Manifest == "" {
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
	docs, err := parseManifest(data)
	if err != nil {
		return nil, "", contract.NewInvalidInput(err)
	}
	return docs, hash, nil
}

// parseManifest reads every line; the error names the first bad one.
func parseManifest(data []byte) ([]contract.Document, error) {
	var docs []contract.Document
	first := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 64<<10)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		doc, err := contract.DecodeManifestLine(n, line)
		if err != nil {
			return nil, err
		}
		if i, ok := first[doc.ID]; ok && docs[i].Key != doc.Key {
			return nil, &contract.FieldError{
				Field:  fmt.Sprintf("manifest line %d.id", n),
				Reason: fmt.Sprintf("%q stands twice, with the keys %q and %q", doc.ID, docs[i].Key, doc.Key),
			}
		} else if !ok {
			first[doc.ID] = len(docs)
		}
		docs = append(docs, doc)
		if len(docs) > contract.MaxDocuments {
			return nil, &contract.FieldError{
				Field: "manifest", Reason: fmt.Sprintf("has more than %d documents; split it into several jobs", contract.MaxDocuments),
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, &contract.FieldError{Field: fmt.Sprintf("manifest line %d", n+1), Reason: err.Error()}
	}
	if len(docs) == 0 {
		return nil, &contract.FieldError{Field: "manifest", Reason: "has no documents"}
	}
	return docs, nil
}
