package documents

import (
	"context"
	"errors"
	"strings"

	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

// Text reads the text of a document that needs no vision model.
func Text(ctx context.Context, s *store.Store, project, key string, found contract.Prepared) (string, error) {
	var text string
	var err error
	switch found.Origin {
	case contract.TextLayer:
		var data []byte
		data, err = s.Read(ctx, store.TextLayerKey(project, found.ContentHash))
		text = string(data)
	case contract.TextDocument, "":
		text, err = s.ReadText(ctx, project, key, store.MaxTextBytes)
	case contract.TextOCR:
		err = problemf("the pages of document %q have not been read", key)
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNotText) || errors.Is(err, store.ErrTooLarge) {
		err = &Problem{err.Error()}
	}
	return text, err
}

// PageImage reads the image of a page; an image document is its own.
func PageImage(ctx context.Context, s *store.Store, project, key, contentType string, found contract.Prepared, page int) ([]byte, error) {
	var data []byte
	var err error
	if contentType == contract.ContentTypePDF {
		data, err = s.Read(ctx, store.PageImageKey(project, found.ContentHash, page))
	} else {
		data, err = s.ReadDocument(ctx, project, key, store.MaxFileBytes)
		if err == nil && store.HashText(string(data)) != found.ContentHash {
			err = problemf("document %q was changed while its job runs", key)
		}
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		err = problemf("the image of page %d of document %q is gone: %v", page, key, err)
	}
	return data, err
}

// PageText reads what the vision model has read of a page before; ok is false
// where it has not.
func PageText(ctx context.Context, s *store.Store, project, recipe string, found contract.Prepared, page int) (text tasks.PageText, ok bool, err error) {
	ok, err = s.FindJSON(ctx, store.PageTextKey(project, found.ContentHash, recipe, page), &text)
	return text, ok, err
}

// Join makes one text of pages.
func Join(found contract.Prepared, pages []tasks.PageText) contract.OCROutput {
	out := contract.OCROutput{Origin: contract.TextOCR, Pages: found.Pages, TotalPages: found.TotalPages}
	texts := make([]string, 0, len(pages))
	for i, p := range pages {
		texts = append(texts, p.Text)
		if p.Cut {
			out.Cut = append(out.Cut, i+1)
		}
	}
	out.Text = strings.Join(texts, "\n\n")
	return out
}
