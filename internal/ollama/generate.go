package ollama

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ollama/ollama/api"

	"signalbox/workflows/contract"
)

// Call is one model call.
type Call struct {
	Model  Model
	System string
	Prompt string
	// Images that the model is to look at, as PNG or JPEG files.
	Images [][]byte
	// Format is a JSON schema for the answer; empty for free text.
	Format json.RawMessage
	// MaxTokens of the answer.
	MaxTokens int
	// Resumable is that the call may be aborted and gone on with. Free text alone
	// can be: the grammar of a schema begins at its root whatever stands before.
	Resumable bool
	// From is what an aborted call had said, nil for none.
	From *Partial
}

// Answer of one model call.
type Answer struct {
	Text    string
	Timings contract.Timings
	Tokens  contract.Tokens
	// Cut is that the answer ended at MaxTokens.
	Cut bool
	// Continued is that the answer went on from Call.From.
	Continued bool
	// Partial is, with an error, what the call had said and can be gone on with;
	// nil for nothing. GeneratedFor is how long it took after the first token.
	Partial      *Partial
	GeneratedFor time.Duration
}

// Generate makes one model call. With an error of KindOutput comes what the
// model had said until it was broken off. The model is loaded by the call if it is not
// yet; Load does that with a budget of its own.
func (r *Runtime) Generate(ctx context.Context, c Call) (Answer, error) {
	if c.Resumable && len(c.Format) == 0 && !r.goesOn.off {
		return r.resumable(ctx, c)
	}
	return r.call(ctx, c, r.request(c))
}

// request is what the call asks of the server.
func (r *Runtime) request(c Call) *api.GenerateRequest {
	images := make([]api.ImageData, 0, len(c.Images))
	for _, image := range c.Images {
		images = append(images, image)
	}
	no := false
	return &api.GenerateRequest{
		Model: c.Model.Name, System: c.System, Prompt: c.Prompt, Format: c.Format, Images: images,
		// A server that knows it refuses what is too long instead of cutting it.
		Truncate:  &no,
		Think:     &api.ThinkValue{Value: false},
		KeepAlive: c.Model.keepAlive(), Options: c.Model.options(c.MaxTokens),
	}
}

// call sends a request and reads the stream. With an error comes what had come
// until then.
func (r *Runtime) call(ctx context.Context, c Call, req *api.GenerateRequest) (Answer, error) {
	ctx, watch := watchStream(ctx, r.limits)
	defer watch.stop()
	var text strings.Builder
	var last api.GenerateResponse
	var first time.Time
	parts := 0
	err := r.stream(ctx, req, func(part api.GenerateResponse) {
		watch.progress()
		if first.IsZero() {
			first = time.Now()
		}
		if part.Response != "" {
			parts++
		}
		text.WriteString(part.Response)
		last = part
	})
	if err != nil {
		so := Answer{Text: text.String(), Tokens: contract.Tokens{Output: parts}}
		if !first.IsZero() {
			so.GeneratedFor = time.Since(first)
		}
		err = classify(ctx, c.Model.Name, err)
		r.revive(c.Model.Name, err)
		return so, err
	}
	if !last.Done {
		// Ollama ends a stream like this when the model repeats one token.
		return Answer{Text: text.String(), Cut: true}, &Error{
			Kind: KindOutput, Model: c.Model.Name,
			Err: errors.New("the answer was broken off (the server did not say done)"),
		}
	}
	return Answer{
		Text: text.String(),
		Timings: contract.Timings{
			LoadMs: last.LoadDuration.Milliseconds(), PromptMs: last.PromptEvalDuration.Milliseconds(),
			GenerateMs: last.EvalDuration.Milliseconds(),
		},
		Tokens: contract.Tokens{Prompt: last.PromptEvalCount, Output: last.EvalCount},
		Cut:    last.DoneReason == "length",
	}, nil
}

// streamWatch cancels a stream that exceeds one of its budgets.
type streamWatch struct {
	ticks chan struct{}
	done  chan struct{}
}

func watchStream(parent context.Context, l Limits) (context.Context, *streamWatch) {
	ctx, cancel := context.WithCancelCause(parent)
	w := &streamWatch{ticks: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer cancel(nil)
		first := time.NewTimer(l.Prompt)
		defer first.Stop()
		select {
		case <-w.done:
			return
		case <-ctx.Done():
			return
		case <-first.C:
			cancel(&limitError{fmt.Sprintf("no first token within timeouts.prompt (%s)", l.Prompt)})
			return
		case <-w.ticks:
		}
		whole := time.NewTimer(l.Generate)
		defer whole.Stop()
		stall := time.NewTimer(l.Stall)
		defer stall.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-ctx.Done():
				return
			case <-whole.C:
				cancel(&limitError{fmt.Sprintf("the answer took longer than timeouts.generate (%s)", l.Generate)})
				return
			case <-stall.C:
				cancel(&limitError{fmt.Sprintf("no token for timeouts.stall (%s)", l.Stall)})
				return
			case <-w.ticks:
				stall.Reset(l.Stall)
			}
		}
	}()
	return ctx, w
}

func (w *streamWatch) progress() {
	select {
	case w.ticks <- struct{}{}:
	default:
	}
}

func (w *streamWatch) stop() { close(w.done) }
