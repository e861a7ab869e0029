package workers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/workers"
)

// Anything else would let two runs onto the GPU, or prefetch a task that
// another host should have.
func TestTheGPUWorkerHasOneSlotOfEverything(t *testing.T) {
	o := workers.GPUOptions()
	require.Equal(t, 1, o.MaxConcurrentActivityExecutionSize)
	require.Equal(t, 1, o.MaxConcurrentActivityTaskPollers)
	require.True(t, o.DisableWorkflowWorker, "no workflows")
	require.False(t, o.EnableSessionWorker, "sessions have slots of their own")
	require.Nil(t, o.Tuner)
	require.Nil(t, o.ActivityTaskPollerBehavior)
	require.False(t, o.DeploymentOptions.UseVersioning, "two live versions would be two workers")
}

func TestParseRoles(t *testing.T) {
	roles, err := workers.ParseRoles([]string{"gpu", " ai", "gpu"})
	require.NoError(t, err)
	require.Equal(t, []workers.Role{workers.RoleGPU, workers.RoleAI}, roles)
	_, err = workers.ParseRoles([]string{"cook"})
	require.ErrorContains(t, err, `role "cook" is unknown; allowed are gpu, ai, scheduler`)
}
