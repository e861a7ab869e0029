package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Tasks of a realtime request.
const (
	// TaskGenerate answers a prompt, as free text or by a JSON schema.
	TaskGenerate = "generate"
	// TaskSuggest proposes a document's fields, each with confidence and evidence.
	TaskSuggest = "suggest"
)

// Tasks lists the tasks that AIRevision knows.
func Tasks() []string { return []string{TaskGenerate, TaskSuggest} }

// Limits and defaults of AIRevision.
const (
	// MaxInlineTextBytes is the limit of text, prompt and schema together: 256 KiB.
	MaxInlineTextBytes = 256 << 10
	// DefaultMaxWait is how long a request waits for its first model call.
	DefaultMaxWait = 2 * time.Minute
)

// RevisionInput is the input of AIRevision: one realtime request.
// Whatever is left out has a default.
type RevisionInput struct {
	// Task is "generate" or "suggest".
	Task string `json:"task"`
	// ProjectID and DocumentID say what the request is about. Any printable
	// text up to 200 bytes; optional.
	ProjectID  string `json:"projectId,omitempty"`
	DocumentID string `json:"documentId,omitempty"`
	// Text is the document, for suggest. Up to 256 KiB.
	Text string `json:"text,omitempty"`
	// Prompt is the question, for generate. Up to 256 KiB.
	Prompt string `json:"prompt,omitempty"`
	// Schema is a JSON schema for the answer, for generate; optional.
	Schema json.RawMessage `json:"schema,omitempty"`
	// Fields are the fields wanted, for suggest; all of SuggestFields unless given.
	Fields []string `json:"fields,omitempty"`
	// Choices limit a field to the company's own list, for suggest.
	Choices map[string][]string `json:"choices,omitempty"`
	// MaxWait is a duration such as "2m": the longest wait until the first
	// model call starts. From "1s" to "1h"; "2m" unless given.
	MaxWait string `json:"maxWait,omitempty"`
}

