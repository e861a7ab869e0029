package tests

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"signalbox/workers"
	"signalbox/workflows/contract"
)

// start starts a workflow by name and JSON alone, as the plain CLI does.
func (s *system) start(id, workflow, queue, input string) client.WorkflowRun {
	s.t.Helper()
	run, err := s.client.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue},
		workflow, json.RawMessage(input))
	require.NoError(s.t, err)
	return run
}

// badInput is an input that has to be refused, and the field to blame.
type badInput struct{ name, workflow, input, field string }

func (b badInput) queue() string {
	if b.workflow == contract.WorkflowAIRevisionBatch {
		return contract.QueueAIBatch
	}
	return contract.QueueAIRealtime
}

func badInputs(s *system) []badInput {
	manifest := func(name, text string) string {
		require.NoError(s.t, s.docs.WriteDocument(s.ctx, "p", name, []byte(text)))
		return fmt.Sprintf(`{"projectId":"p","stages":["extract-metadata"],"manifest":%q}`, name)
	}
	document := func(id, key string) string {
		data, err := json.Marshal(map[string]any{
			"projectId": "p", "stages": []string{"extract-metadata"}, "documents": []map[string]string{{"id": id, "key": key}},
		})
		require.NoError(s.t, err)
		return string(data)
	}
	many := strings.Repeat("{\"id\":\"a\",\"key\":\"a.txt\"}\n", contract.MaxDocuments+1)
	long := strings.Repeat("x", contract.MaxInlineTextBytes+1)
	const revision, batch = contract.WorkflowAIRevision, contract.WorkflowAIRevisionBatch
	return []badInput{
		{"not an object", revision, `[1]`, "input"},
		{"unknown task", revision, `{"task":"dance"}`, "task"},
		{"no task", revision, `{}`, "task"},
		{"unknown field", revision, `{"task":"suggest","text":"x","colour":"red"}`, "colour"},
		{"wrong type", revision, `{"task":"suggest","text":7}`, "text"},
		{"missing text", revision, `{"task":"suggest","text":"  "}`, "text"},
		{"missing prompt", revision, `{"task":"generate"}`, "prompt"},
		{"text that belongs elsewhere", revision, `{"task":"generate","prompt":"x","text":"x"}`, "text"},
		{"no schema", revision, `{"task":"generate","prompt":"x","schema":{"type":"colour"}}`, "schema"},
		{"schema that is no object", revision, `{"task":"generate","prompt":"x","schema":["a"]}`, "schema"},
		{"schema from elsewhere", revision, `{"task":"generate","prompt":"x","schema":{"$ref":"http://127.0.0.1:1/x"}}`, "schema"},
		{"too long", revision, `{"task":"suggest","text":"` + long + `"}`, "text"},
		{"unknown suggest field", revision, `{"task":"suggest","text":"x","fields":["title","colour"]}`, "fields[1]"},
		{"choices of no field", revision, `{"task":"suggest","text":"x","fields":["title"],"choices":{"discipline":["a"]}}`, "choices.discipline"},
		{"bad duration", revision, `{"task":"suggest","text":"x","maxWait":"soon"}`, "maxWait"},
		{"too long a wait", revision, `{"task":"suggest","text":"x","maxWait":"48h"}`, "maxWait"},
		{"control character", revision, `{"task":"suggest","text":"x","documentId":"a\u0007b"}`, "documentId"},
		{"missing question", revision, `{"task":"rag-query","contexts":[{"id":"a","text":"x"}]}`, "question"},
		{"missing contexts", revision, `{"task":"rag-query","question":"x"}`, "contexts"},
		{"context without text", revision, `{"task":"rag-query","question":"x","contexts":[{"id":"a"}]}`, "contexts[0].text"},
		{"context twice", revision, `{"task":"rag-query","question":"x","contexts":[{"id":"a","text":"x"},{"id":"a","text":"y"}]}`, "contexts[1].id"},
		{"unknown field in a context", revision, `{"task":"rag-query","question":"x","contexts":[{"id":"a","body":"x"}]}`, "body"},
		{"missing texts", revision, `{"task":"embed"}`, "texts"},
		{"too many texts", revision, `{"task":"embed","texts":["a"` + strings.Repeat(`,"a"`, contract.MaxTexts) + `]}`, "texts"},
		{"unknown purpose", revision, `{"task":"embed","texts":["a"],"purpose":"fun"}`, "purpose"},
		{"no text at all", revision, `{"task":"suggest","text":"PK\u0003\u0004"}`, "text"},
		{"source without a project", revision, `{"task":"suggest","source":"a.txt"}`, "projectId"},
		{"source that climbs", revision, `{"task":"suggest","projectId":"p","source":"../b/a.txt"}`, "source"},
		{"unsupported source", revision, `{"task":"suggest","projectId":"p","source":"a.docx"}`, "source"},
		{"text beside a source", revision, `{"task":"suggest","projectId":"p","source":"a.txt","text":"x"}`, "source"},
		{"too many pages", revision, `{"task":"suggest","projectId":"p","source":"a.pdf","pages":99}`, "pages"},
		{"source that is not there", revision, `{"task":"suggest","projectId":"p","source":"none.txt"}`, "source"},
		{"too many pages of a document", batch, `{"projectId":"p","stages":["ocr"],"options":{"ocr":{"maxPages":999}},"documents":[{"id":"a","key":"a.pdf"}]}`, "options.ocr.maxPages"},
		{"key among what is derived", batch, document("a", "derived/x/text.txt"), "documents[0].key"},
		{"no project", batch, `{"stages":["extract-metadata"],"documents":[{"id":"a","key":"a.txt"}]}`, "projectId"},
		{"no stages", batch, `{"projectId":"p","documents":[{"id":"a","key":"a.txt"}]}`, "stages"},
		{"unknown stage", batch, `{"projectId":"p","stages":["paint"],"documents":[{"id":"a","key":"a.txt"}]}`, "stages[0]"},
		{"no documents", batch, `{"projectId":"p","stages":["extract-metadata"]}`, "documents"},
		{"unknown field in a document", batch, `{"projectId":"p","stages":["extract-metadata"],"documents":[{"id":"a","key":"a.txt","size":1}]}`, "size"},
		{"wrong type in a document", batch, `{"projectId":"p","stages":["extract-metadata"],"documents":[{"id":7,"key":"a.txt"}]}`, "documents.id"},
		{"key out of the store", batch, document("a", "../../etc/passwd.txt"), "documents[0].key"},
		{"key into another project", batch, document("a", "x/../../other/a.txt"), "documents[0].key"},
		{"absolute key", batch, document("a", "/etc/passwd.txt"), "documents[0].key"},
		{"key among the results", batch, document("a", "batches/b/report.txt"), "documents[0].key"},
		{"unsupported document", batch, document("a", "scan.tiff"), "documents[0].contentType"},
		{"control character in an id", batch, document("a\x01", "a.txt"), "documents[0].id"},
		{"bad priority", batch, `{"projectId":"p","stages":["extract-metadata"],"priority":9,"documents":[{"id":"a","key":"a.txt"}]}`, "priority"},
		{"one id, two keys", batch, `{"projectId":"p","stages":["extract-metadata"],"documents":[{"id":"a","key":"a.txt"},{"id":"a","key":"b.txt"}]}`, "documents[1].id"},
		{"no such manifest", batch, `{"projectId":"p","stages":["extract-metadata"],"manifest":"none.jsonl"}`, "manifest"},
		{"manifest line", batch, manifest("bad.jsonl", "{\"id\":\"a\",\"key\":\"a.txt\"}\n\n{\"id\":\"b\""), "manifest line 3"},
		{"manifest that climbs", batch, manifest("climb.jsonl", `{"id":"a","key":"../b.txt"}`), "manifest line 1.key"},
		{"20,001 documents", batch, manifest("many.jsonl", many), "manifest"},
		{"empty manifest", batch, manifest("empty.jsonl", "\n"), "manifest"},
	}
}

