package contract

// RAGAnswer is the output of task rag-query.
type RAGAnswer struct {
	// Found is that the contexts answer the question; Answer is empty if not.
	Found  bool   `json:"found"`
	Answer string `json:"answer"`
	// Citations are the passages that the answer rests on.
	Citations []Citation `json:"citations"`
	// Flags name what was wrong with the model's answer.
	Flags []string `json:"flags,omitempty"`
}

// Citation is one passage that an answer rests on.
type Citation struct {
	// Context is the id of one of the contexts given.
	Context string `json:"context"`
	// Quote stands in that context's text.
	Quote string `json:"quote"`
}

// FlagUncited: the answer names no passage that stands in the contexts.
const FlagUncited = "uncited"

// Vectors is the output of task embed: one vector for each text, in order.
type Vectors struct {
	Dimensions int         `json:"dimensions"`
	Vectors    [][]float32 `json:"vectors"`
}

// OCROutput is the output of stage ocr: the text of a document, from wherever
// it came.
type OCROutput struct {
	Origin TextOrigin `json:"origin"`
	// Pages that were read, of TotalPages; 0 where the document has a text of
	// its own.
	Pages      int    `json:"pages,omitempty"`
	TotalPages int    `json:"totalPages,omitempty"`
	Text       string `json:"text"`
	// Cut lists the pages whose text was cut at the longest output allowed.
	Cut []int `json:"cut,omitempty"`
}

// EmbedOutput is the output of stage embed-document.
type EmbedOutput struct {
	// Passages of the document, and the Dimensions of their vectors.
	Passages   int `json:"passages"`
	Dimensions int `json:"dimensions"`
	// Vectors is the key, in the project, of a JSONL file with one PassageVector
	// for each passage.
	Vectors string `json:"vectors"`
}

// PassageVector is one line of a document's vectors.
type PassageVector struct {
	Passage int `json:"passage"`
	// Start and End of the passage in the text, in characters.
	Start  int       `json:"start"`
	End    int       `json:"end"`
	Text   string    `json:"text"`
	Vector []float32 `json:"vector"`
}

// DocumentsQuery is the argument of the query documents, which may be left out.
type DocumentsQuery struct {
	// From is the index of the first document wanted, from 0; Limit is 100
	// unless given, 1,000 at most.
	From  int `json:"from,omitempty"`
	Limit int `json:"limit,omitempty"`
	// State limits the answer to documents in that state.
	State DocumentState `json:"state,omitempty"`
}

// DocumentsPage is the answer of the query documents.
type DocumentsPage struct {
	Total int `json:"total"`
	// Recorded documents, from the first on, are in the report's parts in the
	// store and no longer here; those from Prepared on come later.
	Recorded int `json:"recorded"`
	Prepared int `json:"prepared"`
	// Documents in hand, and Next, where to ask on; 0 for no more.
	Documents []DocumentStatus `json:"documents"`
	Next      int              `json:"next,omitempty"`
	// Failures are the first documents that failed, of the whole job.
	Failures []DocumentReport `json:"failures,omitempty"`
}

// DocumentStatus is a document in hand.
type DocumentStatus struct {
	Index int `json:"index"`
	DocumentReport
	// Stage that comes next or runs.
	Stage string `json:"stage,omitempty"`
	// OnQueue is that it is on the GPU or queued for it.
	OnQueue bool `json:"onQueue,omitempty"`
}

// Limits of the query documents.
const (
	DefaultDocumentsPage = 100
	MaxDocumentsPage     = 1000
)
