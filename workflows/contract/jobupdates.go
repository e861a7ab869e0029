package contract

import "time"

// Updates of one batch job.
const (
	// UpdatePauseJob keeps the job off the GPU, UpdateResumeJob ends that.
	UpdatePauseJob  = "pause"
	UpdateResumeJob = "resume"
	// UpdateRequeueFailed has the documents that have failed worked on again.
	UpdateRequeueFailed = "requeue-failed"
)

// JobUpdates are the updates of a batch job. The input of each is an
// OperatorRequest, the answer a JobResult.
func JobUpdates() []OperatorUpdate {
	return []OperatorUpdate{
		{UpdatePauseJob, "Keeps this job off the GPU; {\"for\": \"12h\", \"reason\": …, \"by\": …}.", 12 * time.Hour, 30 * 24 * time.Hour},
		{UpdateResumeJob, "Ends pause.", 0, 0},
		{UpdateRequeueFailed, "Works on the documents again that have failed, after those in hand.", 0, 0},
	}
}

// JobResult answers an update of a batch job.
type JobResult struct {
	// Progress of the job after the update.
	Progress Progress `json:"progress"`
	// Pause of the job, the one that has ended among them.
	Pause Order `json:"pause,omitzero"`
	// OnQueue stage runs are on the GPU or queued for it: a pause lets them end.
	OnQueue int `json:"onQueue"`
	// Requeued documents had failed and are worked on again.
	Requeued int `json:"requeued,omitempty"`
}
