package tasks

import (
	"fmt"
	"unicode/utf8"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// Passages of stage embed-document, in tokens; the numbers are those of the
// document system that the project was specified for.
const (
	PassageTokens  = 512
	PassageOverlap = 64
)

// PassagesPerCall is how many passages one model call makes vectors of: a
// preemption costs at most that many.
const PassagesPerCall = 16

// Embedder makes the calls of an embedding model.
type Embedder struct {
	Model ollama.Model
	// CharsPerToken as configured: passages must not move between two attempts,
	// so nothing is learned here.
	CharsPerToken               float64
	QueryPrefix, DocumentPrefix string
}

// Call makes the call for vectors of texts.
func (e *Embedder) Call(purpose string, texts []string) ollama.EmbedCall {
	prefix := e.DocumentPrefix
	if purpose == contract.PurposeQuery {
		prefix = e.QueryPrefix
	}
	c := ollama.EmbedCall{Model: e.Model}
	for _, t := range texts {
		c.Texts = append(c.Texts, prefix+t)
	}
	return c
}

// Identity is all that a text's vector depends on beside the text.
func (e *Embedder) Identity(purpose string) []string {
	prefix := e.DocumentPrefix
	if purpose == contract.PurposeQuery {
		prefix = e.QueryPrefix
	}
	return []string{e.Model.Name, fmt.Sprint(e.Model.ContextTokens), prefix}
}

// Passage is a piece of a document.
type Passage struct {
	Text string
	// Start and End in characters of the document.
	Start, End int
}

// Passages splits a text into passages that overlap.
func (e *Embedder) Passages(text string) []Passage {
	est := NewEstimator(e.CharsPerToken)
	var out []Passage
	start, from := 0, 0 // in bytes, in characters
	for start < len(text) {
		end := start + est.cut(text[start:], PassageTokens)
		if end == start { // one character that exceeds a passage does not exist
			break
		}
		if end < len(text) {
			end = start + atSpace(text[start:], end-start)
		}
		piece := text[start:end]
		out = append(out, Passage{Text: piece, Start: from, End: from + utf8.RuneCountInString(piece)})
		if end == len(text) {
			break
		}
		step := est.cut(piece, PassageTokens-PassageOverlap)
		if step = atSpace(piece, step); step == 0 {
			step = len(piece)
		}
		from += utf8.RuneCountInString(piece[:step])
		start += step
	}
	return out
}
