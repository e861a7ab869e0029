package documents

import (
	"bytes"
	"image"
	_ "image/jpeg" // the formats that documents may have
	_ "image/png"

	"signalbox/workflows/contract"
)

// maxPixels of an image: what a model server decodes without running out of
// memory; an A0 sheet at 200 dpi has 62 million.
const maxPixels = 100_000_000

// checkImage refuses what is not the image that it is said to be.
func checkImage(r Request, data []byte) error {
	c, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return problemf("document %q is no PNG or JPEG image: %v", r.Key, err)
	}
	if want := map[string]string{contract.ContentTypePNG: "png", contract.ContentTypeJPEG: "jpeg"}[r.ContentType]; format != want {
		return problemf("document %q is said to be %s and is %s", r.Key, r.ContentType, format)
	}
	if c.Width*c.Height > maxPixels {
		return problemf("document %q has %d x %d pixels; %d million in all are allowed", r.Key, c.Width, c.Height, maxPixels/1_000_000)
	}
	return nil
}
