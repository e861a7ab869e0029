package contract

import "encoding/json"

// RevisionResult is the result of AIRevision.
type RevisionResult struct {
	Task  string `json:"task"`
	Model string `json:"model"`
	// Output is {"text": …} for generate without a schema, the object of the
	// schema for generate with one, SuggestOutput for suggest, RAGAnswer for
	// rag-query, and Vectors for embed.
	Output  json.RawMessage `json:"output"`
	Timings Timings         `json:"timings"`
	Tokens  Tokens          `json:"tokens"`
	Input   InputUse        `json:"input"`
	// Source is what was found out about the input's source.
	Source *Prepared `json:"source,omitempty"`
	// Cleanup of the memory after it.
	Cleanup *Cleanup `json:"cleanup,omitempty"`
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
