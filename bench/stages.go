package main

import (
	"context"
	"fmt"

	"signalbox/internal/testdoc"
	"signalbox/workflows/contract"
)

// threeStageDocuments are scans that are read, described and embedded.
const threeStageDocuments = 1000

// stages measures how often the model is switched in a job whose stages need two.
func stages(ctx context.Context, _ options, t *table) error {
	sim, b, err := startOnCard(ctx, 10_000)
	if err != nil {
		return err
	}
	defer b.stop()
	in := contract.BatchInput{
		ProjectID: "bench", Stages: []string{contract.StageOCR, contract.StageExtractMetadata, contract.StageEmbedDocument},
	}
	err = b.jobOf(ctx, "scans", in, threeStageDocuments, func(i int) (string, []byte) {
		return ".png", fmt.Append(testdoc.PNG(i), i) // no two are the same
	})
	if err != nil {
		return err
	}
	if _, err := b.done(ctx, "scans"); err != nil {
		return err
	}
	t.atMost("model switches, 1,000 documents of three stages", float64(sim.Stats().Loads-1), 20, threeStageDocuments)
	return b.events(ctx, t, "scans", threeStageDocuments*len(in.Stages))
}
