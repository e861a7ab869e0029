package tasks

import (
	"encoding/json"
	"fmt"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// Task is one thing asked of the text model: a call, and how its answer is read.
type Task struct {
	Call ollama.Call
	Use  contract.InputUse
	// Identity is all that the answer depends on, before it was fitted to the
	// context window: what is learned about fitting does not make it another.
	Identity []string
	// Partial is that an answer that was broken off twice is better than none.
	Partial bool
	// Read checks an answer and makes the output of it. An error means that
	// the answer breaks its schema; the model is asked once more.
	Read func(answer ollama.Answer) (json.RawMessage, error)
}

// Maker makes tasks.
type Maker struct {
	Prompts *Prompts
	// Model is the text model, which sees too; MaxOutput bounds its answers.
	Model     ollama.Model
	MaxOutput int
	Estimator *Estimator
	// Embedder is the embedding model; nil where there is none.
	Embedder *Embedder

	schemas schemas
}

// Revision makes the task of a realtime request that asks the text model. text
// is what its source says, where it has one.
func (m *Maker) Revision(in contract.RevisionInput, text string) (*Task, error) {
	switch in.Task {
	case contract.TaskGenerate:
		return m.generate(in)
	case contract.TaskSuggest:
		if in.Source == "" {
			text = in.Text
		}
		return m.suggest(text, in.Fields, in.Choices)
	case contract.TaskRAGQuery:
		contexts := in.Contexts
		if in.Source != "" {
			contexts = []contract.Context{{ID: in.Source, Text: text}}
		}
		return m.ragQuery(in.Question, contexts)
	}
	return nil, fmt.Errorf("task %q is unknown", in.Task)
}

// Extract makes the task of stage extract-metadata.
func (m *Maker) Extract(text string, o contract.ExtractOptions) (*Task, error) {
	return m.suggest(text, o.Fields, o.Choices)
}

// Observe lets the maker learn from what the model counted.
func (m *Maker) Observe(t *Task, a ollama.Answer) {
	if len(t.Call.Images) == 0 {
		m.Estimator.Observe(t.Call.System+t.Call.Prompt, a.Tokens.Prompt)
	}
}

// Tighten makes the guess of characters per token more careful, after the
// server has refused a prompt as too long.
func (m *Maker) Tighten() { m.Estimator.tighten() }

// identity names everything that an answer depends on.
func (m *Maker) identity(system string, rest ...string) []string {
	return append([]string{m.Model.Name, fmt.Sprint(m.Model.ContextTokens, m.Model.Temperature, m.MaxOutput), system}, rest...)
}
