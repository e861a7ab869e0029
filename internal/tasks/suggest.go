package tasks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// suggestMaxOutput is enough for eight fields of about 100 tokens.
const suggestMaxOutput = 1024

var fieldMeanings = map[string]string{
	"title":          "the document's title",
	"documentNumber": "its number in the project's register",
	"revision":       "its revision, such as A or 02",
	"documentType":   "what kind of document it is",
	"discipline":     "the engineering discipline it belongs to",
	"issueDate":      "its date of issue, as written",
	"originator":     "the company or person who issued it",
	"language":       "the language it is written in",
}

type promptField struct {
	Name, Meaning string
	Choices       []string
}

func (m *Maker) suggest(text string, fields []string, choices map[string][]string) (*Task, error) {
	var asked []promptField
	for _, f := range fields {
		asked = append(asked, promptField{Name: f, Meaning: fieldMeanings[f], Choices: choices[f]})
	}
	schema, err := suggestSchema(fields, choices)
	if err != nil {
		return nil, err
	}
	compiled, err := m.schemas.compile(schema)
	if err != nil {
		return nil, fmt.Errorf("schema of suggest: %w", err)
	}
	system := m.Prompts.text("suggest.system.md")
	empty, err := m.Prompts.render("suggest.prompt.md", map[string]any{"Fields": asked, "Text": ""})
	if err != nil {
		return nil, err
	}
	answer := min(suggestMaxOutput, m.MaxOutput)
	fitted, use := m.Estimator.fit(unfence(text), m.Estimator.roomFor(m.Model.ContextTokens, answer, system, empty))
	prompt, err := m.Prompts.render("suggest.prompt.md", map[string]any{"Fields": asked, "Text": fitted})
	if err != nil {
		return nil, err
	}
	return &Task{
		Call:     ollama.Call{Model: m.Model, System: system, Prompt: prompt, Format: schema, MaxTokens: answer},
		Use:      use,
		Identity: m.identity(system, empty, text, string(schema)),
		Read: func(a ollama.Answer) (json.RawMessage, error) {
			raw, err := readJSON(a, compiled)
			if err != nil {
				return nil, err
			}
			return readSuggestions(raw, text, fields, choices)
		},
	}, nil
}

// unfence keeps a document from ending its own fence in the prompt.
func unfence(text string) string {
	return strings.NewReplacer("<document>", "<document >", "</document>", "</document >").Replace(text)
}

// suggestSchema has one object for each field; choices limit its value, and
// the empty string says that the document does not say.
func suggestSchema(fields []string, choices map[string][]string) (json.RawMessage, error) {
	properties := map[string]any{}
	for _, f := range fields {
		value := map[string]any{"type": "string"}
		if c := choices[f]; len(c) > 0 {
			value["enum"] = append(slices.Clone(c), "")
		}
		properties[f] = map[string]any{
			"type": "object",
			"properties": map[string]any{
				"value":      value,
				"confidence": map[string]any{"type": "number", "minimum": 0, "maximum": 1},
				"evidence":   map[string]any{"type": "string"},
			},
			"required": []string{"value", "confidence", "evidence"},
		}
	}
	return json.Marshal(map[string]any{"type": "object", "properties": properties, "required": fields})
}

// readSuggestions checks what a schema cannot: a quote has to stand in the
// text, and a value has to be one of the choices.
func readSuggestions(raw json.RawMessage, text string, fields []string, choices map[string][]string) (json.RawMessage, error) {
	var answer map[string]contract.Suggestion
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, err
	}
	plain := normalise(text)
	out := contract.SuggestOutput{Fields: map[string]contract.Suggestion{}}
	for _, f := range fields {
		s := answer[f]
		s.Value, s.Flags = strings.TrimSpace(s.Value), nil
		if quote := normalise(s.Evidence); quote != "" && !strings.Contains(plain, quote) {
			s.Evidence = ""
			s.Flags = append(s.Flags, contract.FlagEvidenceNotFound)
		}
		if c := choices[f]; len(c) > 0 && s.Value != "" && !slices.Contains(c, s.Value) {
			s.Value, s.Confidence = "", 0
			s.Flags = append(s.Flags, contract.FlagNotInChoices)
		}
		if s.Value == "" {
			s.Confidence = 0
		}
		s.Band = contract.Band(s.Confidence)
		out.Fields[f] = s
	}
	return json.Marshal(out)
}

// normalise makes quotes comparable: a model changes white space and case.
func normalise(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
