package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/cli"
	"signalbox/workflows/contract"
)

// withMissing are documents of which those with these indices are not in the store.
func (s *system) withMissing(n int, missing ...int) []contract.Document {
	s.t.Helper()
	docs := s.documents("p", n)
	for _, i := range missing {
		docs[i].Key = fmt.Sprintf("later/%d.txt", i)
	}
	return docs
}

// bring puts those documents into the store.
func (s *system) bring(docs []contract.Document, missing ...int) {
	s.t.Helper()
	for _, i := range missing {
		require.NoError(s.t, s.docs.WriteDocument(s.ctx, "p", docs[i].Key, []byte(letter(fmt.Sprintf("DOC-9%03d", i)))))
	}
}

// failed waits until a job that runs has so many failed documents.
func (s *system) failed(id string, n int) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%s has %d failed documents", id, n), func() bool {
		p, err := s.Progress(s.ctx, id)
		return err == nil && p.Failed == n
	})
}

// TestWhatFailedIsRequeuedWhileTheJobRuns: in the same job, across chunks; its
// report has every document once, as it ended.
func TestWhatFailedIsRequeuedWhileTheJobRuns(t *testing.T) {
	s := running(t)
	const n = 140 // two chunks
	missing := []int{3, 77, 139}
	docs := s.withMissing(n, missing...)
	s.startBatch("b", docs)
	s.failed("b", 3)
	code, out, stderr := s.command("pause", "b", "--reason", "the share is away", "--by", "ann")
	require.Zero(t, code, stderr)
	require.Contains(t, out, "b is paused by ann until ")
	s.bring(docs, 3, 139)
	code, out, stderr = s.command("requeue", "b")
	require.Zero(t, code, stderr)
	require.Equal(t, "b: 3 documents that failed are worked on again, after those in hand\n", out)
	code, _, stderr = s.command("resume", "b")
	require.Zero(t, code, stderr)

	r := s.endBatch("b")
	require.Equal(t, n-1, r.Done)
	require.Equal(t, 1, r.Failed)
	require.Equal(t, docs[77].ID, r.Failures[0].ID)
	lines := s.report("b")
	require.Len(t, lines, n)
	for i, line := range lines {
		require.Equal(t, docs[i].ID, line.ID)
		require.Equal(t, i == 77, line.State == contract.DocFailed, line.ID)
	}
	for name, times := range s.gpu.finished() {
		require.Equal(t, 1, times, "%s was answered more than once", name)
	}
}

func (s *system) report(id string) (lines []contract.DocumentReport) {
	s.t.Helper()
	data, err := s.docs.ReadDocument(s.ctx, "p", "batches/"+id+"/report.jsonl", 1<<20)
	require.NoError(s.t, err)
	dec := json.NewDecoder(bytes.NewReader(data))
	for dec.More() {
		var line contract.DocumentReport
		require.NoError(s.t, dec.Decode(&line))
		lines = append(lines, line)
	}
	return lines
}

// TestAJobThatHasEndedIsRequeuedAsANewOne, of what failed alone; asked for twice it
// is one job, and it can be requeued itself.
func TestAJobThatHasEndedIsRequeuedAsANewOne(t *testing.T) {
	s := running(t)
	docs := s.withMissing(6, 1, 4)
	s.startBatch("b", docs)
	require.Equal(t, 2, s.endBatch("b").Failed)
	s.bring(docs, 1)
	for range 2 {
		code, out, stderr := s.command("requeue", "b", "--wait")
		require.Equal(t, cli.ExitSomeFailed, code, stderr)
		require.Contains(t, stderr, "b-requeue-1")
		require.Contains(t, out, "2 documents: 1 done, 1 failed, 0 cancelled")
	}
	s.bring(docs, 4)
	code, out, stderr := s.command("requeue", "b-requeue-1", "--wait")
	require.Zero(t, code, stderr)
	require.Contains(t, stderr, "b-requeue-2")
	require.Contains(t, out, "1 documents: 1 done")
	require.Equal(t, docs[4].ID, s.report("b-requeue-2")[0].ID)

	// Nothing is left to do, and a job that is not there.
	code, _, stderr = s.command("requeue", "b-requeue-2", "--wait")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "no document of b-requeue-2 has failed or was cancelled")
	code, _, stderr = s.command("requeue", "nobody")
	require.Equal(t, cli.ExitNotFound, code, stderr)
	code, _, stderr = s.command("start", "batch", "--project", "p", "--requeue", "nobody", "--stages", "extract-metadata", "--wait")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, `requeue: no report of a job "nobody" is in project "p"`)
}

// TestAPausedJobLetsOthersGo, keeps its pause when the scheduler is another one, and
// goes on when it is resumed, here with the plain CLI.
func TestAPausedJobLetsOthersGo(t *testing.T) {
	s := running(t)
	docs := s.documents("p", 40)
	s.startBatch("a", docs[:20])
	s.documentOnGPU()
	code, _, stderr := s.command("pause", "a", "--for", "2h", "--by", "ann")
	require.Zero(t, code, stderr)
	require.Contains(t, s.phase("a", contract.PhasePaused).Reason, "paused by ann until ")
	s.startBatch("b", docs[20:])
	require.Equal(t, 20, s.endBatch("b").Done)

	require.NoError(t, s.client.TerminateWorkflow(s.ctx, contract.SchedulerID(contract.DefaultGPU), "", "a test"))
	s.eventually("a new scheduler knows of the pause", func() bool {
		st, err := s.Status(s.ctx, contract.DefaultGPU)
		return err == nil && len(st.Jobs) == 1 && st.Jobs[0].State == contract.JobPaused
	})
	before := s.quiet()
	s.startBatch("c", docs[20:21])
	require.Equal(t, 1, s.endBatch("c").Done)
	require.Equal(t, before+1, s.quiet(), "a's documents wait")

	out, said, err := s.temporal(temporalCLI(t), "workflow", "update", "execute", "--workflow-id", "a", "--name", "resume", "--input", "{}")
	require.NoError(t, err, out+said)
	require.Equal(t, 20, s.endBatch("a").Done)

	code, _, stderr = s.command("pause", "a")
	require.NotZero(t, code)
	require.Contains(t, stderr, "a has ended before: done")
	code, _, stderr = s.command("pause", "gpu-scheduler")
	require.NotZero(t, code)
	require.Contains(t, stderr, "gpu-scheduler")
}
