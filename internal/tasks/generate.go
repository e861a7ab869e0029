package tasks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

func (m *Maker) generate(in contract.RevisionInput) (*Task, error) {
	system := m.Prompts.text("generate.system.md")
	prompt, use := m.Estimator.fit(in.Prompt,
		m.Estimator.roomFor(m.Model.ContextTokens, m.MaxOutput, system, string(in.Schema)))
	t := &Task{
		Call:     ollama.Call{Model: m.Model, System: system, Prompt: prompt, Format: in.Schema, MaxTokens: m.MaxOutput},
		Use:      use,
		Identity: m.identity(system, in.Prompt, string(in.Schema)),
		Read:     readText,
	}
	if in.HasSchema() {
		schema, err := m.schemas.compile(in.Schema)
		if err != nil {
			return nil, fmt.Errorf("schema: %w", err)
		}
		t.Read = func(a ollama.Answer) (json.RawMessage, error) { return readJSON(a, schema) }
	} else {
		t.Call.Format = nil
	}
	return t, nil
}

func readText(a ollama.Answer) (json.RawMessage, error) {
	return json.Marshal(map[string]string{"text": strings.TrimSpace(a.Text)})
}

// readJSON reads one JSON value and checks it against the schema.
func readJSON(a ollama.Answer, schema *jsonschema.Schema) (json.RawMessage, error) {
	text := strings.TrimSpace(a.Text)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		if a.Cut {
			return nil, errors.New("the answer was cut at the longest output allowed")
		}
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	}
	if err := schema.Validate(value); err != nil {
		return nil, fmt.Errorf("the answer breaks the schema: %w", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(text)); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}
