package workers_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"signalbox/workers"
)

// histories are those of earlier versions, one folder for each: a job runs for weeks
// and across deployments. A change of a workflow that fails here needs
// workflow.GetVersion. `make histories` records those of this version.
const histories = "testdata/histories"

func TestHistoriesOfEarlierVersionsReplay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(histories, "*", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	r, err := workers.NewReplayer()
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			var history historypb.History
			require.NoError(t, protojson.Unmarshal(data, &history))
			id := history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
			require.NoError(t, r.ReplayWorkflowHistoryWithOptions(nil, &history, worker.ReplayWorkflowHistoryOptions{
				OriginalExecution: workflow.Execution{ID: id}, // an RFA's is checked
			}))
		})
	}
}
