package workers_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

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
			require.NoError(t, r.ReplayWorkflowHistoryFromJSONFile(nil, file))
		})
	}
}
