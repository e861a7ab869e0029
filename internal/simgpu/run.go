package simgpu

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// run is one answer on its way to the client.
type run struct {
	s            *Server
	model        Model
	w            http.ResponseWriter
	stream       bool
	shape        wrap
	faults       Faults
	began        time.Time
	loadTime     time.Duration
	promptTokens int
	words        []string
	limit        int
	onCard       bool
}

// brokenStream is what Ollama says when its runner dies in an answer.
const brokenStream = "an error was encountered while running the model: unexpected EOF"

// serve evaluates the prompt and sends the answer, one token a line.
func (a *run) serve(ctx context.Context) {
	if a.faults.Lost && a.onCard {
		a.die()
		return
	}
	slow := 1.0
	if a.faults.CPU || a.faults.Lost {
		slow = 10
	}
	promptTime := seconds(float64(a.promptTokens) / a.model.PromptRate * slow)
	if a.s.work(ctx, promptTime) != nil {
		a.s.abort()
		return
	}
	perToken := seconds(slow / a.model.TokenRate)
	var whole strings.Builder
	sent, reason := 0, "stop"
	start := time.Now()
	for i := 0; a.faults.Endless || i < len(a.words); i++ {
		if a.limit > 0 && sent == a.limit {
			reason = "length"
			break
		}
		switch {
		case a.faults.DieAfter > 0 && sent == a.faults.DieAfter:
			a.die()
			return
		case a.faults.StallAfter > 0 && sent == a.faults.StallAfter:
			<-ctx.Done()
			return
		case a.faults.RepeatAfter > 0 && sent == a.faults.RepeatAfter:
			a.send(&whole, "", map[string]any{"done": false})
			return
		}
		// Behind an absolute clock, so that short waits do not add up their errors.
		due := time.Duration(float64(sent+1) * float64(perToken) / a.s.cfg.Speed)
		if wait := due - time.Since(start); wait > 0 {
			if a.s.work(ctx, time.Duration(float64(wait)*a.s.cfg.Speed)) != nil {
				a.s.abort()
				return
			}
		} else if ctx.Err() != nil {
			a.s.abort()
			return
		}
		word := a.words[i%len(a.words)]
		sent++
		if !a.send(&whole, word, map[string]any{"done": false}) {
			a.s.abort()
			return
		}
	}
	done := last(a.model.Name, a.shape(""), reason)
	if !a.stream {
		done = last(a.model.Name, a.shape(whole.String()), reason)
	}
	done["total_duration"], done["load_duration"] = time.Since(a.began), a.loadTime
	done["prompt_eval_count"], done["prompt_eval_duration"] = a.promptTokens, time.Duration(float64(promptTime)/a.s.cfg.Speed)
	done["eval_count"], done["eval_duration"] = sent, time.Since(start)
	a.s.answers.Add(1)
	answer(a.w, done)
}

// send sends one token in a stream, and keeps it otherwise.
func (a *run) send(whole *strings.Builder, word string, extra map[string]any) bool {
	whole.WriteString(word)
	if !a.stream {
		if word == "" { // broken off
			part := a.shape(whole.String())
			part["model"], part["done"] = a.model.Name, false
			answer(a.w, part)
		}
		return true
	}
	if word == "" {
		return true
	}
	part := a.shape(word)
	part["model"], part["created_at"] = a.model.Name, time.Now().UTC()
	for k, v := range extra {
		part[k] = v
	}
	a.w.Header().Set("Content-Type", "application/x-ndjson")
	if json.NewEncoder(a.w).Encode(part) != nil {
		return false
	}
	if f, ok := a.w.(http.Flusher); ok {
		f.Flush()
	}
	return true
}

// die ends an answer as a runner that was killed does.
func (a *run) die() {
	a.s.mu.Lock()
	a.s.loaded = map[string]*loadedModel{}
	a.s.mu.Unlock()
	if !a.stream {
		refuse(a.w, &apiError{http.StatusInternalServerError, brokenStream})
		return
	}
	_ = json.NewEncoder(a.w).Encode(map[string]string{"error": brokenStream})
}

func seconds(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }
