package ollama

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"

	"github.com/ollama/ollama/api"
)

// Partial is what an aborted call had said: the next one goes on from it.
type Partial struct {
	// Key is of all that the text depends on: prompt, images, options, model,
	// server. Where it differs the next call begins again.
	Key  string `json:"key"`
	Text string `json:"text"`
	// Tokens that the text took of the call's MaxTokens.
	Tokens int `json:"tokens"`
	// Continuations so far.
	Continuations int `json:"continuations"`
}

// maxContinuations of one text: each may be tokenised a little differently.
const maxContinuations = 50

// ability is whether the server can render a prompt without answering it, which
// going on needs: Ollama does from v0.11.10 on.
type ability struct {
	off bool // by configuration

	mu      sync.Mutex
	version string // of the server that was asked last, empty before
	why     string // it cannot, empty where it can
}

// Continuation says whether aborted calls are gone on with, and why not; empty
// before the first one that could be.
func (r *Runtime) Continuation() string {
	if r.goesOn.off {
		return "off, by configuration: aborted calls begin again"
	}
	r.goesOn.mu.Lock()
	defer r.goesOn.mu.Unlock()
	switch {
	case r.goesOn.version == "":
		return ""
	case r.goesOn.why != "":
		return fmt.Sprintf("off, Ollama %s %s: aborted calls begin again", r.goesOn.version, r.goesOn.why)
	}
	return "on: aborted calls of free text go on from where they were"
}

// learn remembers that the server of a version can, or why it cannot.
func (a *ability) learn(version, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version, a.why = version, why
}

// lacks reports that the server of a version is known not to be able to.
func (a *ability) lacks(version string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.version == version && a.why != ""
}

// resumable makes a call whose text another call can go on with: Ollama renders
// the prompt, which is sent raw with the text so far behind it. Where the server
// cannot, it is an ordinary call.
func (r *Runtime) resumable(ctx context.Context, c Call) (Answer, error) {
	version, err := r.client.Version(ctx)
	if err != nil {
		return Answer{}, classify(ctx, c.Model.Name, err)
	}
	if r.goesOn.lacks(version) {
		return r.call(ctx, c, r.request(c))
	}
	rendered, err := r.render(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	if rendered == "" {
		r.goesOn.learn(version, "cannot render a prompt")
		return r.call(ctx, c, r.request(c))
	}
	from, err := r.from(ctx, c, version, rendered)
	if err != nil {
		return Answer{}, err
	}
	if from.Text != "" && c.MaxTokens > 0 && from.Tokens >= c.MaxTokens {
		return Answer{Text: from.Text, Cut: true, Continued: true}, nil
	}
	req := r.request(c)
	req.System, req.Prompt, req.Raw = "", rendered+from.Text, true
	if c.MaxTokens > 0 {
		req.Options = c.Model.options(c.MaxTokens - from.Tokens)
	}
	a, err := r.call(ctx, c, req)
	if KindOf(err) == KindRequest && err != nil && ctx.Err() == nil {
		r.goesOn.learn(version, "refuses raw prompts")
		return r.call(ctx, c, r.request(c))
	}
	r.goesOn.learn(version, "")
	if err != nil && KindOf(err) != KindOutput {
		return Answer{Partial: from.with(a), GeneratedFor: a.GeneratedFor}, err
	}
	a.Text, a.Continued = from.Text+a.Text, from.Text != ""
	a.Tokens.Prompt = max(0, a.Tokens.Prompt-from.Tokens) // they were the answer's
	a.Tokens.Output += from.Tokens
	return a, err
}

// render has the server make the prompt that it would give the model; "" where it
// cannot. One that does not know the question answers it instead: with one token.
func (r *Runtime) render(ctx context.Context, c Call) (string, error) {
	req := r.request(c)
	req.DebugRenderOnly, req.Options = true, c.Model.options(1)
	stream := false
	req.Stream = &stream
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Prompt,
		&limitError{fmt.Sprintf("no prompt within timeouts.prompt (%s)", r.limits.Prompt)})
	defer cancel()
	var info *api.DebugInfo
	err := r.client.Generate(ctx, req, func(part api.GenerateResponse) error {
		if part.DebugInfo != nil {
			info = part.DebugInfo
		}
		return nil
	})
	switch {
	case err != nil:
		err = classify(ctx, c.Model.Name, err)
		r.revive(c.Model.Name, err)
		return "", err
	case info == nil || info.ImageCount != len(c.Images):
		return "", nil
	}
	return info.RenderedTemplate, nil
}

// from is the text that the call goes on with: what the call brings, where nothing
// has changed since.
func (r *Runtime) from(ctx context.Context, c Call, version, rendered string) (Partial, error) {
	running, err := r.client.ListRunning(ctx)
	if err != nil {
		return Partial{}, classify(ctx, c.Model.Name, err)
	}
	digest := ""
	for _, m := range running.Models {
		if Name(m.Name) == Name(c.Model.Name) {
			digest = m.Digest
		}
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	if err := errors.Join(enc.Encode([]any{version, digest, rendered, c.MaxTokens, c.Model.options(0)}), enc.Encode(c.Images)); err != nil {
		return Partial{}, err
	}
	key := hex.EncodeToString(h.Sum(nil)[:16])
	if digest == "" {
		key = "" // the server does not say which model this is
	}
	if c.From == nil || c.From.Key != key || key == "" || c.From.Continuations >= maxContinuations {
		return Partial{Key: key}, nil
	}
	return *c.From, nil
}

// with is the text so far and what an aborted call has added to it, cut back to
// before the last white space: a word that was cut in two makes a model begin
// again. It is nil where there is nothing to go on with.
func (p Partial) with(a Answer) *Partial {
	if p.Key == "" {
		return nil
	}
	text := cutBack(p.Text + a.Text)
	if len(text) <= len(p.Text) {
		if p.Text == "" {
			return nil
		}
		return &p
	}
	if p.Text != "" {
		p.Continuations++
	}
	return &Partial{Key: p.Key, Text: text, Tokens: p.Tokens + a.Tokens.Output, Continuations: p.Continuations}
}

func cutBack(text string) string {
	i := strings.LastIndexFunc(text, unicode.IsSpace)
	if i < 0 {
		return ""
	}
	return strings.TrimRightFunc(text[:i], unicode.IsSpace)
}
