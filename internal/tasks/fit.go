package tasks

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"signalbox/workflows/contract"
)

// Estimator guesses how many tokens a text has. Many servers cut a text that
// is too long without a word, so the guess has to be on the safe side; what the
// model counts corrects it towards shorter texts at once, and back slowly, never
// past the configured guess.
//
// A character outside ASCII counts as a token of its own: no vocabulary in use
// does worse with Thai or Chinese.
type Estimator struct {
	configured float64

	mu  sync.Mutex
	low float64
}

// NewEstimator begins with the configured characters per token of a model.
func NewEstimator(charsPerToken float64) *Estimator {
	return &Estimator{configured: charsPerToken, low: charsPerToken}
}

// minSample is how many tokens a text must have to teach the estimator: short
// ones are mostly the template's.
const minSample = 600

// Observe records that a text had so many tokens.
func (e *Estimator) Observe(text string, tokens int) {
	if tokens < minSample {
		return
	}
	seen := e.weigh(text) / float64(tokens)
	e.mu.Lock()
	defer e.mu.Unlock()
	if seen < e.low {
		e.low = seen
		return
	}
	// Recover slowly from one dense text, such as a table of numbers.
	e.low = min(e.configured, e.low+(seen-e.low)*0.1)
}

func (e *Estimator) tighten() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.low *= 0.7
}

// CharsPerToken is the present guess for ASCII.
func (e *Estimator) CharsPerToken() float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.low
}

// weigh measures a text in ASCII characters.
func (e *Estimator) weigh(text string) float64 {
	w := 0.0
	for _, r := range text {
		w += e.weight(r)
	}
	return w
}

func (e *Estimator) weight(r rune) float64 {
	if r < utf8.RuneSelf {
		return 1
	}
	return max(1, e.configured)
}

// Tokens is the guess for a text.
func (e *Estimator) Tokens(text string) int { return int(e.weigh(text)/e.CharsPerToken()) + 1 }

// fit cuts text to what fits into so many tokens, at white space where there
// is some near the end.
func (e *Estimator) fit(text string, tokens int) (string, contract.InputUse) {
	total := utf8.RuneCountInString(text)
	end := e.cut(text, tokens)
	if end == len(text) {
		return text, contract.InputUse{UsedChars: total, TotalChars: total}
	}
	text = text[:atSpace(text, end)]
	return text, contract.InputUse{Truncated: true, UsedChars: utf8.RuneCountInString(text), TotalChars: total}
}

// cut returns how many bytes of text fit into so many tokens.
func (e *Estimator) cut(text string, tokens int) int {
	room := float64(tokens) * e.CharsPerToken()
	for i, r := range text {
		if room -= e.weight(r); room < 0 {
			return i
		}
	}
	return len(text)
}

// atSpace moves a cut back to the last white space, if that is near.
func atSpace(text string, end int) int {
	for i := end; i > end*9/10; {
		r, size := utf8.DecodeLastRuneInString(text[:i])
		i -= size
		if unicode.IsSpace(r) {
			return i
		}
	}
	return end
}

// overheadTokens is kept free for the model's own template.
const overheadTokens = 64

// roomFor is how many tokens a text may have beside the rest of the prompt.
func (e *Estimator) roomFor(contextTokens, answerTokens int, rest ...string) int {
	room := contextTokens - answerTokens - overheadTokens
	for _, r := range rest {
		room -= e.Tokens(r)
	}
	return max(0, room)
}
