package tests

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"signalbox/internal/devserver"
)

// TestTheSettingsOfAClusterOfOnesOwn: what deploy/ tells a Temporal server is
// what the embedded one is told, and what has to be told is there.
func TestTheSettingsOfAClusterOfOnesOwn(t *testing.T) {
	data, err := os.ReadFile("../deploy/temporal/dynamicconfig.yaml")
	require.NoError(t, err)
	var file map[string][]struct{ Value any }
	require.NoError(t, yaml.Unmarshal(data, &file))
	embedded := devserver.Settings()
	for name, values := range file {
		require.Contains(t, embedded, name, "a setting that nothing was tested with")
		require.Len(t, values, 1, name)
		require.Equal(t, fmt.Sprint(embedded[name]), fmt.Sprint(values[0].Value), name)
	}
	for _, name := range []string{
		"matching.numTaskqueueReadPartitions", "matching.numTaskqueueWritePartitions",
		"history.transferProcessorMaxPollRPS", "history.timerProcessorMaxPollRPS", "history.visibilityProcessorMaxPollRPS",
		"history.defaultWorkflowTaskTimeout",
	} {
		require.Contains(t, file, name)
	}
}
