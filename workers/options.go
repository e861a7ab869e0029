package workers

import (
	"time"

	"go.temporal.io/sdk/worker"
)

// Limits of the workers.
const (
	// heartbeatThrottle lets a cancel reach a GPU activity within half a
	// second; the SDK's default is up to a minute.
	heartbeatThrottle = 500 * time.Millisecond
	// controlSlots is how many rings may be answered at once.
	controlSlots = 1000
	// stopGrace is how long a worker that stops waits for its activities. A
	// batch run makes way at once; a realtime run may end its model call.
	stopGrace = 30 * time.Second
)

// GPUOptions are the options of the one worker on the gpu queue: one slot, one
// poller, no workflows, no sessions, unversioned. Anything else would let two
// runs onto the GPU, or prefetch a task that another host should have.
func GPUOptions() worker.Options {
	return worker.Options{
		MaxConcurrentActivityExecutionSize: 1,
		MaxConcurrentActivityTaskPollers:   1,
		DisableWorkflowWorker:              true,
		EnableSessionWorker:                false,
		MaxHeartbeatThrottleInterval:       heartbeatThrottle,
		DisableRegistrationAliasing:        true,
		WorkerStopTimeout:                  stopGrace,
	}
}

// ControlOptions are the options of the worker on gpu-control.
func ControlOptions() worker.Options {
	return worker.Options{
		MaxConcurrentActivityExecutionSize: controlSlots,
		DisableWorkflowWorker:              true,
		DisableRegistrationAliasing:        true,
		WorkerStopTimeout:                  time.Second,
	}
}

// hostOptions are those of a GPU worker's own queue, with its one activity.
func hostOptions() worker.Options {
	return worker.Options{
		MaxConcurrentActivityExecutionSize: 1,
		MaxConcurrentActivityTaskPollers:   1,
		DisableWorkflowWorker:              true,
		DisableRegistrationAliasing:        true,
		WorkerStopTimeout:                  2 * time.Second,
	}
}

// At once of the approvals' queues: no mail server likes a thousand connections.
const (
	approvalSlots     = 10
	reminderSlots     = 5
	distributionSlots = 3
)

// activitySlots are the options of a worker whose activities are so many at once.
func activitySlots(n int) worker.Options {
	o := workflowOptions()
	o.MaxConcurrentActivityExecutionSize = n
	return o
}

// workflowOptions are those of a worker with workflows and the activities that
// need no GPU.
func workflowOptions() worker.Options {
	return worker.Options{
		DisableEagerActivities:      true,
		DisableRegistrationAliasing: true,
		WorkerStopTimeout:           5 * time.Second,
	}
}
