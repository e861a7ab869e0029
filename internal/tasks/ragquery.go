package tasks

import (
	"encoding/json"
	"fmt"
	"strings"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// ragMaxOutput is enough for an answer of a page with its citations.
const ragMaxOutput = 1024

func (m *Maker) ragQuery(question string, contexts []contract.Context) (*Task, error) {
	var ids []string
	texts := map[string]string{}
	for _, c := range contexts {
		ids = append(ids, c.ID)
		texts[c.ID] = normalise(c.Text)
	}
	schema, err := ragSchema(ids)
	if err != nil {
		return nil, err
	}
	compiled, err := contract.CompileSchema(schema)
	if err != nil {
		return nil, fmt.Errorf("schema of rag-query: %w", err)
	}
	system := m.Prompts.text("rag-query.system.md")
	render := func(contexts []contract.Context) (string, error) {
		return m.Prompts.render("rag-query.prompt.md", map[string]any{"Question": question, "Contexts": contexts})
	}
	whole, err := render(fence(contexts))
	if err != nil {
		return nil, err
	}
	empty, err := render(nil)
	if err != nil {
		return nil, err
	}
	answer := min(ragMaxOutput, m.MaxOutput)
	fitted, use := m.fitContexts(fence(contexts), m.Estimator.roomFor(m.Model.ContextTokens, answer, system, empty))
	prompt, err := render(fitted)
	if err != nil {
		return nil, err
	}
	return &Task{
		Call:     ollama.Call{Model: m.Model, System: system, Prompt: prompt, Format: schema, MaxTokens: answer},
		Use:      use,
		Identity: m.identity(system, whole, string(schema)),
		Read: func(a ollama.Answer) (json.RawMessage, error) {
			raw, err := readJSON(a, compiled)
			if err != nil {
				return nil, err
			}
			return readRAGAnswer(raw, texts)
		},
	}, nil
}

// fence keeps passages and their names from ending their own fence.
func fence(contexts []contract.Context) []contract.Context {
	plain := strings.NewReplacer("<passage", "< passage", "</passage>", "</passage >")
	attribute := strings.NewReplacer(`"`, "'", "<", "(", ">", ")", "\n", " ")
	var out []contract.Context
	for _, c := range contexts {
		out = append(out, contract.Context{ID: attribute.Replace(c.ID), Title: attribute.Replace(c.Title), Text: plain.Replace(c.Text)})
	}
	return out
}

// passageTokens is what a passage's fence costs beside its text.
const passageTokens = 24

// fitContexts takes passages in the order given, the best first as callers give
// them, until the room is full; the last one may be cut.
func (m *Maker) fitContexts(contexts []contract.Context, room int) ([]contract.Context, contract.InputUse) {
	var fitted []contract.Context
	var use contract.InputUse
	for _, c := range contexts {
		room -= passageTokens + m.Estimator.Tokens(c.ID+c.Title)
		text, u := m.Estimator.fit(c.Text, max(0, room))
		use.TotalChars += u.TotalChars
		use.Truncated = use.Truncated || u.Truncated
		if text == "" {
			continue
		}
		use.UsedChars += u.UsedChars
		room -= m.Estimator.Tokens(text)
		c.Text = text
		fitted = append(fitted, c)
	}
	return fitted, use
}

func ragSchema(ids []string) (json.RawMessage, error) {
	return json.Marshal(map[string]any{
		"type": "object",
		"properties": map[string]any{
			"found":  map[string]any{"type": "boolean"},
			"answer": map[string]any{"type": "string"},
			"citations": map[string]any{
				"type": "array", "maxItems": 8,
				"items": map[string]any{
					"type": "object",
					"properties": map[string]any{
						"context": map[string]any{"type": "string", "enum": ids},
						"quote":   map[string]any{"type": "string"},
					},
					"required": []string{"context", "quote"},
				},
			},
		},
		"required": []string{"found", "answer", "citations"},
	})
}

// readRAGAnswer drops citations whose quote does not stand in their passage, and
// an answer to a question that the model says it cannot answer.
func readRAGAnswer(raw json.RawMessage, texts map[string]string) (json.RawMessage, error) {
	var a contract.RAGAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, err
	}
	given := a.Citations
	a.Answer, a.Citations, a.Flags = strings.TrimSpace(a.Answer), []contract.Citation{}, nil
	a.Found = a.Found && a.Answer != ""
	if !a.Found {
		a.Answer = ""
		return json.Marshal(a)
	}
	dropped := false
	for _, c := range given {
		quote := normalise(c.Quote)
		if quote == "" || !strings.Contains(texts[c.Context], quote) {
			dropped = true
			continue
		}
		a.Citations = append(a.Citations, c)
	}
	if dropped {
		a.Flags = append(a.Flags, contract.FlagEvidenceNotFound)
	}
	if len(a.Citations) == 0 {
		a.Flags = append(a.Flags, contract.FlagUncited)
	}
	return json.Marshal(a)
}
