package tasks

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"signalbox/workflows/contract"
)

// Estimator guesses how many characters of text make one token. Ollama cuts a
// text that is too long without a word, so the guess has to be on the safe
// side; what the model counts corrects it downwards at once, upwards never
// past the configured guess.
type Estimator struct {
	configured float64

	mu  sync.Mutex
	low float64
}

// NewEstimator begins with the configured characters per token of a model.
func NewEstimator(charsPerToken float64) *Estimator {
	return &Estimator{configured: charsPerToken, low: charsPerToken}
}

// minSample is how many characters a text must have to teach the estimator:
// short ones are mostly the template's tokens.
const minSample = 2000

// Observe records that a prompt of so many characters had so many tokens.
func (e *Estimator) Observe(chars, tokens int) {
	if chars < minSample || tokens < 1 {
		return
	}
	seen := float64(chars) / float64(tokens)
	e.mu.Lock()
	defer e.mu.Unlock()
	if seen < e.low {
		e.low = seen
		return
	}
	// Recover slowly from one dense text (a table of numbers, another script).
	e.low = min(e.configured, e.low+(seen-e.low)*0.1)
}

// CharsPerToken is the present guess.
func (e *Estimator) CharsPerToken() float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.low
}

// fit cuts text to what fits into so many tokens, at white space where there
// is some near the end.
func (e *Estimator) fit(text string, tokens int) (string, contract.InputUse) {
	total := utf8.RuneCountInString(text)
	room := max(0, int(float64(tokens)*e.CharsPerToken()))
	if total <= room {
		return text, contract.InputUse{UsedChars: total, TotalChars: total}
	}
	runes := []rune(text)[:room]
	for end := len(runes); end > len(runes)*9/10; end-- {
		if unicode.IsSpace(runes[end-1]) {
			runes = runes[:end-1]
			break
		}
	}
	return string(runes), contract.InputUse{Truncated: true, UsedChars: len(runes), TotalChars: total}
}

// overheadTokens is kept free for the model's own template.
const overheadTokens = 64

// roomFor is how many tokens a text may have beside the rest of the prompt.
func (e *Estimator) roomFor(contextTokens, answerTokens int, rest ...string) int {
	chars := 0
	for _, r := range rest {
		chars += utf8.RuneCountInString(r)
	}
	return contextTokens - answerTokens - overheadTokens - int(float64(chars)/e.CharsPerToken()) - 1
}
