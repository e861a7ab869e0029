package activities

import (
	"context"

	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

// extract proposes the document's fields: one model call.
func (s *stageRun) extract(ctx context.Context) error {
	text, err := s.text(ctx)
	if err != nil {
		return err
	}
	build := func() (*tasks.Task, error) { return s.gpu.Tasks.Extract(text, s.in.Options.Extract) }
	task, err := build()
	if err != nil {
		return err
	}
	inputHash := store.HashText(task.Identity...)
	if done, err := s.finished(ctx, inputHash); err != nil || done {
		return err
	}
	session, err := s.onGPU(ctx, task.Call.Model)
	if err != nil {
		return err
	}
	output, task, err := session.ask(task, build)
	if err != nil {
		return err
	}
	return s.write(ctx, contract.StageOutput{
		ContentHash: store.HashText(text), InputHash: inputHash, Model: task.Call.Model.Name, Output: output, Input: task.Use,
	})
}
