package documents

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"unicode"

	"signalbox/internal/store"
	"signalbox/workflows/contract"
)

// leastLetters per page make a text layer: a scanned page often has the few of
// a stamp or a page number.
const leastLetters = 40

// pdf looks for texts in the order: those that the vision model has read
// before, the text layer, page images.
func (p *Preparer) pdf(ctx context.Context, r Request, data []byte, found contract.Prepared) (contract.Prepared, error) {
	if p.Poppler == nil {
		return found, problemf("document %q is a PDF, which needs Poppler (pdfinfo, pdftotext, pdftoppm) on the host of the ai role: apt install poppler-utils", r.Key)
	}
	dir, err := os.MkdirTemp("", "signalbox-pdf-")
	if err != nil {
		return found, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "document.pdf")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return found, err
	}
	if found.TotalPages, err = p.Poppler.pages(ctx, file); err != nil {
		return found, p.blame(ctx, r, err)
	}
	found.Pages, found.Origin = min(r.MaxPages, found.TotalPages), contract.TextOCR
	if r.MaxPages == 0 {
		if found.Pages, err = p.readPages(ctx, r.Project, found); err != nil {
			return found, err
		}
	}
	if read, err := p.read(ctx, r.Project, found); err != nil || read {
		return found, err
	}
	if ok, err := p.layer(ctx, r, file, found); err != nil || ok {
		found.Origin, found.Pages = contract.TextLayer, 0
		return found, err
	}
	if r.MaxPages == 0 {
		return found, problemf("document %q is a PDF without a text layer, whose pages nobody has read yet; add the stage ocr", r.Key)
	}
	return found, p.render(ctx, r, file, found)
}

// layer keeps the text layer in the store, and reports whether there is one.
func (p *Preparer) layer(ctx context.Context, r Request, file string, found contract.Prepared) (bool, error) {
	key := store.TextLayerKey(r.Project, found.ContentHash)
	if ok, err := p.Store.Exists(ctx, key); err != nil || ok {
		return ok, err
	}
	text, err := p.Poppler.text(ctx, file)
	if err != nil {
		return false, p.blame(ctx, r, err)
	}
	letters := 0
	for _, c := range text {
		if unicode.IsLetter(c) {
			letters++
		}
	}
	if letters < leastLetters*found.TotalPages {
		return false, nil
	}
	return true, p.Store.Write(ctx, key, []byte(text))
}

// render keeps images of the pages that have not been read in the store.
func (p *Preparer) render(ctx context.Context, r Request, file string, found contract.Prepared) error {
	for n := 1; n <= found.Pages; n++ {
		there := false
		for _, key := range []string{
			store.PageTextKey(r.Project, found.ContentHash, p.Recipe, n),
			store.PageImageKey(r.Project, found.ContentHash, n),
		} {
			ok, err := p.Store.Exists(ctx, key)
			if err != nil {
				return err
			}
			there = there || ok
		}
		if there {
			continue
		}
		image, err := p.Poppler.page(ctx, file, n)
		if err != nil {
			return p.blame(ctx, r, err)
		}
		if err := p.Store.Write(ctx, store.PageImageKey(r.Project, found.ContentHash, n), image); err != nil {
			return err
		}
	}
	return nil
}

// blame makes a Problem of what Poppler says of a document.
func (p *Preparer) blame(ctx context.Context, r Request, err error) error {
	var failed *popplerError
	if ctx.Err() == nil && errors.As(err, &failed) {
		return problemf("document %q cannot be read as PDF: %v", r.Key, failed)
	}
	return err
}
