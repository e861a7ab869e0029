package contract

import (
	"fmt"
	"slices"
	"strings"
)

// taskFields are the fields that belong to some tasks only.
var taskFields = []struct {
	name  string
	given func(*RevisionInput) bool
	tasks []string
}{
	{"text", func(in *RevisionInput) bool { return in.Text != "" }, []string{TaskSuggest}},
	{"source", func(in *RevisionInput) bool { return in.Source != "" }, []string{TaskSuggest, TaskRAGQuery}},
	{"pages", func(in *RevisionInput) bool { return in.Pages != 0 }, []string{TaskSuggest, TaskRAGQuery}},
	{"fields", func(in *RevisionInput) bool { return in.Fields != nil }, []string{TaskSuggest}},
	{"choices", func(in *RevisionInput) bool { return in.Choices != nil }, []string{TaskSuggest}},
	{"question", func(in *RevisionInput) bool { return in.Question != "" }, []string{TaskRAGQuery}},
	{"contexts", func(in *RevisionInput) bool { return in.Contexts != nil }, []string{TaskRAGQuery}},
	{"texts", func(in *RevisionInput) bool { return in.Texts != nil }, []string{TaskEmbed}},
	{"purpose", func(in *RevisionInput) bool { return in.Purpose != "" }, []string{TaskEmbed}},
	{"prompt", func(in *RevisionInput) bool { return in.Prompt != "" }, []string{TaskGenerate}},
	{"schema", func(in *RevisionInput) bool { return in.Schema != nil }, []string{TaskGenerate}},
}

// checkForeign refuses fields of other tasks: they would be ignored silently.
func (in *RevisionInput) checkForeign() error {
	for _, f := range taskFields {
		if f.given(in) && !slices.Contains(f.tasks, in.Task) {
			return fieldErr(f.name, "belongs to task %s, not %s", strings.Join(f.tasks, " or "), in.Task)
		}
	}
	return nil
}

// inline returns the longest inline field, and the length of all together.
func (in *RevisionInput) inline() (field string, all int) {
	longest := 0
	count := func(name string, n int) {
		all += n
		if n > longest {
			field, longest = name, n
		}
	}
	count("text", len(in.Text))
	count("question", len(in.Question))
	for i, c := range in.Contexts {
		count(fmt.Sprintf("contexts[%d].text", i), len(c.Text)+len(c.Title))
	}
	for i, t := range in.Texts {
		count(fmt.Sprintf("texts[%d]", i), len(t))
	}
	count("prompt", len(in.Prompt))
	count("schema", len(in.Schema))
	return field, all
}

func (in *RevisionInput) validateSource() error {
	if in.Source == "" {
		if in.Pages != 0 {
			return fieldErr("pages", "belongs to source, which is missing")
		}
		return nil
	}
	if err := CheckKey("source", in.Source); err != nil {
		return err
	}
	if _, err := contentTypeOf("source", in.Source, ""); err != nil {
		return err
	}
	if in.Pages == 0 {
		in.Pages = DefaultSourcePages
	}
	if in.Pages < 1 || in.Pages > MaxSourcePages {
		return fieldErr("pages", "is %d; allowed are 1 to %d", in.Pages, MaxSourcePages)
	}
	return nil
}

func (in *RevisionInput) validateGenerate() error {
	if strings.TrimSpace(in.Prompt) == "" {
		return fieldErr("prompt", "is missing; task generate needs one")
	}
	if err := checkText("prompt", in.Prompt); err != nil {
		return err
	}
	if in.HasSchema() && in.Schema[0] != '{' {
		return fieldErr("schema", "must be a JSON schema, which is an object")
	}
	return nil
}

func (in *RevisionInput) validateSuggest() error {
	switch {
	case in.Text != "" && in.Source != "":
		return fieldErr("source", "and text exclude each other")
	case in.Source == "" && strings.TrimSpace(in.Text) == "":
		return fieldErr("text", "is missing; task suggest needs the document's text, or its source")
	}
	if err := checkText("text", in.Text); err != nil {
		return err
	}
	return validateFields("", &in.Fields, in.Choices)
}

func (in *RevisionInput) validateRAGQuery() error {
	if strings.TrimSpace(in.Question) == "" {
		return fieldErr("question", "is missing; task rag-query needs one")
	}
	if err := checkText("question", in.Question); err != nil {
		return err
	}
	switch {
	case len(in.Contexts) == 0 && in.Source == "":
		return fieldErr("contexts", "is missing; give the passages to answer from, or a source")
	case len(in.Contexts) > 0 && in.Source != "":
		return fieldErr("source", "and contexts exclude each other")
	case len(in.Contexts) > MaxContexts:
		return fieldErr("contexts", "has %d entries; %d are allowed", len(in.Contexts), MaxContexts)
	}
	seen := map[string]bool{}
	for i, c := range in.Contexts {
		at := fmt.Sprintf("contexts[%d]", i)
		if err := checkID(at+".id", c.ID, true); err != nil {
			return err
		}
		if seen[c.ID] {
			return fieldErr(at+".id", "%q stands twice", c.ID)
		}
		seen[c.ID] = true
		if strings.TrimSpace(c.Text) == "" {
			return fieldErr(at+".text", "is missing")
		}
		if err := checkText(at+".text", c.Text); err != nil {
			return err
		}
	}
	return nil
}

func (in *RevisionInput) validateEmbed() error {
	if len(in.Texts) == 0 {
		return fieldErr("texts", "is missing; task embed needs 1 to %d texts", MaxTexts)
	}
	if len(in.Texts) > MaxTexts {
		return fieldErr("texts", "has %d entries; %d are allowed", len(in.Texts), MaxTexts)
	}
	for i, t := range in.Texts {
		at := fmt.Sprintf("texts[%d]", i)
		if strings.TrimSpace(t) == "" {
			return fieldErr(at, "is empty")
		}
		if err := checkText(at, t); err != nil {
			return err
		}
	}
	if in.Purpose == "" {
		in.Purpose = PurposeDocument
	}
	return oneOf("purpose", in.Purpose, []string{PurposeQuery, PurposeDocument})
}
