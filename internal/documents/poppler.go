package documents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Poppler runs the programs of poppler-utils, each with a limit of its own: a
// broken document must not stop its job.
type Poppler struct{ info, toText, toImage string }

// Limits of one run, and what a page is rendered to: vision models look at
// about 900 pixels a side, in tiles of a larger image.
const (
	popplerLimit = 2 * time.Minute
	pagePixels   = "2200"
	// maxTextBytes of a text layer.
	maxTextBytes = 32 << 20
)

// FindPoppler looks for the programs on the PATH.
func FindPoppler() (*Poppler, error) {
	var p Poppler
	for name, path := range map[string]*string{"pdfinfo": &p.info, "pdftotext": &p.toText, "pdftoppm": &p.toImage} {
		found, err := exec.LookPath(name)
		if err != nil {
			return nil, fmt.Errorf("%s of Poppler is not installed (apt install poppler-utils): PDF documents will be refused", name)
		}
		*path = found
	}
	return &p, nil
}

// popplerError is what Poppler says of a document.
type popplerError struct{ text string }

func (e *popplerError) Error() string { return e.text }

var pagesLine = regexp.MustCompile(`(?m)^Pages:\s+(\d+)`)

// pages counts them.
func (p *Poppler) pages(ctx context.Context, file string) (int, error) {
	out, err := p.run(ctx, p.info, file)
	if err != nil {
		return 0, err
	}
	m := pagesLine.FindSubmatch(out)
	if m == nil {
		return 0, &popplerError{"it does not say how many pages it has"}
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil || n < 1 {
		return 0, &popplerError{"it has no pages"}
	}
	return n, nil
}

// text reads the text layer.
func (p *Poppler) text(ctx context.Context, file string) (string, error) {
	out, err := p.run(ctx, p.toText, "-enc", "UTF-8", "-nopgbrk", file, "-")
	if err != nil {
		return "", err
	}
	if len(out) > maxTextBytes {
		return "", &popplerError{fmt.Sprintf("its text has %d bytes; %d are allowed", len(out), maxTextBytes)}
	}
	return strings.ToValidUTF8(string(bytes.ReplaceAll(out, []byte{0}, nil)), "\ufffd"), nil
}

// page renders one page as a PNG image.
func (p *Poppler) page(ctx context.Context, file string, n int) ([]byte, error) {
	prefix := filepath.Join(filepath.Dir(file), "page")
	page := strconv.Itoa(n)
	if _, err := p.run(ctx, p.toImage, "-png", "-singlefile", "-scale-to", pagePixels, "-f", page, "-l", page, file, prefix); err != nil {
		return nil, err
	}
	image, err := os.ReadFile(prefix + ".png")
	if errors.Is(err, os.ErrNotExist) {
		return nil, &popplerError{fmt.Sprintf("page %d cannot be rendered", n)}
	}
	if err != nil {
		return nil, err
	}
	return image, os.Remove(prefix + ".png")
}

func (p *Poppler) run(ctx context.Context, program string, args ...string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, popplerLimit)
	defer cancel()
	cmd := exec.CommandContext(limited, program, args...)
	cmd.WaitDelay = time.Second
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, &popplerError{fmt.Sprintf("%s takes longer than %s", filepath.Base(program), popplerLimit)}
	case errors.As(err, &exit):
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		if line == "" {
			line = err.Error()
		}
		return nil, &popplerError{filepath.Base(program) + ": " + line}
	}
	return nil, err
}
