package contract

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Stages of a batch job.
const (
	// StageOCR reads page images with the vision model.
	StageOCR = "ocr"
	// StageExtractMetadata proposes a document's fields, like task suggest.
	StageExtractMetadata = "extract-metadata"
	// StageEmbedDocument makes vectors of a document's passages.
	StageEmbedDocument = "embed-document"
)

// Stages lists the stages that a batch job knows, in the order they run in.
func Stages() []string { return []string{StageOCR, StageExtractMetadata, StageEmbedDocument} }

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
	LowestPriority  = 5
	// MaxOCRPages of one document, and the default.
	MaxOCRPages     = 200
	DefaultOCRPages = 10
)

// BatchInput is the input of AIRevisionBatch: one batch job.
type BatchInput struct {
	// ProjectID is any printable text up to 200 bytes. A job reads and writes
	// only under its own project.
	ProjectID string `json:"projectId"`
	// Stages to pass through; each document passes through them in the order
	// of Stages, whatever order they are given in.
	Stages []string `json:"stages"`
	// Documents come from one of three: given inline, up to 500; or
	Documents []Document `json:"documents,omitempty"`
	// Manifest is the key, in the project, of a JSONL file of documents, up to
	// 20,000 lines; or
	Manifest string `json:"manifest,omitempty"`
	// Requeue is the id of a job of this project that has ended: its documents
	// that failed or were cancelled, out of its report.
	Requeue string `json:"requeue,omitempty"`
	// Priority among jobs, 1 (first) to 5 (last); 3 unless given.
	Priority int          `json:"priority,omitempty"`
	Options  BatchOptions `json:"options,omitzero"`
}

// BatchOptions are frozen when the job starts.
type BatchOptions struct {
	OCR     OCROptions     `json:"ocr,omitzero"`
	Extract ExtractOptions `json:"extract,omitzero"`
}

// OCROptions of stage ocr.
type OCROptions struct {
	// MaxPages of one document that are read: 1 to 200, 10 unless given.
	MaxPages int `json:"maxPages,omitempty"`
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
	if in.Options.OCR.MaxPages == 0 {
		in.Options.OCR.MaxPages = DefaultOCRPages
	}
	if n := in.Options.OCR.MaxPages; n < 1 || n > MaxOCRPages {
		return fieldErr("options.ocr.maxPages", "is %d; allowed are 1 to %d", n, MaxOCRPages)
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
	case in.Requeue != "" && (in.Manifest != "" || len(in.Documents) > 0):
		return fieldErr("requeue", "excludes documents and manifest: its documents are those of that job")
	case in.Requeue != "":
		return checkID("requeue", in.Requeue, true)
	case in.Manifest != "":
		return CheckKey("manifest", in.Manifest)
	case len(in.Documents) == 0:
		return fieldErr("documents", "is empty; give documents, a manifest or a job to requeue")
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
	// OftenPreempted documents made way three times or more: they went first then.
	OftenPreempted int `json:"oftenPreempted,omitempty"`
	// Bounces is how often a stage came to the device at the wrong time.
	Bounces int `json:"bounces"`
	// Continued model calls went on from what an aborted one had said.
	Continued int `json:"continued,omitempty"`
	// GPUMs and LostGPUMs are milliseconds spent on the GPU, and thrown away by
	// preemption.
	GPUMs     int64 `json:"gpuMs"`
	LostGPUMs int64 `json:"lostGpuMs"`
	// Report is the key, in the project, of the JSONL report: one
	// DocumentReport for each document.
	Report string `json:"report"`
	// Simulated is true when no real model answered.
	Simulated bool `json:"simulated,omitempty"`
	// Failures are the first of the documents that failed, up to 20; the report
	// has them all.
	Failures []DocumentReport `json:"failures,omitempty"`
}

// MaxFailures in a job's result.
const MaxFailures = 20

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
	// Duplicate is that an earlier document has the same id and key.
	Duplicate bool `json:"duplicate,omitempty"`
	// ContentType and Title as in the job's input.
	ContentType string `json:"contentType,omitempty"`
	Title       string `json:"title,omitempty"`
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
