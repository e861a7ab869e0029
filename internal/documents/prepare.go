package documents

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"signalbox/internal/store"
	"signalbox/workflows/contract"
)

// Problem is what is wrong with one document. Any other error is the store's.
type Problem struct{ text string }

func (p *Problem) Error() string { return p.text }

func problemf(format string, args ...any) error { return &Problem{fmt.Sprintf(format, args...)} }

// Preparer looks at documents.
type Preparer struct {
	Store *store.Store
	// StoreID of Store.
	StoreID string
	// Recipe of the vision model's texts (Recipe), to find those that are there.
	Recipe string
	// Poppler reads PDF documents; nil where it is not installed.
	Poppler *Poppler
}

// Request for one document.
type Request struct {
	Project, Key, ContentType string
	// MaxPages to be read by the vision model where the document has no text of
	// its own; 0 where none may be.
	MaxPages int
}

// Recipe identifies what the text of a page depends on beside its image.
func Recipe(parts []string) string { return store.HashText(parts...)[:16] }

// Prepare finds out where a document's text is. Afterwards it is in the store,
// or images of its pages are.
func (p *Preparer) Prepare(ctx context.Context, r Request) (contract.Prepared, error) {
	limit := int64(store.MaxFileBytes)
	if r.ContentType == contract.ContentTypeText {
		limit = store.MaxTextBytes
	}
	data, err := p.Store.ReadDocument(ctx, r.Project, r.Key, limit)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return contract.Prepared{}, &Problem{err.Error()}
	}
	if err != nil {
		return contract.Prepared{}, err
	}
	found := contract.Prepared{ContentHash: store.HashText(string(data)), Store: p.StoreID}
	switch r.ContentType {
	case contract.ContentTypeText:
		return p.text(r, data, found)
	case contract.ContentTypePNG, contract.ContentTypeJPEG:
		return p.image(ctx, r, data, found)
	case contract.ContentTypePDF:
		return p.pdf(ctx, r, data, found)
	}
	return found, problemf("content type %q is not supported", r.ContentType)
}

func (p *Preparer) text(r Request, data []byte, found contract.Prepared) (contract.Prepared, error) {
	text, err := store.AsText(r.Key, data)
	if err != nil {
		return found, &Problem{err.Error()}
	}
	if strings.TrimSpace(text) == "" {
		return found, problemf("document %q is empty", r.Key)
	}
	found.Origin = contract.TextDocument
	return found, nil
}

func (p *Preparer) image(ctx context.Context, r Request, data []byte, found contract.Prepared) (contract.Prepared, error) {
	if err := checkImage(r, data); err != nil {
		return found, err
	}
	found.Origin, found.Pages, found.TotalPages = contract.TextOCR, 1, 1
	if r.MaxPages > 0 {
		return found, nil
	}
	read, err := p.read(ctx, r.Project, found)
	if err == nil && !read {
		err = problemf("document %q is an image whose text nobody has read yet; add the stage ocr", r.Key)
	}
	return found, err
}

// read reports whether the vision model has read all pages before.
func (p *Preparer) read(ctx context.Context, project string, found contract.Prepared) (bool, error) {
	for n := 1; n <= found.Pages; n++ {
		ok, err := p.Store.Exists(ctx, store.PageTextKey(project, found.ContentHash, p.Recipe, n))
		if err != nil || !ok {
			return false, err
		}
	}
	return found.Pages > 0, nil
}

// readPages counts the first pages that the vision model has read before.
func (p *Preparer) readPages(ctx context.Context, project string, found contract.Prepared) (int, error) {
	for n := 1; n <= found.TotalPages; n++ {
		ok, err := p.Store.Exists(ctx, store.PageTextKey(project, found.ContentHash, p.Recipe, n))
		if err != nil || !ok {
			return n - 1, err
		}
	}
	return found.TotalPages, nil
}