func TestBadInputIsRefusedAtTheDoor(t *testing.T) {
	s := newSystem(t)
	s.run(workers.RoleAI) // no GPU: bad input never gets that far
	for i, c := range badInputs(s) {
		t.Run(c.name, func(t *testing.T) {
			err := s.start(fmt.Sprint("bad-", i), c.workflow, c.queue(), c.input).Get(s.ctx, nil)
			f, ok := contract.AsInvalidInput(err)
			require.True(t, ok, "%v", err)
			require.Equal(t, c.field, f.Field)
			require.NotEmpty(t, f.Reason)
		})
	}
	require.Zero(t, s.gpu.begun())
}

// TestPlainJSONIsEnough starts both workflows by name and JSON only, with
// everything left out that has a default.
func TestPlainJSONIsEnough(t *testing.T) {
	s := running(t)
	docs := s.documents("p", 2)
	ids, err := json.Marshal(docs)
	require.NoError(t, err)
	run := s.start("r", contract.WorkflowAIRevision, contract.QueueAIRealtime, `{"task":"generate","prompt":"REQ-1"}`)
	require.NoError(t, run.Get(s.ctx, nil))
	var r contract.BatchResult
	run = s.start("b", contract.WorkflowAIRevisionBatch, contract.QueueAIBatch,
		fmt.Sprintf(`{"projectId":"p","stages":["extract-metadata"],"documents":%s}`, ids))
	require.NoError(t, run.Get(s.ctx, &r))
	require.Equal(t, 2, r.Done)
}

// TestTheWebUIIsTold: the details that the Web UI shows of a workflow say what
// goes on.
func TestTheWebUIIsTold(t *testing.T) {
	s := running(t, closedWindow)
	_, err := s.StartBatch(s.ctx, "b", batchOf("p", s.documents("p", 1)))
	require.NoError(t, err)
	s.phase("b", contract.PhaseHeld)
	for id, want := range map[string]string{
		"b": "held: 0 of 1 documents done, 0 failed (outside the batch window",
		contract.SchedulerID(contract.DefaultGPU): "**Batch is on hold**: outside the batch window",
	} {
		s.eventually(want, func() bool {
			details, err := s.askDetails(id)
			return err == nil && strings.Contains(details, want)
		})
	}
}
