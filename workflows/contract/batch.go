package contract

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// StageExtractMetadata proposes a document's fields, like task suggest.
const StageExtractMetadata = "extract-metadata"

// Stages lists the stages that a batch job knows, in the order they run in.
func Stages() []string { return []string{StageExtractMetadata} }

// Limits of a batch job.
const (
	// MaxInlineDocuments is how many documents an input may carry itself.
	MaxInlineDocuments = 500
	// MaxDocuments is how many lines a manifest may have.
	MaxDocuments = 20_000
	// MaxKeyBytes is the length limit of a document key.
	MaxKeyBytes = 900
	// DefaultPriority of a job; 1 goes first, 5 last.
	DefaultPriority = 3
)

// ContentTypeText is the content type of a text document.
const ContentTypeText = "text/plain"

// BatchInput is the input of AIRevisionBatch: one batch job.
type BatchInput struct {
	// ProjectID is any printable text up to 200 bytes. A job reads and writes
	// only under its own project.
	ProjectID string `json:"projectId"`
	// Stages to pass through; each document passes through them in the order
	// of Stages, whatever order they are given in.
	Stages []string `json:"stages"`
	// Documents given inline, up to 500; or
	Documents []Document `json:"documents,omitempty"`
	// Manifest is the key, in the project, of a JSONL file of documents, up to
	// 20,000 lines.
	Manifest string `json:"manifest,omitempty"`
	// Priority among jobs, 1 (first) to 5 (last); 3 unless given.
	Priority int          `json:"priority,omitempty"`
	Options  BatchOptions `json:"options,omitzero"`
}

// Document is one document of a batch job, and one line of a manifest.
type Document struct {
	// ID is any printable text up to 200 bytes.
	ID string `json:"id"`
	// Key of the document in the store, relative to the project.
	Key string `json:"key"`
	// ContentType is text/plain; told by the key's extension unless given.
	ContentType string `json:"contentType,omitempty"`
	// Title is shown where the id alone would say little.
	Title string `json:"title,omitempty"`
}

// BatchOptions are frozen when the job starts.
type BatchOptions struct {
	Extract ExtractOptions `json:"extract,omitzero"`
}

// ExtractOptions of stage extract-metadata.
type ExtractOptions struct {
	Fields  []string            `json:"fields,omitempty"`
	Choices map[string][]string `json:"choices,omitempty"`
}

// DecodeBatchInput reads, completes and checks an AIRevisionBatch input. Every
// error is a FieldError.
func DecodeBatchInput(data []byte) (BatchInput, error) {
	var in BatchInput
	if err := decodeStrict(data, &in); err != nil {
		return in, err
	}
	return in, in.Validate()
}

// Validate checks the input and fills its defaults in.
func (in *BatchInput) Validate() error {
	if err := checkID("projectId", in.ProjectID, true); err != nil {
		return err
	}
	if len(in.Stages) == 0 {
		return fieldErr("stages", "is missing; allowed are %s", strings.Join(Stages(), ", "))
	}
	seen := map[string]bool{}
	for i, s := range in.Stages {
		at := fmt.Sprintf("stages[%d]", i)
		if err := oneOf(at, s, Stages()); err != nil {
			return err
		}
		if seen[s] {
			return fieldErr(at, "%q stands twice", s)
		}
		seen[s] = true
	}
	in.Stages = inOrder(seen)
	if in.Priority == 0 {
		in.Priority = DefaultPriority
	}
	if in.Priority < 1 || in.Priority > 5 {
		return fieldErr("priority", "is %d; allowed are 1 (first) to 5 (last)", in.Priority)
	}
	if err := validateFields("options.extract.", &in.Options.Extract.Fields, in.Options.Extract.Choices); err != nil {
		return err
	}
	return in.validateDocuments()
}

func inOrder(wanted map[string]bool) []string {
	var ordered []string
	for _, s := range Stages() {
		if wanted[s] {
			ordered = append(ordered, s)
		}
	}
	return ordered
}

func (in *BatchInput) validateDocuments() error {
	switch {
	case in.Manifest != "" && len(in.Documents) > 0:
		return fieldErr("manifest", "and documents exclude each other")
	case in.Manifest != "":
		return CheckKey("manifest", in.Manifest)
	case len(in.Documents) == 0:
		return fieldErr("documents", "is empty; give documents or a manifest")
	case len(in.Documents) > MaxInlineDocuments:
		return fieldErr("documents", "has %d entries; %d are allowed inline, up to %d in a manifest",
			len(in.Documents), MaxInlineDocuments, MaxDocuments)
	}
	keys := map[string]string{}
	for i := range in.Documents {
		at := fmt.Sprintf("documents[%d]", i)
		d := &in.Documents[i]
		if err := d.Validate(at); err != nil {
			return err
		}
		if key, ok := keys[d.ID]; ok && key != d.Key {
			return fieldErr(at+".id", "%q stands twice, with the keys %q and %q", d.ID, key, d.Key)
		}
		keys[d.ID] = d.Key
	}
	return nil
}

