package tests

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/internal/store"
	"signalbox/workflows/contract"
)

// checkDocuments looks at the output of every document of a job.
func (s *system) checkDocuments(project, batch string, docs []contract.Document) {
	s.t.Helper()
	for _, d := range docs {
		var out contract.StageOutput
		require.NoError(s.t, s.docs.ReadJSON(s.ctx, store.StageKey(project, batch, d.ID, contract.StageExtractMetadata), &out))
		require.Equal(s.t, d.ID, out.DocumentID)
		require.Equal(s.t, s.sim != nil, out.Simulated, "what a simulated model has said is labelled")
		s.checkFields(out.Output, marker.FindString(d.ID))
	}
}

// checkFields looks at the fields that whichever model proposed.
func (s *system) checkFields(raw json.RawMessage, number string) {
	s.t.Helper()
	if s.sim == nil {
		checkRealFields(s.t, raw, s.fields)
		return
	}
	checkFields(s.t, raw, number)
}

// checkFields looks at the fields proposed for the letter with that number.
func checkFields(t *testing.T, raw json.RawMessage, number string) {
	t.Helper()
	var out contract.SuggestOutput
	require.NoError(t, json.Unmarshal(raw, &out))
	require.Equal(t, number, out.Fields["documentNumber"].Value)
	require.Equal(t, "Letter "+number+" about the bridge", out.Fields["title"].Value)
	require.Equal(t, "Structural", out.Fields["discipline"].Value)
	require.Equal(t, contract.BandHigh, out.Fields["title"].Band)
	require.Contains(t, letter(number), out.Fields["title"].Evidence)
}

// checkReport looks at a job's report: one line for each document, in order.
func (s *system) checkReport(project string, r contract.BatchResult, docs []contract.Document) {
	s.t.Helper()
	data, err := s.docs.ReadDocument(s.ctx, project, r.Report, 1<<20)
	require.NoError(s.t, err)
	dec := json.NewDecoder(bytes.NewReader(data))
	for _, d := range docs {
		var line contract.DocumentReport
		require.NoError(s.t, dec.Decode(&line))
		require.Equal(s.t, d.ID, line.ID)
		require.Equal(s.t, contract.DocDone, line.State)
	}
	require.False(s.t, dec.More(), "one line for each document")
	require.Equal(s.t, r.Total, r.Done+r.Failed+r.Cancelled)
}

// reportStates counts the lines of a job's report by state.
func (s *system) reportStates(project, batch string) map[contract.DocumentState]int {
	s.t.Helper()
	data, err := s.docs.Read(s.ctx, store.ReportPath(project, batch))
	require.NoError(s.t, err)
	states := map[contract.DocumentState]int{}
	for dec := json.NewDecoder(bytes.NewReader(data)); dec.More(); {
		var line contract.DocumentReport
		require.NoError(s.t, dec.Decode(&line))
		states[line.State]++
	}
	return states
}
