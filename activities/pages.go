package activities

import (
	"context"
	"encoding/json"

	"signalbox/internal/documents"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

// scan is a document whose text is on page images.
type scan struct {
	project, key, contentType string
	found                     contract.Prepared
	recipe                    string
}

func (g *GPU) scan(project, key, contentType string, found contract.Prepared) scan {
	return scan{project, key, contentType, found, documents.Recipe(g.Tasks.OCRRecipe())}
}

// pages joins the texts of a scan's pages. Those that nobody has read yet are
// left to read.
func (g *GPU) pages(ctx context.Context, d scan, read func(page int) (tasks.PageText, error)) (contract.OCROutput, error) {
	var pages []tasks.PageText
	for n := 1; n <= d.found.Pages; n++ {
		text, ok, err := documents.PageText(ctx, g.Store, d.project, d.recipe, d.found, n)
		if err != nil {
			return contract.OCROutput{}, storeError(err)
		}
		if !ok {
			if text, err = read(n); err != nil {
				return contract.OCROutput{}, err
			}
		}
		pages = append(pages, text)
	}
	return documents.Join(d.found, pages), nil
}

// readPage reads one page with the vision model and keeps its text by content,
// model and prompt, so that nobody ever reads it again.
func (s *session) readPage(ctx context.Context, d scan, page int) (tasks.PageText, error) {
	var text tasks.PageText
	image, err := documents.PageImage(ctx, s.gpu.Store, d.project, d.key, d.contentType, d.found, page)
	if err != nil {
		return text, documentError(err)
	}
	key := store.PagePartialKey(d.project, d.found.ContentHash, d.recipe, page)
	from, err := s.gpu.partial(ctx, key)
	if err != nil {
		return text, err
	}
	build := func() (*tasks.Task, error) { return s.gpu.Tasks.OCR(image, from), nil }
	raw, _, err := s.ask(s.gpu.Tasks.OCR(image, from), build)
	if err != nil {
		s.keepPartial(ctx, key)
		return text, err
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return text, err
	}
	err = s.gpu.keep(ctx, store.PageTextKey(d.project, d.found.ContentHash, d.recipe, page), text)
	if err == nil && from != nil {
		err = storeError(s.gpu.Store.Remove(ctx, key))
	}
	return text, err
}

// forgetImages removes the page images of a scan that has been read.
func (g *GPU) forgetImages(ctx context.Context, d scan) error {
	var images []string
	for n := 1; n <= d.found.Pages; n++ {
		images = append(images, store.PageImageKey(d.project, d.found.ContentHash, n))
	}
	return storeError(g.Store.Remove(ctx, images...))
}
