package contract

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Content types of documents.
const (
	ContentTypeText = "text/plain"
	ContentTypePDF  = "application/pdf"
	ContentTypePNG  = "image/png"
	ContentTypeJPEG = "image/jpeg"
)

// ContentTypes lists the content types of documents.
func ContentTypes() []string {
	return []string{ContentTypeText, ContentTypePDF, ContentTypePNG, ContentTypeJPEG}
}

var extensions = map[string]string{
	"": ContentTypeText, ".txt": ContentTypeText, ".text": ContentTypeText, ".md": ContentTypeText,
	".pdf": ContentTypePDF, ".png": ContentTypePNG, ".jpg": ContentTypeJPEG, ".jpeg": ContentTypeJPEG,
}

// ContentTypeOf tells a document's content type by its key's extension, and is
// empty where that says nothing.
func ContentTypeOf(key string) string { return extensions[strings.ToLower(path.Ext(key))] }

// contentTypeOf completes and checks a content type.
func contentTypeOf(at, key, given string) (string, error) {
	if given == "" {
		if given = ContentTypeOf(key); given == "" {
			return "", fieldErr(at, "%q ends with no extension that is known (.txt, .md, .pdf, .png, .jpg)", key)
		}
	}
	return given, oneOf(at, given, ContentTypes())
}

// TextOrigin says where the text of a document comes from.
type TextOrigin string

// Origins of a text.
const (
	// TextDocument: the document is a text.
	TextDocument TextOrigin = "document"
	// TextLayer: the text layer of a PDF document.
	TextLayer TextOrigin = "text-layer"
	// TextOCR: page images, read by the vision model.
	TextOCR TextOrigin = "ocr"
)

// Prepared is what is known of a document before it comes to the GPU.
type Prepared struct {
	// ContentHash of the document.
	ContentHash string     `json:"contentHash,omitempty"`
	Origin      TextOrigin `json:"origin,omitempty"`
	// Pages that the vision model reads, of TotalPages.
	Pages      int `json:"pages,omitempty"`
	TotalPages int `json:"totalPages,omitempty"`
	// Store is the id of the document store that it was found in.
	Store string `json:"store,omitempty"`
}

// checkText refuses what no text holds.
func checkText(field, text string) error {
	if !utf8.ValidString(text) {
		return fieldErr(field, "is not valid UTF-8")
	}
	for i, r := range text {
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return fieldErr(field, "contains the control character %U at byte %d; is it a text?", r, i)
		}
	}
	return nil
}

// checkKeyFolder refuses the folders that Signalbox writes itself.
func checkKeyFolder(field, key string) error {
	first, _, _ := strings.Cut(key, "/")
	for _, own := range []string{"batches", "derived", "rfa-records"} {
		if strings.EqualFold(first, own) {
			return fieldErr(field, "%q lies under %s/, which is for results", key, own)
		}
	}
	return nil
}

// CheckKey refuses a store key that is not a plain relative path: one that
// would climb out of its project cannot be written down.
func CheckKey(field, key string) error {
	switch {
	case key == "":
		return fieldErr(field, "is missing")
	case len(key) > MaxKeyBytes:
		return fieldErr(field, "is %d bytes long; %d are allowed", len(key), MaxKeyBytes)
	case !utf8.ValidString(key):
		return fieldErr(field, "is not valid UTF-8")
	case strings.HasPrefix(key, "/"):
		return fieldErr(field, "%q must be relative to the project", key)
	case strings.Contains(key, `\`):
		return fieldErr(field, "%q contains a backslash; separate with /", key)
	}
	if err := checkKeyFolder(field, key); err != nil {
		return err
	}
	for _, r := range key {
		if unicode.IsControl(r) {
			return fieldErr(field, "contains the control character %U", r)
		}
	}
	for _, element := range strings.Split(key, "/") {
		if element == "" || element == "." || element == ".." {
			return fieldErr(field, "%q has the path element %q, which is not allowed", key, element)
		}
	}
	return nil
}

// Document is one document of a batch job, and one line of a manifest.
type Document struct {
	// ID is any printable text up to 200 bytes.
	ID string `json:"id"`
	// Key of the document in the store, relative to the project.
	Key string `json:"key"`
	// ContentType is text/plain, application/pdf, image/png or image/jpeg; told
	// by the key's extension unless given.
	ContentType string `json:"contentType,omitempty"`
	// Title is shown where the id alone would say little.
	Title string `json:"title,omitempty"`
}

// Validate checks one document and fills its content type in; at is where it
// stands.
func (d *Document) Validate(at string) error {
	if err := checkID(at+".id", d.ID, true); err != nil {
		return err
	}
	if err := CheckKey(at+".key", d.Key); err != nil {
		return err
	}
	if len(d.Title) > 1000 {
		return fieldErr(at+".title", "is %d bytes long; 1000 are allowed", len(d.Title))
	}
	var err error
	d.ContentType, err = contentTypeOf(at+".contentType", d.Key, d.ContentType)
	return err
}

// DecodeManifestLine reads and checks one line of a manifest. n counts from 1.
func DecodeManifestLine(n int, line []byte) (Document, error) {
	var d Document
	at := fmt.Sprintf("manifest line %d", n)
	if err := decodeStrict(line, &d); err != nil {
		f := err.(*FieldError) //nolint:forcetypeassert // decodeStrict returns nothing else
		return d, fieldErr(at, "%s %s", f.Field, f.Reason)
	}
	return d, d.Validate(at)
}
