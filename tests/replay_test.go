package tests

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"signalbox/internal/testdoc"
	"signalbox/workers"
	"signalbox/workflows/contract"
)

// mostReplayed bounds how many histories of one test are replayed.
const mostReplayed = 40

// replay replays the histories of a test that has passed: what a workflow has done
// once it has to do again, whatever worker takes it over.
func (s *system) replay() {
	if s.t.Failed() || s.t.Skipped() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	list, err := s.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: mostReplayed})
	if err != nil {
		s.t.Logf("histories are not replayed, the server is gone: %v", err)
		return
	}
	r, err := workers.NewReplayer()
	require.NoError(s.t, err)
	for _, e := range list.GetExecutions() {
		id := e.GetExecution()
		history, err := s.history(ctx, id.GetWorkflowId(), id.GetRunId())
		require.NoError(s.t, err)
		err = r.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(logger()), history, worker.ReplayWorkflowHistoryOptions{
			OriginalExecution: workflow.Execution{ID: id.GetWorkflowId(), RunID: id.GetRunId()}, // an RFA's id is checked
		})
		require.NoError(s.t, err, "replay of %s", id.GetWorkflowId())
	}
}

func (s *system) history(ctx context.Context, id, run string) (*historypb.History, error) {
	history := &historypb.History{}
	events := s.client.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return nil, err
		}
		history.Events = append(history.Events, e)
	}
	return history, nil
}

// envRecord names a folder for histories that later versions are to replay.
const envRecord = "SIGNALBOX_RECORD_HISTORIES"

// TestRecordHistories makes histories in which everything happens that workflows
// do, and keeps them where SIGNALBOX_RECORD_HISTORIES says so (`make histories`).
func TestRecordHistories(t *testing.T) {
	sim, gpu := simulatedGPU(t, longPages)
	b := newBackend(t)
	s := systemOn(t, sim, gpu, b.configure)
	s.run(workers.AllRoles()...)
	docs := append(s.withMissing(6, 1, 4), s.put("scan", "in/a.png", testdoc.PNG(1)))
	in := batchOf("p", docs)
	in.Stages = contract.Stages()
	_, err := s.StartBatch(s.ctx, "batch", in)
	require.NoError(t, err)
	s.pageHasCome(100)
	s.answer("revision", "REQ-1")
	s.operate(contract.UpdatePauseBatch, contract.OperatorRequest{For: "1h", By: "ann"})
	s.startBatch("second", docs[:1])
	s.eventually("the second is in line", func() bool {
		j, err := s.Job(s.ctx, contract.DefaultGPU, "second")
		return err == nil && j.Position > 0
	})
	_, err = s.SetPriority(s.ctx, contract.DefaultGPU, contract.PriorityRequest{Job: "second", Priority: 5})
	require.NoError(t, err)
	s.operate(contract.UpdateResumeBatch, contract.OperatorRequest{})
	s.failed("batch", 2)
	for _, update := range []string{contract.UpdatePauseJob, contract.UpdateRequeueFailed, contract.UpdateResumeJob} {
		_, err := s.OperateJob(s.ctx, "batch", update, contract.OperatorRequest{By: "ann"})
		require.NoError(t, err)
	}
	s.endBatch("second")
	require.Equal(t, 4, s.endBatch("batch").Done, "two are missing, and of a page of one line the fields are too long")
	s.operate(contract.UpdateDrain, contract.OperatorRequest{})
	s.unavailable("drained", contract.ReasonDrained)
	s.operate(contract.UpdateUndrain, contract.OperatorRequest{})
	s.startBatch("cancelled", s.documents("q", 1))
	require.NoError(t, s.Cancel(s.ctx, "cancelled"))
	_, err = s.Batch(s.ctx, "cancelled")
	require.Error(t, err)

	rfa, ended := s.recordRFA()
	s.eventually("the backend knows of the distribution", func() bool { return len(b.told(contract.EventRFADistributed)) > 0 })

	dir := os.Getenv(envRecord)
	if dir == "" {
		return
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, id := range []string{
		"batch", "second", "cancelled", "revision", "drained", contract.SchedulerID(contract.DefaultGPU), contract.OwnerID(contract.DefaultGPU),
		rfa, "rfa-reminders" + rfa[3:], "rfa-distribution" + rfa[3:], ended,
	} {
		history, err := s.history(s.ctx, id, "")
		require.NoError(t, err)
		data, err := protojson.Marshal(history)
		require.NoError(t, err)
		file := filepath.Join(dir, strings.ReplaceAll(id, "/", "-")+".json")
		require.NoError(t, os.WriteFile(file, append(data, '\n'), 0o600))
		fmt.Println("recorded", file)
	}
}

// recordRFA lets everything happen to an RFA that can within a day; it returns the ids of
// one that was decided and of one that was withdrawn.
func (s *system) recordRFA() (decided, withdrawn string) {
	s.t.Helper()
	in := anRFA("RFA-1")
	in.ProjectID = "p"
	decided = s.startRFA(in)
	to, today := somebody("dep"), time.Now().UTC().Format(time.DateOnly)
	s.rfa(decided, contract.UpdateDelegate, contract.RFARequest{Actor: "arc", Discipline: "ARC", To: &to, From: today, Until: in.Due})
	other := somebody("other")
	s.rfa(decided, contract.UpdateReassign, contract.RFARequest{Actor: "pm", Discipline: "STR", To: &other})
	s.rfa(decided, contract.UpdateChangeDueDate, contract.RFARequest{Actor: "pm", Due: time.Now().AddDate(2, 0, 0).Format(time.DateOnly)})
	s.review(decided, "dep", "ARC", "3")
	s.rfa(decided, contract.UpdateOverrideVeto, contract.RFARequest{Actor: "pm", Reason: "the client takes the risk"})
	s.distributed(decided)
	_, err := s.RFA(s.ctx, decided)
	require.NoError(s.t, err)
	in.Number = "RFA-2"
	withdrawn = s.startRFA(in)
	s.rfa(withdrawn, contract.UpdateWithdraw, contract.RFARequest{Actor: "sub"})
	_, err = s.RFA(s.ctx, withdrawn)
	require.NoError(s.t, err)
	return decided, withdrawn
}
