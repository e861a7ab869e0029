package activities

import (
	"bufio"
	"bytes"
	"fmt"
	"sync"

	"signalbox/workflows/contract"
)

// lastManifest is the manifest that was read last, for the next chunk of the same
// job: parsed anew for each, 20,000 documents were 1.5 million lines.
type lastManifest struct {
	mu   sync.Mutex
	hash string
	docs []contract.Document
}

// parse returns the documents of a manifest, which nobody may change.
func (l *lastManifest) parse(hash string, data []byte) ([]contract.Document, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if hash == l.hash {
		return l.docs, nil
	}
	docs, err := parseManifest(data)
	if err == nil {
		l.hash, l.docs = hash, docs
	}
	return docs, err
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
