package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"signalbox/internal/store"
	"signalbox/internal/tasks"
	"signalbox/workflows/contract"
)

// embedDocument makes vectors of the document's passages: one model call for
// some of them at a time, each kept before the next.
func (s *stageRun) embedDocument(ctx context.Context) error {
	e := s.gpu.Tasks.Embedder
	if e == nil {
		return errors.New("the GPU host has no embedding model (configuration, models.embed.name)")
	}
	text, err := s.text(ctx)
	if err != nil {
		return err
	}
	identity := append(e.Identity(contract.PurposeDocument), fmt.Sprint(tasks.PassageTokens, tasks.PassageOverlap, e.CharsPerToken))
	inputHash := store.HashText(append(slices.Clone(identity), text)...)
	if done, err := s.finished(ctx, inputHash); err != nil || done {
		return err
	}
	passages := e.Passages(text)
	var lines []contract.PassageVector
	var checkpoints []string
	for from, n := 0, 1; from < len(passages); from, n = from+tasks.PassagesPerCall, n+1 {
		part := passages[from:min(from+tasks.PassagesPerCall, len(passages))]
		var texts []string
		for _, p := range part {
			texts = append(texts, p.Text)
		}
		key := store.StageCallKey(s.in.ProjectID, s.in.Job.WorkflowID, s.in.Document.ID, s.in.Stage, n,
			store.HashText(append(slices.Clone(identity), texts...)...)[:16])
		checkpoints = append(checkpoints, key)
		vectors, err := s.vectors(ctx, key, e, texts)
		if err != nil {
			return err
		}
		for i, p := range part {
			lines = append(lines, contract.PassageVector{
				Passage: from + i, Start: p.Start, End: p.End, Text: p.Text, Vector: vectors[i],
			})
		}
	}
	s.leave()
	return s.writeVectors(ctx, lines, checkpoints, contract.StageOutput{
		ContentHash: store.HashText(text), InputHash: inputHash, Model: e.Model.Name,
		Input: contract.InputUse{UsedChars: len([]rune(text)), TotalChars: len([]rune(text))},
	})
}

// vectors takes the vectors of an earlier attempt, or makes them.
func (s *stageRun) vectors(ctx context.Context, key string, e *tasks.Embedder, texts []string) ([][]float32, error) {
	var vectors [][]float32
	found, err := s.gpu.Store.FindJSON(ctx, key, &vectors)
	if err != nil {
		return nil, storeError(err)
	}
	if found && len(vectors) == len(texts) {
		return vectors, nil
	}
	session, err := s.onGPU(ctx, e.Model)
	if err != nil {
		return nil, err
	}
	if vectors, err = session.embed(e.Call(contract.PurposeDocument, texts)); err != nil {
		return nil, err
	}
	return vectors, s.gpu.keep(ctx, key, vectors)
}

// writeVectors writes the vectors, then the output that names them, and then
// removes the checkpoints, which nobody needs any more.
func (s *stageRun) writeVectors(ctx context.Context, lines []contract.PassageVector, checkpoints []string, out contract.StageOutput) error {
	key := store.VectorsKey(s.in.Job.WorkflowID, s.in.Document.ID)
	summary := contract.EmbedOutput{Passages: len(lines), Vectors: key}
	if len(lines) > 0 {
		summary.Dimensions = len(lines[0].Vector)
	}
	data, err := jsonLines(lines)
	if err != nil {
		return err
	}
	if err := s.gpu.Store.WriteDocument(ctx, s.in.ProjectID, key, data); err != nil {
		return storeError(err)
	}
	if out.Output, err = json.Marshal(summary); err != nil {
		return err
	}
	if err := s.write(ctx, out); err != nil {
		return err
	}
	return storeError(s.gpu.Store.Remove(ctx, checkpoints...))
}
