package tests

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/realollama"
	"signalbox/internal/testdoc"
	"signalbox/workflows/contract"
)

// ask starts a request and returns its result with the output in into.
func (s *system) ask(key string, in contract.RevisionInput, into any) (contract.RevisionResult, error) {
	s.t.Helper()
	_, err := s.StartRevision(s.ctx, key, in)
	require.NoError(s.t, err)
	r, err := s.Revision(s.ctx, key)
	if err == nil {
		require.NoError(s.t, json.Unmarshal(r.Output, into))
	}
	return r, err
}

func question(contexts ...contract.Context) contract.RevisionInput {
	return contract.RevisionInput{Task: contract.TaskRAGQuery, Question: "How deep are the piles?", Contexts: contexts}
}

var passages = []contract.Context{
	{ID: "ms-17", Title: "Method statement", Text: "The piles are 21 m deep."},
	{ID: "dwg/311", Text: "The deck is 9 m wide."},
}

func TestQuestionsSimulated(t *testing.T) {
	s := running(t)
	var a contract.RAGAnswer
	r, err := s.ask("q", question(passages...), &a)
	require.NoError(t, err)
	require.True(t, r.Simulated)
	require.True(t, a.Found)
	require.Contains(t, a.Answer, "The piles are 21 m deep.")
	require.Equal(t, []contract.Citation{{Context: "ms-17", Quote: "The piles are 21 m deep."}}, a.Citations)
	_, err = s.ask("other", question(passages[1]), &a)
	require.NoError(t, err)
	require.False(t, a.Found, "the passages do not say")

	in := question()
	in.ProjectID, in.Source = "p", "in/ms.txt"
	s.put("", in.Source, []byte("The piles are 21 m deep."))
	r, err = s.ask("source", in, &a)
	require.NoError(t, err)
	require.Equal(t, contract.TextDocument, r.Source.Origin)
}

func TestVectorsSimulated(t *testing.T) { vectors(t, running(t), 768) }

func TestVectorsReal(t *testing.T) { vectors(t, runningReal(t), realollama.Dimensions) }

func vectors(t *testing.T, s *system, dimensions int) {
	var v contract.Vectors
	r, err := s.ask("document", contract.RevisionInput{Task: contract.TaskEmbed, Texts: []string{"piles", "deck", "piles"}}, &v)
	require.NoError(t, err)
	require.Equal(t, s.sim != nil, r.Simulated)
	require.Equal(t, dimensions, v.Dimensions)
	require.Len(t, v.Vectors, 3)
	require.Equal(t, v.Vectors[0], v.Vectors[2])
	require.NotEqual(t, v.Vectors[0], v.Vectors[1])
	var q contract.Vectors
	_, err = s.ask("query", contract.RevisionInput{Task: contract.TaskEmbed, Purpose: contract.PurposeQuery, Texts: []string{"piles"}}, &q)
	require.NoError(t, err)
	require.NotEqual(t, v.Vectors[0], q.Vectors[0], "a query has another prefix")
}

func TestQuestionsReal(t *testing.T) {
	s := runningReal(t)
	var a contract.RAGAnswer
	r, err := s.ask("q", question(passages...), &a)
	require.NoError(t, err)
	require.False(t, r.Simulated)
	require.Equal(t, a.Found, a.Answer != "", "not found says nothing else")
	require.Empty(t, a.Citations, "the model of the tests makes its quotes up")
	if a.Found {
		require.Contains(t, a.Flags, contract.FlagUncited)
	}
	var text map[string]string
	_, err = s.ask("g", contract.RevisionInput{Task: contract.TaskGenerate, Prompt: "Say something"}, &text)
	require.NoError(t, err)
	require.Equal(t, realollama.Answer, text["text"])
}

// TestSourcesSimulated: fields of a scanned document, by its key in the store.
func TestSourcesSimulated(t *testing.T) {
	needPoppler(t)
	s := running(t)
	s.put("", "scan.pdf", testdoc.ScannedPDF(1, 2, 3))
	s.put("", "broken.pdf", []byte("no PDF"))
	in := contract.RevisionInput{Task: contract.TaskSuggest, ProjectID: "p", Source: "scan.pdf", Pages: 2, Fields: []string{"title"}}
	var out contract.SuggestOutput
	r, err := s.ask("scan", in, &out)
	require.NoError(t, err)
	require.Equal(t, contract.TextOCR, r.Source.Origin)
	require.Equal(t, 2, r.Source.Pages)
	require.Equal(t, 3, s.gpu.begun(), "two pages and the question, in one run on the GPU")
	in.DocumentID = "again"
	_, err = s.ask("again", in, &out)
	require.NoError(t, err)
	require.Equal(t, 4, s.gpu.begun(), "the pages are not read again")

	for source, want := range map[string]string{
		"none.txt": "not found", "broken.pdf": "cannot be read as PDF",
	} {
		in.Source = source
		_, err = s.ask(source, in, &out)
		f, ok := contract.AsInvalidInput(err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "source", f.Field)
		require.Contains(t, f.Reason, want)
	}
}
