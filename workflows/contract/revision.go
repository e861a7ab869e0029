package contract

import (
	"encoding/json"
	"time"
)

// Tasks of a realtime request.
const (
	// TaskSuggest proposes a document's fields, each with confidence and evidence.
	TaskSuggest = "suggest"
	// TaskRAGQuery answers a question out of the contexts that are given.
	TaskRAGQuery = "rag-query"
	// TaskEmbed makes vectors of texts.
	TaskEmbed = "embed"
	// TaskGenerate answers a prompt, as free text or by a JSON schema.
	TaskGenerate = "generate"
)

// Tasks lists the tasks that AIRevision knows.
func Tasks() []string { return []string{TaskSuggest, TaskRAGQuery, TaskEmbed, TaskGenerate} }

// Limits and defaults of AIRevision.
const (
	// MaxInlineTextBytes is the limit of everything inline together: 256 KiB.
	MaxInlineTextBytes = 256 << 10
	// MaxContexts of rag-query.
	MaxContexts = 50
	// MaxTexts of embed.
	MaxTexts = 16
	// MaxSourcePages of a source that has no text of its own, and the default.
	MaxSourcePages     = 20
	DefaultSourcePages = 1
	// DefaultMaxWait is how long a request waits for its first model call.
	DefaultMaxWait = 2 * time.Minute
)

// RevisionInput is the input of AIRevision: one realtime request.
// Whatever is left out has a default.
type RevisionInput struct {
	// Task is "suggest", "rag-query", "embed" or "generate".
	Task string `json:"task"`
	// ProjectID and DocumentID say what the request is about. Any printable
	// text up to 200 bytes; optional, but a source needs its project.
	ProjectID  string `json:"projectId,omitempty"`
	DocumentID string `json:"documentId,omitempty"`

	// Text is the document, for suggest. Up to 256 KiB.
	Text string `json:"text,omitempty"`
	// Source is a key in the project's part of the document store, instead of
	// text or contexts: a text, PDF, PNG or JPEG document.
	Source string `json:"source,omitempty"`
	// Pages is how many pages of a source the vision model reads where it has
	// no text of its own: 1 to 20, 1 unless given.
	Pages int `json:"pages,omitempty"`
	// Fields are the fields wanted, for suggest; all of SuggestFields unless given.
	Fields []string `json:"fields,omitempty"`
	// Choices limit a field to the company's own list, for suggest.
	Choices map[string][]string `json:"choices,omitempty"`

	// Question and Contexts, up to 50, for rag-query.
	Question string    `json:"question,omitempty"`
	Contexts []Context `json:"contexts,omitempty"`

	// Texts, up to 16, for embed.
	Texts []string `json:"texts,omitempty"`
	// Purpose of the vectors, for embed: "query" or "document"; "document"
	// unless given.
	Purpose string `json:"purpose,omitempty"`

	// Prompt is the question, for generate. Up to 256 KiB.
	Prompt string `json:"prompt,omitempty"`
	// Schema is a JSON schema for the answer, for generate; optional.
	Schema json.RawMessage `json:"schema,omitempty"`

	// MaxWait is a duration such as "2m": the longest wait until the first
	// model call starts. From "1s" to "1h"; "2m" unless given.
	MaxWait string `json:"maxWait,omitempty"`
}

// Context is a passage that a rag-query may answer from.
type Context struct {
	// ID is what a citation names: any printable text up to 200 bytes.
	ID    string `json:"id"`
	Title string `json:"title,omitempty"`
	Text  string `json:"text"`
}

// Purposes of vectors.
const (
	PurposeQuery    = "query"
	PurposeDocument = "document"
)

// DecodeRevisionInput reads, completes and checks an AIRevision input, all but
// whether its schema is one (CheckSchema). Every error is a FieldError.
func DecodeRevisionInput(data []byte) (RevisionInput, error) {
	var in RevisionInput
	if err := decodeStrict(data, &in); err != nil {
		return in, err
	}
	return in, in.Validate()
}

// Validate checks the input and fills its defaults in.
func (in *RevisionInput) Validate() error {
	if err := oneOf("task", in.Task, Tasks()); err != nil {
		return err
	}
	if err := in.checkForeign(); err != nil {
		return err
	}
	if err := checkID("projectId", in.ProjectID, in.Source != ""); err != nil {
		return err
	}
	if err := checkID("documentId", in.DocumentID, false); err != nil {
		return err
	}
	if in.MaxWait == "" {
		in.MaxWait = DefaultMaxWait.String()
	}
	if _, err := parseDuration("maxWait", in.MaxWait, time.Second, time.Hour); err != nil {
		return err
	}
	if field, all := in.inline(); all > MaxInlineTextBytes {
		return fieldErr(field, "is too long: %d bytes inline; %d are allowed", all, MaxInlineTextBytes)
	}
	if err := in.validateSource(); err != nil {
		return err
	}
	switch in.Task {
	case TaskGenerate:
		return in.validateGenerate()
	case TaskRAGQuery:
		return in.validateRAGQuery()
	case TaskEmbed:
		return in.validateEmbed()
	}
	return in.validateSuggest()
}

// MaxWaitDuration is MaxWait of a validated input.
func (in *RevisionInput) MaxWaitDuration() time.Duration {
	d, err := time.ParseDuration(in.MaxWait)
	if err != nil {
		return DefaultMaxWait
	}
	return d
}

// HasSchema reports whether the answer has to obey a schema.
func (in *RevisionInput) HasSchema() bool { return len(in.Schema) > 0 && string(in.Schema) != "null" }
