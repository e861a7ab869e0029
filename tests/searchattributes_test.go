package tests

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"

	"signalbox/workers"
	"signalbox/workflows/contract"
)

// listed are the ids of the workflows that a query of the list finds.
func (s *system) listed(query string) []string {
	s.t.Helper()
	r, err := s.client.ListWorkflow(s.ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query})
	require.NoError(s.t, err)
	var ids []string
	for _, w := range r.GetExecutions() {
		ids = append(ids, w.GetExecution().GetWorkflowId())
	}
	slices.Sort(ids)
	return ids
}

// finds waits until a query of the list finds just these workflows.
func (s *system) finds(query string, ids ...string) {
	s.t.Helper()
	s.eventually(query, func() bool { return slices.Equal(ids, s.listed(query)) })
}

// TestWorkflowsAreListedByWhatTheyAreAbout: as the Web UI's filter does it, also
// where a plain start has set nothing.
func TestWorkflowsAreListedByWhatTheyAreAbout(t *testing.T) {
	s := running(t)
	in := suggestion("REQ-1")
	in.ProjectID = "bridge 7"
	_, err := s.StartRevision(s.ctx, "r", in)
	require.NoError(t, err)
	_, err = s.Revision(s.ctx, "r")
	require.NoError(t, err)
	docs := append(s.documents("p", 2), contract.Document{ID: "missing", Key: "in/missing.txt"})
	s.startBatch("b", docs)
	require.Equal(t, 1, s.endBatch("b").Failed)

	s.finds(`SignalboxProject = "bridge 7"`, "r")
	s.finds(`SignalboxTask = "suggest" AND SignalboxDocument = "REQ-1"`, "r")
	s.finds(`SignalboxProject = "p"`, "b")
	s.finds(`SignalboxFailedDocuments > 0`, "b")
}

// TestAServerWithoutTheSearchAttributes: they are registered, and until that is
// known everywhere the workflows do without.
func TestAServerWithoutTheSearchAttributes(t *testing.T) {
	s := newSystemWith(t, nil)
	stop := s.run(workers.AllRoles()...)
	s.answer("r1", "REQ-1")
	s.eventually("they are registered", func() bool { return s.hasAttributes(contract.SearchAttributes()) })
	stop()
	s.run(workers.AllRoles()...)
	s.answer("r2", "REQ-2")
	s.finds(`SignalboxDocument = "REQ-2"`, "r2")
	require.Empty(t, s.listed(`SignalboxDocument = "REQ-1"`), "it was answered without")
}

// TestAServerThatHasThemOtherwise: work goes on, and cannot be listed.
func TestAServerThatHasThemOtherwise(t *testing.T) {
	other := map[string]enumspb.IndexedValueType{contract.AttrProject.GetName(): enumspb.INDEXED_VALUE_TYPE_INT}
	s := newSystemWith(t, other)
	s.run(workers.AllRoles()...)
	s.startBatch("b", s.documents("p", 2))
	require.Equal(t, 2, s.endBatch("b").Done)
	require.True(t, s.hasAttributes(other), "what somebody has is left alone")
	for name := range contract.SearchAttributes() {
		_, there := s.attributes()[name]
		require.Equal(t, name == contract.AttrProject.GetName(), there, name)
	}
}

// attributes are the namespace's search attributes.
func (s *system) attributes() map[string]enumspb.IndexedValueType {
	s.t.Helper()
	r, err := s.client.OperatorService().ListSearchAttributes(s.ctx, &operatorservice.ListSearchAttributesRequest{Namespace: "default"})
	require.NoError(s.t, err)
	return r.GetCustomAttributes()
}

// hasAttributes reports whether the namespace has these search attributes.
func (s *system) hasAttributes(want map[string]enumspb.IndexedValueType) bool {
	s.t.Helper()
	have := s.attributes()
	maps.DeleteFunc(have, func(name string, _ enumspb.IndexedValueType) bool { _, ours := want[name]; return !ours })
	return maps.Equal(have, want)
}
