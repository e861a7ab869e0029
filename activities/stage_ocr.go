package activities

import (
	"context"
	"encoding/json"

	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

// ocr reads the document's pages with the vision model, one model call a page.
func (s *stageRun) ocr(ctx context.Context) error {
	parts, model := s.gpu.Tasks.OCRRecipe(), s.gpu.Tasks.Model
	inputHash := store.HashText(append(parts, s.in.Prepared.ContentHash)...)
	if done, err := s.finished(ctx, inputHash); err != nil || done {
		return err
	}
	d := s.scan()
	out, err := s.gpu.pages(ctx, d, func(page int) (tasks.PageText, error) {
		session, err := s.onGPU(ctx, model)
		if err != nil {
			return tasks.PageText{}, err
		}
		return session.readPage(ctx, d, page)
	})
	if err != nil {
		return err
	}
	s.leave()
	raw, err := json.Marshal(out)
	if err != nil {
		return err
	}
	chars := len([]rune(out.Text))
	err = s.write(ctx, contract.StageOutput{
		ContentHash: s.in.Prepared.ContentHash, InputHash: inputHash, Model: model.Name, Output: raw,
		Input: contract.InputUse{Truncated: out.Pages < out.TotalPages, UsedChars: chars, TotalChars: chars},
	})
	if err != nil {
		return err
	}
	return s.gpu.forgetImages(ctx, d)
}

func ocrText(o contract.StageOutput) (string, error) {
	var out contract.OCROutput
	err := json.Unmarshal(o.Output, &out)
	return out.Text, err
}
