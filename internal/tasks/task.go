package tasks

import (
	"encoding/json"
	"fmt"

	"signalbox/internal/ollama"
	"signalbox/workflows/contract"
)

// Task is one thing asked of the model: a call, and how its answer is read.
type Task struct {
	Call ollama.Call
	Use  contract.InputUse
	// Read checks an answer and makes the output of it. An error means that
	// the answer breaks its schema; the model is asked once more.
	Read func(answer ollama.Answer) (json.RawMessage, error)
}

// Maker makes tasks for one model.
type Maker struct {
	Prompts   *Prompts
	Model     ollama.Model
	MaxOutput int
	Estimator *Estimator
}

// Revision makes the task of a realtime request.
func (m *Maker) Revision(in contract.RevisionInput) (*Task, error) {
	switch in.Task {
	case contract.TaskGenerate:
		return m.generate(in)
	case contract.TaskSuggest:
		return m.suggest(in.Text, in.Fields, in.Choices)
	}
	return nil, fmt.Errorf("task %q is unknown", in.Task)
}

// Stage makes the task of one stage of a document.
func (m *Maker) Stage(stage, text string, o contract.BatchOptions) (*Task, error) {
	if stage == contract.StageExtractMetadata {
		return m.suggest(text, o.Extract.Fields, o.Extract.Choices)
	}
	return nil, fmt.Errorf("stage %q is unknown", stage)
}

// Observe lets the maker learn from what the model counted.
func (m *Maker) Observe(t *Task, a ollama.Answer) {
	m.Estimator.Observe(len([]rune(t.Call.System))+len([]rune(t.Call.Prompt)), a.Tokens.Prompt)
}
