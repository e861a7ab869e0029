package ollama

import (
	"context"
	"fmt"
	"time"

	"github.com/ollama/ollama/api"

	"signalbox/workflows/contract"
)

// EmbedCall is one call for vectors.
type EmbedCall struct {
	Model Model
	Texts []string
}

// Vectors is the answer of one call for vectors, in the order of its texts.
type Vectors struct {
	Vectors [][]float32
	Timings contract.Timings
	Tokens  contract.Tokens
}

// Embed makes one call for vectors. A text that exceeds the model's context
// window is refused (KindTooLong), never cut. Its budget is that of a prompt.
func (r *Runtime) Embed(ctx context.Context, c EmbedCall) (Vectors, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Prompt,
		&limitError{fmt.Sprintf("no vectors within timeouts.prompt (%s)", r.limits.Prompt)})
	defer cancel()
	no := false
	began := time.Now()
	a, err := r.client.Embed(ctx, &api.EmbedRequest{
		Model: c.Model.Name, Input: c.Texts, Truncate: &no,
		KeepAlive: c.Model.keepAlive(), Options: c.Model.options(0),
	})
	if err != nil {
		err = classify(ctx, c.Model.Name, err)
		r.revive(c.Model.Name, err)
		return Vectors{}, err
	}
	if len(a.Embeddings) != len(c.Texts) {
		return Vectors{}, &Error{
			Kind: KindOutput, Model: c.Model.Name,
			Err: fmt.Errorf("%d vectors came for %d texts", len(a.Embeddings), len(c.Texts)),
		}
	}
	took := time.Since(began)
	return Vectors{
		Vectors: a.Embeddings,
		Timings: contract.Timings{LoadMs: a.LoadDuration.Milliseconds(), PromptMs: max(0, took-a.LoadDuration).Milliseconds()},
		Tokens:  contract.Tokens{Prompt: a.PromptEvalCount},
	}, nil
}
