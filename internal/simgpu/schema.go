package simgpu

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// fill makes a value of the schema out of the prompt's document.
func (f *format) fill(prompt string) string {
	doc := document(prompt)
	answer := value(f.schema, "answer", doc)
	if a, ok := cited(prompt); ok && asksForCitations(f.schema) {
		answer = a
	}
	data, err := json.Marshal(answer)
	if err != nil {
		return "{}"
	}
	return string(data)
}

func asksForCitations(schema map[string]any) bool {
	properties, _ := schema["properties"].(map[string]any)
	return properties["citations"] != nil && properties["found"] != nil
}

// document is what stands between <document> and </document>, or else the
// whole prompt.
func document(prompt string) string {
	_, after, ok := strings.Cut(prompt, "<document>")
	if !ok {
		return prompt
	}
	inside, _, _ := strings.Cut(after, "</document>")
	return inside
}

func value(schema map[string]any, name, doc string) any {
	if c, ok := schema["const"]; ok {
		return c
	}
	properties, _ := schema["properties"].(map[string]any)
	if _, ok := properties["evidence"]; ok && properties["value"] != nil {
		return suggestion(properties, name, doc)
	}
	if list, ok := schema["enum"].([]any); ok && len(list) > 0 {
		return choose(list, doc)
	}
	switch kind(schema) {
	case "object":
		out := map[string]any{}
		for _, p := range slices.Sorted(maps.Keys(properties)) {
			if sub, ok := properties[p].(map[string]any); ok {
				out[p] = value(sub, p, doc)
			}
		}
		return out
	case "array":
		items, _ := schema["items"].(map[string]any)
		return []any{value(items, name, doc)}
	case "number", "integer":
		return within(schema, 1)
	case "boolean":
		return true
	case "null":
		return nil
	}
	if found, _ := find(doc, name); found != "" {
		return found
	}
	return "simulated " + Hash(doc)
}

func kind(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		if len(t) > 0 {
			s, _ := t[0].(string)
			return s
		}
	}
	if schema["properties"] != nil {
		return "object"
	}
	return "string"
}

func within(schema map[string]any, v float64) float64 {
	if low, ok := schema["minimum"].(float64); ok {
		v = max(v, low)
	}
	if high, ok := schema["maximum"].(float64); ok {
		v = min(v, high)
	}
	return v
}

// suggestion fills {value, confidence, evidence}: sure where the document names
// the field, less so where it guesses from the first line.
func suggestion(properties map[string]any, name, doc string) map[string]any {
	text, line := find(doc, name)
	confidence := 0.93
	if text == "" && name == "title" {
		text, confidence = firstLine(doc), 0.65
		line = text
	}
	if v, ok := properties["value"].(map[string]any); ok {
		if list, ok := v["enum"].([]any); ok && !slices.Contains(list, any(text)) {
			text, _ = choose(list, text).(string)
			confidence = 0.65
		}
	}
	if text == "" {
		line, confidence = "", 0.3
	}
	return map[string]any{"value": text, "confidence": confidence, "evidence": line}
}

// choose picks the first choice that the text contains, the last otherwise.
func choose(list []any, text string) any {
	for _, c := range list {
		if s, ok := c.(string); ok && s != "" && strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
			return c
		}
	}
	return list[len(list)-1]
}

// find returns what a line such as "Document type: Drawing" says, and the line.
func find(doc, camelCase string) (text, line string) {
	var label strings.Builder
	for _, r := range camelCase {
		if unicode.IsUpper(r) {
			label.WriteByte(' ')
		}
		label.WriteRune(unicode.ToLower(r))
	}
	m := regexp.MustCompile(`(?im)^[ \t]*` + regexp.QuoteMeta(label.String()) + `[ \t]*:[ \t]*(.+?)[ \t]*$`).FindStringSubmatch(doc)
	if m == nil {
		return "", ""
	}
	return m[1], strings.TrimSpace(m[0])
}

func firstLine(doc string) string {
	for line := range strings.Lines(doc) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