// SuggestFields are the document fields that suggest and extract-metadata know.
func SuggestFields() []string {
	return []string{
		"title", "documentNumber", "revision", "documentType", "discipline",
		"issueDate", "originator", "language",
	}
}

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
	if err := checkID("projectId", in.ProjectID, false); err != nil {
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
	if n := len(in.Text) + len(in.Prompt) + len(in.Schema); n > MaxInlineTextBytes {
		return fieldErr(in.longestField(), "is too long: %d bytes inline; %d are allowed", n, MaxInlineTextBytes)
	}
	if in.Task == TaskGenerate {
		return in.validateGenerate()
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

func (in *RevisionInput) longestField() string {
	if len(in.Prompt) > len(in.Text) {
		return "prompt"
	}
	return "text"
}

func (in *RevisionInput) validateGenerate() error {
	if strings.TrimSpace(in.Prompt) == "" {
		return fieldErr("prompt", "is missing; task generate needs one")
	}
	const foreign = "belongs to task suggest, not generate"
	switch {
	case in.Text != "":
		return fieldErr("text", foreign)
	case in.Fields != nil:
		return fieldErr("fields", foreign)
	case in.Choices != nil:
		return fieldErr("choices", foreign)
	case in.HasSchema() && in.Schema[0] != '{':
		return fieldErr("schema", "must be a JSON schema, which is an object")
	}
	return nil
}

// HasSchema reports whether the answer has to obey a schema.
func (in *RevisionInput) HasSchema() bool { return len(in.Schema) > 0 && string(in.Schema) != "null" }

func (in *RevisionInput) validateSuggest() error {
	if strings.TrimSpace(in.Text) == "" {
		return fieldErr("text", "is missing; task suggest needs the document's text")
	}
	const foreign = "belongs to task generate, not suggest"
	switch {
	case in.Prompt != "":
		return fieldErr("prompt", foreign)
	case in.Schema != nil:
		return fieldErr("schema", foreign)
	}
	return validateFields("", &in.Fields, in.Choices)
}

// validateFields checks fields and choices, and fills fields in.
func validateFields(prefix string, fields *[]string, choices map[string][]string) error {
	if len(*fields) == 0 {
		*fields = SuggestFields()
	}
	seen := map[string]bool{}
	for i, f := range *fields {
		at := fmt.Sprintf("%sfields[%d]", prefix, i)
		if err := oneOf(at, f, SuggestFields()); err != nil {
			return err
		}
		if seen[f] {
			return fieldErr(at, "%q stands twice", f)
		}
		seen[f] = true
	}
	for _, f := range slices.Sorted(maps.Keys(choices)) {
		list := choices[f]
		at := prefix + "choices." + f
		if !seen[f] {
			return fieldErr(at, "%q is none of the fields asked for", f)
		}
		if len(list) == 0 {
			return fieldErr(at, "is empty; give at least one choice")
		}
		for i, c := range list {
			if strings.TrimSpace(c) == "" {
				return fieldErr(fmt.Sprintf("%s[%d]", at, i), "is empty")
			}
		}
	}
	return nil
}

// CheckSchema refuses what is no JSON schema. It is apart from Validate because
// the words of its error may differ from one time to the next, which a workflow
// has to record.
func CheckSchema(field string, schema json.RawMessage) error {
	if _, err := CompileSchema(schema); err != nil {
		return fieldErr(field, "is no JSON schema: %s", firstLine(err.Error()))
	}
	return nil
}

// CompileSchema compiles a schema for checking answers. References to other
// documents are refused: nothing is fetched.
func CompileSchema(schema json.RawMessage) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(schema)))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource("schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("schema.json")
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("a reference to %s is not followed", url)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// RevisionResult is the result of AIRevision.
type RevisionResult struct {
	Task  string `json:"task"`
	Model string `json:"model"`
	// Output is {"text": …} for generate without a schema, the object of the
	// schema for generate with one, and SuggestOutput for suggest.
	Output  json.RawMessage `json:"output"`
	Timings Timings         `json:"timings"`
	Tokens  Tokens          `json:"tokens"`
	Input   InputUse        `json:"input"`
	// Simulated is true when no real model answered.
	Simulated bool `json:"simulated,omitempty"`
}

// Timings of one request or document, in milliseconds.
type Timings struct {
	QueuedMs   int64 `json:"queuedMs"`
	LoadMs     int64 `json:"loadMs"`
	PromptMs   int64 `json:"promptMs"`
	GenerateMs int64 `json:"generateMs"`
}

// Add sums two timings.
func (t Timings) Add(o Timings) Timings {
	return Timings{
		QueuedMs: t.QueuedMs + o.QueuedMs, LoadMs: t.LoadMs + o.LoadMs,
		PromptMs: t.PromptMs + o.PromptMs, GenerateMs: t.GenerateMs + o.GenerateMs,
	}
}

// Tokens that the model counted.
type Tokens struct {
	Prompt int `json:"prompt"`
	Output int `json:"output"`
}

// Add sums two counts.
func (t Tokens) Add(o Tokens) Tokens {
	return Tokens{Prompt: t.Prompt + o.Prompt, Output: t.Output + o.Output}
}

// InputUse says how much of the text fitted into the model's context window.
type InputUse struct {
	Truncated  bool `json:"truncated"`
	UsedChars  int  `json:"usedChars"`
	TotalChars int  `json:"totalChars"`
}

// SuggestOutput is the output of task suggest and of stage extract-metadata.
type SuggestOutput struct {
	Fields map[string]Suggestion `json:"fields"`
}

// Suggestion is one proposed field.
type Suggestion struct {
	// Value is empty when the document does not say.
	Value string `json:"value"`
	// Confidence is the model's own, from 0 to 1.
	Confidence float64 `json:"confidence"`
	// Band is high from 0.85, review from 0.60, low below.
	Band string `json:"band"`
	// Evidence is a short quote that stands in the text, or empty.
	Evidence string `json:"evidence,omitempty"`
	// Flags name what was wrong with the model's answer for this field.
	Flags []string `json:"flags,omitempty"`
}

// Bands of confidence and where they begin; the thresholds are those of the
// document system that the project was specified for.
const (
	BandHigh   = "high"
	BandReview = "review"
	BandLow    = "low"

	BandHighFrom   = 0.85
	BandReviewFrom = 0.60
)

// Band returns the band of a confidence.
func Band(confidence float64) string {
	switch {
	case confidence >= BandHighFrom:
		return BandHigh
	case confidence >= BandReviewFrom:
		return BandReview
	}
	return BandLow
}

// Flags of a suggestion.
const (
	// FlagEvidenceNotFound: the quote was not in the text and was dropped.
	FlagEvidenceNotFound = "evidence-not-found"
	// FlagNotInChoices: the value was none of the choices and was dropped.
	FlagNotInChoices = "not-in-choices"
)

// Progress is the answer of the query "progress", the same on every workflow.
type Progress struct {
	// Phase is one word: waiting, loading, running, held, gpu-unavailable, done, failed, cancelled.
	Phase  string `json:"phase"`
	Done   int    `json:"done"`
	Failed int    `json:"failed"`
	Total  int    `json:"total"`
	// Position in the waiting line; 0 when running or not known.
	Position int `json:"position,omitempty"`
	// EtaSeconds until the start or the end, where known.
	EtaSeconds int    `json:"etaSeconds,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// Phases of Progress.
const (
	PhaseWaiting        = "waiting"
	PhaseRunning        = "running"
	PhaseHeld           = "held"
	PhaseGPUUnavailable = "gpu-unavailable"
	PhaseDone           = "done"
	PhaseFailed         = "failed"
	PhaseCancelled      = "cancelled"
)
