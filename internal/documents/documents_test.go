package documents_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/documents"
	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/internal/testdoc"
	"signalbox/workflows/contract"
)

const recipe = "recipe"

func preparer(t *testing.T) *documents.Preparer {
	s, err := store.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return &documents.Preparer{Store: s, Recipe: recipe}
}

func withPoppler(t *testing.T) *documents.Preparer {
	p := preparer(t)
	var err error
	if p.Poppler, err = documents.FindPoppler(); err != nil {
		t.Skip("SKIPPED, PDF DOCUMENTS NOT TESTED: " + err.Error())
	}
	return p
}

func prepare(t *testing.T, p *documents.Preparer, key string, data []byte, maxPages int) (contract.Prepared, error) {
	t.Helper()
	require.NoError(t, p.Store.WriteDocument(t.Context(), "p", key, data))
	return p.Prepare(t.Context(), documents.Request{
		Project: "p", Key: key, ContentType: contract.ContentTypeOf(key), MaxPages: maxPages,
	})
}

// read keeps the text of a page as the vision model's.
func read(t *testing.T, p *documents.Preparer, found contract.Prepared, page int, text string) {
	t.Helper()
	key := store.PageTextKey("p", found.ContentHash, recipe, page)
	require.NoError(t, p.Store.WriteJSON(t.Context(), key, tasks.PageText{Text: text}))
}

func TestATextIsItsOwn(t *testing.T) {
	p := preparer(t)
	found, err := prepare(t, p, "a.txt", []byte("\ufeffhello"), 0)
	require.NoError(t, err)
	require.Equal(t, contract.TextDocument, found.Origin)
	text, err := documents.Text(t.Context(), p.Store, "p", "a.txt", found)
	require.NoError(t, err)
	require.Equal(t, "hello", text)
}

func TestWhatIsWrongWithADocument(t *testing.T) {
	p := preparer(t)
	for name, c := range map[string]struct {
		key, data, want string
		maxPages        int
	}{
		"empty":        {"a.txt", " \n", "is empty", 1},
		"binary":       {"a.txt", "a\x00b", "not UTF-8 text", 1},
		"no image":     {"a.png", "hello", "is no PNG or JPEG image", 1},
		"other format": {"a.jpg", string(testdoc.PNG(1)), "is said to be image/jpeg and is png", 1},
		"unread image": {"a.png", string(testdoc.PNG(1)), "add the stage ocr", 0},
		"no poppler":   {"a.pdf", string(testdoc.PDF("x")), "apt install poppler-utils", 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := prepare(t, p, c.key, []byte(c.data), c.maxPages)
			var own *documents.Problem
			require.ErrorAs(t, err, &own, "it is the document's own problem")
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, c.key)
		})
	}
	_, err := p.Prepare(t.Context(), documents.Request{Project: "p", Key: "none.txt", ContentType: contract.ContentTypeText})
	require.ErrorContains(t, err, "not found")
}

func TestAnImageIsItsOwnPage(t *testing.T) {
	p := preparer(t)
	data := testdoc.JPEG(1)
	found, err := prepare(t, p, "a.jpeg", data, 3)
	require.NoError(t, err)
	require.Equal(t, contract.Prepared{ContentHash: found.ContentHash, Origin: contract.TextOCR, Pages: 1, TotalPages: 1}, found)
	image, err := documents.PageImage(t.Context(), p.Store, "p", "a.jpeg", contract.ContentTypeJPEG, found, 1)
	require.NoError(t, err)
	require.Equal(t, data, image)

	// Once it has been read the stage ocr is not needed.
	read(t, p, found, 1, "hello")
	found, err = prepare(t, p, "b.jpeg", data, 0)
	require.NoError(t, err, "the same content under another key")
	text, ok, err := documents.PageText(t.Context(), p.Store, "p", recipe, found, 1)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "hello", text.Text)

	require.NoError(t, p.Store.WriteDocument(t.Context(), "p", "a.jpeg", testdoc.JPEG(2)))
	_, err = documents.PageImage(t.Context(), p.Store, "p", "a.jpeg", contract.ContentTypeJPEG, found, 1)
	require.ErrorContains(t, err, "was changed")
}

func TestThePDFsTextLayer(t *testing.T) {
	p := withPoppler(t)
	found, err := prepare(t, p, "a.pdf", testdoc.PDF(
		"Method statement for bored piles\nThe piles are (21 m) deep and have casings.", "Page two says more of the same about the piles."), 1)
	require.NoError(t, err)
	require.Equal(t, contract.TextLayer, found.Origin)
	require.Equal(t, 2, found.TotalPages)
	text, err := documents.Text(t.Context(), p.Store, "p", "a.pdf", found)
	require.NoError(t, err)
	require.Contains(t, text, "The piles are (21 m) deep")
	require.Contains(t, text, "Page two")
}

func TestAScannedPDFIsRendered(t *testing.T) {
	p := withPoppler(t)
	data := testdoc.ScannedPDF(1, 2, 3)
	found, err := prepare(t, p, "a.pdf", data, 2)
	require.NoError(t, err)
	require.Equal(t, contract.Prepared{ContentHash: found.ContentHash, Origin: contract.TextOCR, Pages: 2, TotalPages: 3}, found)
	for n := 1; n <= 2; n++ {
		image, err := documents.PageImage(t.Context(), p.Store, "p", "a.pdf", contract.ContentTypePDF, found, n)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(image), "\x89PNG"))
	}
	_, err = documents.PageImage(t.Context(), p.Store, "p", "a.pdf", contract.ContentTypePDF, found, 3)
	require.ErrorContains(t, err, "is gone", "no more pages than asked for")

	_, err = prepare(t, p, "a.pdf", data, 0)
	require.ErrorContains(t, err, "add the stage ocr")

	// What has been read is not rendered again.
	require.NoError(t, p.Store.Remove(t.Context(), store.PageImageKey("p", found.ContentHash, 1)))
	read(t, p, found, 1, "one")
	found, err = prepare(t, p, "a.pdf", data, 2)
	require.NoError(t, err)
	ok, err := p.Store.Exists(t.Context(), store.PageImageKey("p", found.ContentHash, 1))
	require.NoError(t, err)
	require.False(t, ok)
	found, err = prepare(t, p, "a.pdf", data, 0)
	require.NoError(t, err)
	require.Equal(t, 1, found.Pages, "those that have been read")
}

func TestBrokenPDFs(t *testing.T) {
	p := withPoppler(t)
	for name, data := range map[string][]byte{
		"no pdf": []byte("hello"), "empty": {}, "cut": testdoc.PDF("some text")[:200],
	} {
		t.Run(name, func(t *testing.T) {
			_, err := prepare(t, p, "a.pdf", data, 1)
			var own *documents.Problem
			require.ErrorAs(t, err, &own)
			require.ErrorContains(t, err, `document "a.pdf" cannot be read as PDF`)
		})
	}
}

func TestJoinSaysWhatWasCut(t *testing.T) {
	out := documents.Join(contract.Prepared{Pages: 2, TotalPages: 9}, []tasks.PageText{{Text: "a"}, {Text: "b", Cut: true}})
	require.Equal(t, contract.OCROutput{Origin: contract.TextOCR, Pages: 2, TotalPages: 9, Text: "a\n\nb", Cut: []int{2}}, out)
}
