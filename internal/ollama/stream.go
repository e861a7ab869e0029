package ollama

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ollama/ollama/api"
)

// longestPart bounds one line of a stream, as Ollama's own client does.
const longestPart = 8 << 20

// stream makes a generate call and hands over each part as it comes. Ollama's own
// client sets 8 MB aside for every call, which made a third of all the work of a
// batch of short documents the collection of garbage; errors are as that one's.
func (r *Runtime) stream(ctx context.Context, req *api.GenerateRequest, part func(api.GenerateResponse)) error {
	body, err := json.Marshal(req)
	if err != nil {
		return err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base.JoinPath("/api/generate").String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("Accept", "application/x-ndjson")
	answer, err := r.http.Do(post)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= http.StatusBadRequest {
		return statusError(answer)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, longestPart)
	for lines.Scan() {
		var p struct {
			api.GenerateResponse
			Error string `json:"error"`
		}
		if json.Unmarshal(lines.Bytes(), &p) != nil {
			return fmt.Errorf("the answer is no JSON: %s", lines.Text())
		}
		if p.Error != "" {
			return errors.New(p.Error)
		}
		part(p.GenerateResponse)
	}
	return lines.Err()
}

// statusError is the error of a refused call: Ollama's word where it is JSON.
func statusError(answer *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, longestPart))
	if err != nil {
		return err
	}
	var said struct{ Error string }
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		said.Error = string(text)
	}
	return api.StatusError{StatusCode: answer.StatusCode, Status: answer.Status, ErrorMessage: said.Error}
}
