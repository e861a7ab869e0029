// Package testdoc makes documents for tests: images, and PDF documents with and
// without a text layer.
package testdoc

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
)

// PNG is an image that differs by number.
func PNG(number int) []byte {
	return encoded(number, func(b *bytes.Buffer, m image.Image) error { return png.Encode(b, m) })
}

// JPEG is an image that differs by number.
func JPEG(number int) []byte {
	return encoded(number, func(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) })
}

// Width and Height of the images in pixels.
const (
	Width  = 120
	Height = 160
)

func encoded(number int, encode func(*bytes.Buffer, image.Image) error) []byte {
	m := image.NewGray(image.Rect(0, 0, Width, Height))
	for y := range Height {
		for x := range Width {
			m.SetGray(x, y, color.Gray{Y: uint8(x*y + 37*number)})
		}
	}
	var b bytes.Buffer
	if err := encode(&b, m); err != nil {
		panic(err) // a plain image into memory: it does not fail
	}
	return b.Bytes()
}

// PDF has a page with a text layer for each text.
func PDF(texts ...string) []byte {
	w := newPDF(len(texts))
	font := w.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	for _, text := range texts {
		var content strings.Builder
		content.WriteString("BT /F1 11 Tf 14 TL 60 780 Td\n")
		for line := range strings.Lines(text) {
			escaped := strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(strings.TrimSpace(line))
			fmt.Fprintf(&content, "(%s) Tj T*\n", escaped)
		}
		content.WriteString("ET\n")
		w.page(fmt.Sprintf("/Font << /F1 %d 0 R >>", font), content.String())
	}
	return w.bytes()
}

// ScannedPDF has a page with nothing but an image for each number.
func ScannedPDF(numbers ...int) []byte {
	w := newPDF(len(numbers))
	for _, n := range numbers {
		picture := w.stream(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode",
			Width, Height), JPEG(n))
		w.page(fmt.Sprintf("/XObject << /I %d 0 R >>", picture), "q 595 0 0 842 0 0 cm /I Do Q\n")
	}
	return w.bytes()
}

// pdf writes objects; 1 is the catalog and 2 the list of pages.
type pdf struct {
	b       bytes.Buffer
	offsets []int
	kids    []string
	count   int
}

func newPDF(pages int) *pdf {
	w := &pdf{count: pages, offsets: make([]int, 2)}
	w.b.WriteString("%PDF-1.4\n")
	return w
}

func (w *pdf) begin() int {
	w.offsets = append(w.offsets, w.b.Len())
	return len(w.offsets)
}

func (w *pdf) object(body string) int {
	n := w.begin()
	fmt.Fprintf(&w.b, "%d 0 obj\n%s\nendobj\n", n, body)
	return n
}

func (w *pdf) stream(dictionary string, data []byte) int {
	n := w.begin()
	fmt.Fprintf(&w.b, "%d 0 obj\n<< %s /Length %d >>\nstream\n", n, dictionary, len(data))
	w.b.Write(data)
	w.b.WriteString("\nendstream\nendobj\n")
	return n
}

func (w *pdf) page(resources, content string) {
	c := w.stream("", []byte(content))
	n := w.object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << %s >> /Contents %d 0 R >>", resources, c))
	w.kids = append(w.kids, fmt.Sprintf("%d 0 R", n))
}

func (w *pdf) bytes() []byte {
	w.offsets[0] = w.b.Len()
	w.b.WriteString("1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n")
	w.offsets[1] = w.b.Len()
	fmt.Fprintf(&w.b, "2 0 obj\n<< /Type /Pages /Count %d /Kids [%s] >>\nendobj\n", w.count, strings.Join(w.kids, " "))
	xref := w.b.Len()
	fmt.Fprintf(&w.b, "xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, o := range w.offsets {
		fmt.Fprintf(&w.b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&w.b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(w.offsets)+1, xref)
	return w.b.Bytes()
}
