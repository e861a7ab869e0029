package contract

// ChunkSize is how many documents pass through all stages together, so that
// models are switched once per chunk and not per document.
const ChunkSize = 128

// DocumentSource says where a job's documents are listed.
type DocumentSource struct {
	Documents []Document `json:"documents,omitempty"`
	Manifest  string     `json:"manifest,omitempty"`
	// ManifestHash of the first reading; a manifest that changes later is
	// refused. Empty at the first reading.
	ManifestHash string `json:"manifestHash,omitempty"`
	// Requeue is the id of a job of the same project that has ended: its
	// documents that did not end as done. ManifestHash is then its report's.
	Requeue string `json:"requeue,omitempty"`
}

// ChunkInput is the input of the activity PrepareChunk: Size documents from From
// on; or, with Failed, up to Size of those that the job's report has as failed,
// from From on and before Until.
type ChunkInput struct {
	ProjectID string `json:"projectId"`
	Job       JobRef `json:"job"`
	// Stages and MaxPages of the job: which documents need their pages read.
	Stages   []string       `json:"stages"`
	MaxPages int            `json:"maxPages"`
	Source   DocumentSource `json:"source"`
	From     int            `json:"from"`
	Size     int            `json:"size"`
	Failed   bool           `json:"failed,omitempty"`
	Until    int            `json:"until,omitempty"`
}

// ChunkResult is what PrepareChunk found.
type ChunkResult struct {
	Documents    []ChunkDocument `json:"documents"`
	Total        int             `json:"total"`
	ManifestHash string          `json:"manifestHash,omitempty"`
	// Failed is that documents which had failed were asked for, and Next where the
	// search goes on.
	Failed bool `json:"failed,omitempty"`
	Next   int  `json:"next,omitempty"`
}

// ChunkDocument is a document ready for its stages, or why it is not.
type ChunkDocument struct {
	// Index of the document in the job's list.
	Index int `json:"index"`
	Document
	Prepared
	// Problem is why the document cannot be worked on.
	Problem string `json:"problem,omitempty"`
	// Duplicate of an earlier document of the same id and key.
	Duplicate bool `json:"duplicate,omitempty"`
}

// RecordInput is the input of the activity RecordChunk: the report lines of
// one finished chunk. With Again they replace those that were recorded before.
type RecordInput struct {
	Job       JobRef       `json:"job"`
	ProjectID string       `json:"projectId"`
	Lines     []ReportLine `json:"lines"`
	Again     bool         `json:"again,omitempty"`
}

// ReportLine is a line of the report, and its place there.
type ReportLine struct {
	Index int `json:"index"`
	DocumentReport
}

// ReportInput is the input of the activity FinishReport. Documents from
// Unreached on were never begun and are reported as cancelled.
type ReportInput struct {
	Job       JobRef         `json:"job"`
	ProjectID string         `json:"projectId"`
	Source    DocumentSource `json:"source"`
	Total     int            `json:"total"`
	Unreached int            `json:"unreached"`
}

// ReportResult names the report and counts its lines by state.
type ReportResult struct {
	Key    string                `json:"key"`
	Counts map[DocumentState]int `json:"counts"`
	// Failures are the first documents that failed, up to MaxFailures.
	Failures []DocumentReport `json:"failures,omitempty"`
}
