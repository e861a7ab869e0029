package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"signalbox/internal/job"
	"signalbox/workflows/contract"
)

// Times of a batch job's activities.
const (
	// chunkTimeout is for one attempt at preparing a chunk: a page takes about a
	// second to render, and what is rendered is not rendered again.
	chunkTimeout   = 4 * time.Hour
	chunkHeartbeat = 30 * time.Second
)

// queue puts one stage run on the GPU queue.
func (b *batch) queue(r job.Run) {
	ctx := workflow.WithActivityOptions(b.gpu, workflow.ActivityOptions{
		TaskQueue:           contract.QueueGPU,
		StartToCloseTimeout: gpuBackstop,
		HeartbeatTimeout:    contract.BatchHeartbeat,
		// For crashes of the worker alone: everything else is an outcome.
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: contract.BatchRetry, BackoffCoefficient: 1, MaximumAttempts: int32(r.Attempts),
		},
		Priority: temporal.Priority{PriorityKey: contract.PriorityBatch},
		Summary:  summary(r.Stage + " " + r.Doc.ID),
	})
	future := workflow.ExecuteActivity(ctx, contract.ActivityRunStage, contract.StageRun{
		Job: b.ref, ProjectID: b.in.ProjectID, Document: r.Doc.Document,
		Prepared: r.Doc.Prepared, Stage: r.Stage, Lease: r.Lease, Preemptions: r.Doc.Preemptions, Options: b.in.Options,
	})
	workflow.Go(b.gpu, func(ctx workflow.Context) {
		var o contract.StageOutcome
		err := future.Get(ctx, &o)
		switch {
		case err == nil:
			b.state.Finished(workflow.Now(ctx), r.Doc, r.Lease, o)
		case temporal.IsCanceledError(err):
			b.state.Dropped(r.Doc)
		default:
			workflow.GetLogger(ctx).Error("a document's stage was lost", "document", r.Doc.ID, "error", err)
			b.state.Lost(r.Doc)
		}
		b.dirty = true
	})
}

// awaitGPU runs the wait for the GPU: the first attempt always fails, and the
// retry policy is the seed's backoff.
func (b *batch) awaitGPU() {
	ctx, cancel := workflow.WithCancel(b.gpu)
	b.await = cancel
	future := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           contract.QueueGPUControl,
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: contract.AwaitEvery, BackoffCoefficient: 1},
		Summary:             "waiting for the GPU, looking every 5 minutes",
	}), contract.ActivityAwaitGPU, contract.AwaitInput{Reason: b.state.AwaitReason})
	workflow.Go(b.gpu, func(ctx workflow.Context) {
		// Whether the GPU is back or the scheduler says so, the wait is over;
		// nothing else ends it.
		_ = future.Get(ctx, nil)
		b.await = nil
		b.state.GPUBack()
		b.dirty = true
	})
}

func (b *batch) documentOptions(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           contract.QueueAIBatch,
		StartToCloseTimeout: chunkTimeout,
		HeartbeatTimeout:    chunkHeartbeat,
		RetryPolicy:         retryForever(),
	})
}

func (b *batch) source() contract.DocumentSource {
	return contract.DocumentSource{
		Documents: b.in.Documents, Manifest: b.in.Manifest, Requeue: b.in.Requeue, ManifestHash: b.manifestHash,
	}
}

func (b *batch) prepare(ctx workflow.Context, p job.Prepare) {
	future := workflow.ExecuteActivity(b.documentOptions(ctx), contract.ActivityPrepareChunk, contract.ChunkInput{
		ProjectID: b.in.ProjectID, Job: b.ref, Stages: b.in.Stages, MaxPages: b.in.Options.OCR.MaxPages,
		Source: b.source(), From: p.From, Size: contract.ChunkSize, Failed: p.Failed, Until: p.Until,
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		var r contract.ChunkResult
		if err := future.Get(ctx, &r); err != nil {
			b.fatal = err
		} else {
			b.manifestHash = r.ManifestHash
			b.state.Prepared(r)
		}
		b.dirty = true
	})
}

func (b *batch) record(ctx workflow.Context) {
	in := contract.RecordInput{Job: b.ref, ProjectID: b.in.ProjectID}
	for _, d := range b.state.Chunk {
		in.Lines = append(in.Lines, d.Line())
		in.Again = d.Requeued
	}
	future := workflow.ExecuteActivity(b.documentOptions(ctx), contract.ActivityRecordChunk, in)
	workflow.Go(ctx, func(ctx workflow.Context) {
		if err := future.Get(ctx, nil); err != nil {
			b.fatal = err
		} else {
			b.state.Recorded()
			b.listFailures(ctx)
			b.tellDocuments(ctx, in)
		}
		b.dirty = true
	})
}

func (b *batch) report(ctx workflow.Context) (contract.ReportResult, error) {
	var r contract.ReportResult
	err := workflow.ExecuteActivity(b.documentOptions(ctx), contract.ActivityFinishReport, contract.ReportInput{
		Job: b.ref, ProjectID: b.in.ProjectID, Source: b.source(), Total: b.state.Total, Unreached: b.state.From,
	}).Get(ctx, &r)
	if err != nil {
		return r, err
	}
	c := b.state.Counts
	if r.Counts[contract.DocDone] != c.Done || r.Counts[contract.DocFailed] != c.Failed {
		return r, fmt.Errorf("the report counts %d done and %d failed, the job %d and %d",
			r.Counts[contract.DocDone], r.Counts[contract.DocFailed], c.Done, c.Failed)
	}
	return r, nil
}

// summary fits a text into what the Web UI shows of an activity.
func summary(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most]
	}
	return s
}
