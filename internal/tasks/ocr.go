package tasks

import (
	"encoding/json"
	"strings"

	"signalbox/internal/ollama"
)

// PageText is what the vision model has read of one page.
type PageText struct {
	Text string `json:"text"`
	// Cut is that the answer ended at the longest output allowed.
	Cut bool `json:"cut,omitempty"`
}

// OCR makes the task of reading one page image.
// from is what an aborted reading of it had come to, nil for none.
func (m *Maker) OCR(image []byte, from *ollama.Partial) *Task {
	system, prompt := m.ocrPrompts()
	return &Task{
		Call: ollama.Call{
			Model: m.Model, System: system, Prompt: prompt, Images: [][]byte{image}, MaxTokens: m.MaxOutput,
			Resumable: true, From: from,
		},
		// A page of ruled lines makes a model repeat itself; its text stands before.
		Partial: true,
		Read: func(a ollama.Answer) (json.RawMessage, error) {
			return json.Marshal(PageText{Text: strings.TrimSpace(a.Text), Cut: a.Cut})
		},
	}
}

// OCRRecipe is all that the text of a page depends on beside its image.
func (m *Maker) OCRRecipe() []string {
	system, prompt := m.ocrPrompts()
	return m.identity(system, prompt)
}

func (m *Maker) ocrPrompts() (system, prompt string) {
	return m.Prompts.text("ocr.system.md"), m.Prompts.text("ocr.prompt.md")
}
