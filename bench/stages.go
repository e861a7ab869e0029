package main

import (
	"context"
	"fmt"
	"time"

	"signalbox/internal/simgpu"
	"signalbox/internal/testdoc"
	"signalbox/workflows/contract"
)

// threeStageDocuments are scans that are read, described and embedded.
const threeStageDocuments = 1000

// stagesSpeed is how many times faster than a real one the card works on them. Loading a
// model takes what it takes.
const stagesSpeed = 10_000

// stages measures how often the model is switched in a job whose stages need two, and
// what that costs.
func stages(ctx context.Context, _ options, t *table) error {
	cfg := simgpu.Default()
	text, vectors := cfg.Models[0].Load, cfg.Models[1].Load
	cfg.Speed = stagesSpeed
	for i := range cfg.Models {
		cfg.Models[i].Load *= stagesSpeed
	}
	sim, b, err := startOnCardOf(ctx, cfg)
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
	switches, err := b.outcomes(ctx, "scans", func(o contract.StageOutcome) bool { return o.GPUMs >= min(text, vectors).Milliseconds() })
	if err != nil {
		return err
	}
	var each []time.Duration
	for _, o := range switches[1:] { // the first load switches nothing
		each = append(each, time.Duration(o.GPUMs)*time.Millisecond)
	}
	t.times(fmt.Sprintf("a switch: unload, verify, load (of the simulated models: %s and %s), ms", text, vectors), each, goal{})
	return b.events(ctx, t, "scans", threeStageDocuments*len(in.Stages))
}