// DecodeManifestLine reads and checks one line of a manifest. n counts from 1.
func DecodeManifestLine(n int, line []byte) (Document, error) {
	var d Document
	at := fmt.Sprintf("manifest line %d", n)
	if err := decodeStrict(line, &d); err != nil {
		f := err.(*FieldError) //nolint:forcetypeassert // decodeStrict returns nothing else
		return d, fieldErr(at, "%s %s", f.Field, f.Reason)
	}
	return d, d.Validate(at)
}

// Validate checks one document and fills its content type in; at is where it
// stands.
func (d *Document) Validate(at string) error {
	if err := checkID(at+".id", d.ID, true); err != nil {
		return err
	}
	if err := CheckKey(at+".key", d.Key); err != nil {
		return err
	}
	if len(d.Title) > 1000 {
		return fieldErr(at+".title", "is %d bytes long; 1000 are allowed", len(d.Title))
	}
	if d.ContentType == "" {
		switch strings.ToLower(path.Ext(d.Key)) {
		case ".txt", ".text", ".md", "":
			d.ContentType = ContentTypeText
		default:
			return fieldErr(at+".contentType", "cannot be told from key %q; only text documents are supported (contentType %s)",
				d.Key, ContentTypeText)
		}
	}
	return oneOf(at+".contentType", d.ContentType, []string{ContentTypeText})
}

// CheckKey refuses a store key that is not a plain relative path: one that
// would climb out of its project cannot be written down.
func CheckKey(field, key string) error {
	switch {
	case key == "":
		return fieldErr(field, "is missing")
	case len(key) > MaxKeyBytes:
		return fieldErr(field, "is %d bytes long; %d are allowed", len(key), MaxKeyBytes)
	case !utf8.ValidString(key):
		return fieldErr(field, "is not valid UTF-8")
	case strings.HasPrefix(key, "/"):
		return fieldErr(field, "%q must be relative to the project", key)
	case strings.Contains(key, `\`):
		return fieldErr(field, "%q contains a backslash; separate with /", key)
	case strings.EqualFold(key, "batches") || len(key) > 7 && strings.EqualFold(key[:8], "batches/"):
		return fieldErr(field, "%q lies under batches/, which is for results", key)
	}
	for _, r := range key {
		if unicode.IsControl(r) {
			return fieldErr(field, "contains the control character %U", r)
		}
	}
	for _, element := range strings.Split(key, "/") {
		if element == "" || element == "." || element == ".." {
			return fieldErr(field, "%q has the path element %q, which is not allowed", key, element)
		}
	}
	return nil
}

// BatchResult is the result of AIRevisionBatch. Done, failed and cancelled add
// up to total.
type BatchResult struct {
	ProjectID string `json:"projectId"`

	Total     int `json:"total"`
	Done      int `json:"done"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
	// Duplicates is how many of done are repetitions of the same id and content.
	Duplicates int `json:"duplicates,omitempty"`
	// Preemptions is how often a stage made way for a realtime request.
	Preemptions int `json:"preemptions"`
	// Bounces is how often a stage came to the device at the wrong time.
	Bounces int `json:"bounces"`
	// GPUMs and LostGPUMs are milliseconds spent on the GPU, and thrown away by
	// preemption.
	GPUMs     int64 `json:"gpuMs"`
	LostGPUMs int64 `json:"lostGpuMs"`
	// Report is the key, in the project, of the JSONL report: one
	// DocumentReport for each document.
	Report string `json:"report"`
	// Simulated is true when no real model answered.
	Simulated bool `json:"simulated,omitempty"`
}

// DocumentState is how a document ends, or that it has not yet.
type DocumentState string

// States of a document. Every document ends in exactly one of the last three.
const (
	DocPending   DocumentState = "pending"
	DocDone      DocumentState = "done"
	DocFailed    DocumentState = "failed"
	DocCancelled DocumentState = "cancelled"
)

// DocumentReport is one line of a job's report.
type DocumentReport struct {
	ID     string        `json:"id"`
	Key    string        `json:"key"`
	State  DocumentState `json:"state"`
	Reason string        `json:"reason,omitempty"`
	// Preemptions of this document.
	Preemptions int `json:"preemptions,omitempty"`
	// DuplicateOf is the index of the first document with this id and content.
	Duplicate bool `json:"duplicate,omitempty"`
}

// StageOutput is what a stage writes to the store for one document.
type StageOutput struct {
	DocumentID  string          `json:"documentId"`
	Stage       string          `json:"stage"`
	ContentHash string          `json:"contentHash"`
	InputHash   string          `json:"inputHash"`
	Model       string          `json:"model"`
	Output      json.RawMessage `json:"output"`
	Timings     Timings         `json:"timings"`
	Tokens      Tokens          `json:"tokens"`
	Input       InputUse        `json:"input"`
	Simulated   bool            `json:"simulated,omitempty"`
}
