package simgpu

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg" // for the size of images
	_ "image/png"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	directiveTokens = regexp.MustCompile(`\[\[sim tokens=(\d{1,6})\]\]`)
	directiveReply  = regexp.MustCompile(`\[\[sim reply=(.*?)\]\]`)
)

const (
	directiveBadJSON = "[[sim badjson]]"
	directiveDie     = "[[sim die]]"
)

// tokens counts as a model does, roughly: four characters make one.
func tokens(text string) int { return (utf8.RuneCountInString(text) + 3) / 4 }

// compose makes the answer to a prompt, as the tokens that are sent.
func compose(req generateRequest, form *format, m Model) []string {
	prompt := req.Prompt
	if m := directiveReply.FindStringSubmatch(prompt); m != nil {
		return words(m[1])
	}
	if form != nil && !strings.Contains(prompt, directiveBadJSON) {
		return pieces(form.fill(prompt))
	}
	if len(req.Images) > 0 {
		return lengthen(words(reading(req.Images)), m.PageTokens)
	}
	return prose(prompt, wanted(prompt, m.AnswerTokens))
}

// reading is what is said of images: the simulation cannot see, and says which
// image it was given.
func reading(images [][]byte) string {
	var lines []string
	for _, data := range images {
		size := "unknown size"
		if c, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil {
			size = fmt.Sprintf("%d x %d pixels", c.Width, c.Height)
		}
		lines = append(lines, fmt.Sprintf("Simulated text of image %s (%s)", Hash(string(data)), size))
	}
	return strings.Join(lines, "\n")
}

// imageTokens is what an image costs of the context window, about as in gemma.
const imageTokens = 256

func wanted(prompt string, defaultTokens int) int {
	if m := directiveTokens.FindStringSubmatch(prompt); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			return n
		}
	}
	return defaultTokens
}

// prose answers with the beginning of the prompt and its hash.
func prose(prompt string, n int) []string {
	fields := strings.Fields(prompt)
	if len(fields) > 12 {
		fields = fields[:12]
	}
	out := words(fmt.Sprintf("Simulated answer %s to: %s", Hash(prompt), strings.Join(fields, " ")))
	return lengthen(out, n)[:n]
}

// lengthen makes an answer at least so long.
func lengthen(out []string, n int) []string {
	filler := strings.Fields("and so it goes on with plain words until the answer is as long as it was asked to be")
	for i := 0; len(out) < n; i++ {
		out = append(out, " "+filler[i%len(filler)])
	}
	return out
}

// Hash identifies a prompt or an image in a simulated answer.
func Hash(prompt string) string {
	sum := sha256.Sum256([]byte(prompt))
	return hex.EncodeToString(sum[:4])
}

// words splits a text into tokens that join to it again.
func words(text string) []string {
	var out []string
	for len(text) > 0 {
		i := strings.IndexByte(text[1:], ' ') + 1
		if i <= 0 {
			i = len(text)
		}
		out = append(out, text[:i])
		text = text[i:]
	}
	return out
}

// pieces splits a text without spaces as a model would, about four characters
// to a token.
func pieces(text string) []string {
	var out []string
	for runes := []rune(text); len(runes) > 0; {
		n := min(4, len(runes))
		out, runes = append(out, string(runes[:n])), runes[n:]
	}
	return out
}

// format is a JSON schema that the answer has to obey.
type format struct{ schema map[string]any }

// parseFormat reads format: nothing, "json", or a schema.
func parseFormat(raw json.RawMessage) (*format, error) {
	var v any
	if len(raw) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	switch t := v.(type) {
	case nil:
		return nil, nil
	case string:
		if t == "" {
			return nil, nil
		}
		if t == "json" {
			return &format{map[string]any{"type": "object", "properties": map[string]any{"answer": map[string]any{"type": "string"}}}}, nil
		}
	case map[string]any:
		return &format{t}, nil
	}
	return nil, fmt.Errorf("invalid format: %q; expected \"json\" or a valid JSON Schema object", string(raw))
}
