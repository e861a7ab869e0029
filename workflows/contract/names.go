package contract

// Task queues. The GPU activities of both AI classes share QueueGPU: its one
// slot is what keeps two jobs off the card.
const (
	QueueGPU          = "gpu"
	QueueGPUControl   = "gpu-control"
	QueueGPUOwner     = "gpu-owner"
	QueueGPUScheduler = "gpu-scheduler"
	QueueAIRealtime   = "ai-realtime"
	QueueAIBatch      = "ai-batch"
	// The queues of approvals need no GPU.
	QueueRFAApproval     = "rfa-approval"
	QueueRFAReminders    = "rfa-reminders"
	QueueRFADistribution = "rfa-distribution"
)

// QueueGPUHost is the queue of one GPU worker's own HoldGPU activity.
func QueueGPUHost(instance string) string { return "gpu-host-" + instance }

// Workflow types, as the Web UI, the CLI and every SDK start them.
const (
	WorkflowAIRevision      = "AIRevision"
	WorkflowAIRevisionBatch = "AIRevisionBatch"
	WorkflowGPUScheduler    = "GPUScheduler"
	WorkflowGPUOwner        = "GPUOwner"
	WorkflowRFAApproval     = "RFAApproval"
	WorkflowRFAReminders    = "RFAReminders"
	WorkflowRFADistribution = "RFADistribution"
	// WorkflowEventDelivery delivers events of a batch job, which does not wait for it.
	WorkflowEventDelivery = "EventDelivery"
)

// SchedulerID is the workflow id of the scheduler of one GPU.
// The default GPU's scheduler has the plain name.
func SchedulerID(gpu string) string { return gpuID("gpu-scheduler", gpu) }

// OwnerID is the workflow id of the claim on one GPU.
func OwnerID(gpu string) string { return "gpu-owner/" + gpu }

// DefaultGPU is the one GPU that is served now. A second one would be a second
// lane, with ids and queues of its own.
const DefaultGPU = "gpu0"

func gpuID(base, gpu string) string {
	if gpu == "" || gpu == DefaultGPU {
		return base
	}
	return base + "/" + gpu
}

// Activity types.
const (
	ActivityRunRevision        = "RunRevision"
	ActivityRunStage           = "RunStage"
	ActivityResolveText        = "ResolveText"
	ActivityYieldGPU           = "YieldGPU"
	ActivitySetGate            = "SetGate"
	ActivityAwaitGPU           = "AwaitGPU"
	ActivityHoldGPU            = "HoldGPU"
	ActivityReconcile          = "Reconcile"
	ActivityPrepareChunk       = "PrepareChunk"
	ActivityRecordChunk        = "RecordChunk"
	ActivityFinishReport       = "FinishReport"
	ActivitySendNotice         = "SendNotice"
	ActivitySendEvents         = "SendEvents"
	ActivityRecordRFA          = "RecordRFA"
	ActivityRecordDistribution = "RecordDistribution"
)

// Signals.
const (
	// SignalDirective goes from the scheduler to a batch job: open or hold.
	SignalDirective = "directive"
	// SignalRegister goes from a batch job to the scheduler.
	SignalRegister = "register"
	// SignalFinishing says that a job has at most two stages left.
	SignalFinishing = "finishing"
	// SignalJobEnded is a job's last word to the scheduler.
	SignalJobEnded = "job-ended"
	// SignalAskRegister asks a running job to register.
	SignalAskRegister = "ask-register"
	// SignalPriority brings a batch job the priority that an operator gave it.
	SignalPriority = "priority"
	// SignalGPUState is the device's news to the scheduler.
	SignalGPUState = "gpu-state"
	// SignalHostGone says that the GPU host's claim has ended.
	SignalHostGone = "host-gone"
	// SignalReview brings RFAReminders the whole state of the review.
	SignalReview = "review"
	// SignalReminded brings RFAApproval the reminders that were sent.
	SignalReminded = "reminded"
)

// Updates of the scheduler.
const (
	// UpdateConfigure brings the scheduler role's configuration.
	UpdateConfigure = "configure"
	// UpdateSetPriority gives a batch job another priority.
	UpdateSetPriority = "set-priority"
)

// Queries.
const (
	// QueryProgress is answered by AIRevision and AIRevisionBatch.
	QueryProgress = "progress"
	// QueryDocuments is answered by AIRevisionBatch.
	QueryDocuments = "documents"
	// QueryStatus is answered by GPUScheduler, and by the workflows of an RFA.
	QueryStatus = "status"
	// QueryJob is what GPUScheduler says of one job, a JobStatus; its argument is
	// the job's id.
	QueryJob = "job"
	// QueryJobs lists the ids of the jobs that are registered with GPUScheduler.
	QueryJobs = "jobs"
)

// Priority keys on the gpu queue; 1 goes first.
const (
	PriorityRealtime = 1
	PriorityBatch    = 5
)
