package main

import (
	"context"
	"fmt"

	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"signalbox/workflows/contract"
)

// history visits the events of a workflow, over all its runs.
func (b *bench) history(ctx context.Context, id string, visit func(*historypb.HistoryEvent)) (runs int, err error) {
	d, err := b.client.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return 0, err
	}
	for run := d.GetWorkflowExecutionInfo().GetFirstRunId(); run != ""; {
		runs++
		it := b.client.GetWorkflowHistory(ctx, id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		run = ""
		for it.HasNext() {
			e, err := it.Next()
			if err != nil {
				return runs, err
			}
			visit(e)
			run = e.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		}
	}
	return runs, nil
}

// events adds how many history events a job took for each document and stage.
func (b *bench) events(ctx context.Context, t *table, id string, stages int) error {
	events := 0
	runs, err := b.history(ctx, id, func(*historypb.HistoryEvent) { events++ })
	if err != nil {
		return err
	}
	t.atMost(fmt.Sprintf("history events per document and stage (%d runs)", runs), float64(events)/float64(stages), 7, stages)
	return nil
}

// outcomes are those of a job's stage runs that are wanted.
func (b *bench) outcomes(ctx context.Context, id string, wanted func(contract.StageOutcome) bool) (all []contract.StageOutcome, err error) {
	_, err = b.history(ctx, id, func(e *historypb.HistoryEvent) {
		var o contract.StageOutcome
		result := e.GetActivityTaskCompletedEventAttributes().GetResult()
		if result != nil && converter.GetDefaultDataConverter().FromPayloads(result, &o) == nil && wanted(o) {
			all = append(all, o)
		}
	})
	return all, err
}

// preempted are the runs of a job's stages that made way.
func (b *bench) preempted(ctx context.Context, id string) ([]contract.StageOutcome, error) {
	return b.outcomes(ctx, id, func(o contract.StageOutcome) bool { return o.Outcome == contract.OutcomePreempted })
}
