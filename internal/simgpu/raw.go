package simgpu

import (
	"fmt"
	"net/http"
	"strings"
)

// The simulated model's template. A raw prompt is read back by it.
const (
	markUser  = "<|user|>"
	markModel = "<|model|>"
)

// render is the prompt as the model would get it.
func render(req generateRequest) string {
	var b strings.Builder
	b.WriteString(req.System + markUser)
	for i := range req.Images {
		fmt.Fprintf(&b, "[img-%d]", i)
	}
	return b.String() + req.Prompt + markModel
}

// unrender takes a raw prompt apart; so is the text behind it, with which the
// answer goes on.
func unrender(req generateRequest) (_ generateRequest, so string) {
	before, so, found := strings.Cut(req.Prompt, markModel)
	if !found {
		return req, ""
	}
	system, prompt, _ := strings.Cut(before, markUser)
	for i := range req.Images {
		prompt = strings.TrimPrefix(prompt, fmt.Sprintf("[img-%d]", i))
	}
	req.System, req.Prompt = system, prompt
	return req, so
}

// goOn is what is left of an answer whose beginning has been given. One that begins
// otherwise is given whole.
func goOn(answer []string, so string) []string {
	rest, ok := strings.CutPrefix(strings.Join(answer, ""), so)
	if !ok || so == "" {
		return answer
	}
	return words(rest)
}

// rendered answers a request that wants its prompt and no answer.
func (s *Server) rendered(w http.ResponseWriter, req generateRequest) {
	answer(w, map[string]any{
		"model": req.Model, "created_at": s.began, "response": "", "done": false,
		"_debug_info": map[string]any{"rendered_template": render(req), "image_count": len(req.Images)},
	})
}
