package workers

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"signalbox/activities"
	"signalbox/workflows"
	"signalbox/workflows/contract"
)

// NewGPU is the worker on the gpu queue.
func NewGPU(c client.Client, a *activities.GPU) worker.Worker {
	w := worker.New(c, contract.QueueGPU, GPUOptions())
	registerActivity(w, contract.ActivityRunRevision, a.RunRevision)
	registerActivity(w, contract.ActivityRunStage, a.RunStage)
	return w
}

// NewControl is the worker on gpu-control; it lives in the process of the gpu
// worker, because its activities reach the device there.
func NewControl(c client.Client, a *activities.Control) worker.Worker {
	w := worker.New(c, contract.QueueGPUControl, ControlOptions())
	registerActivity(w, contract.ActivityYieldGPU, a.YieldGPU)
	registerActivity(w, contract.ActivitySetGate, a.SetGate)
	registerActivity(w, contract.ActivityAwaitGPU, a.AwaitGPU)
	return w
}

// NewHost is the worker on a GPU worker's own queue.
func NewHost(c client.Client, instance string, a *activities.Owner) worker.Worker {
	w := worker.New(c, contract.QueueGPUHost(instance), hostOptions())
	registerActivity(w, contract.ActivityHoldGPU, a.HoldGPU)
	return w
}

// NewOwner is the worker on gpu-owner. Schedulers and GPU workers both run
// one, so that realtime never needs the scheduler's.
func NewOwner(c client.Client) worker.Worker {
	w := worker.New(c, contract.QueueGPUOwner, workflowOptions())
	registerWorkflow(w, contract.WorkflowGPUOwner, workflows.GPUOwner)
	return w
}

// NewScheduler is the worker on gpu-scheduler.
func NewScheduler(c client.Client, a *activities.Scheduler) worker.Worker {
	w := worker.New(c, contract.QueueGPUScheduler, workflowOptions())
	registerWorkflow(w, contract.WorkflowGPUScheduler, workflows.GPUScheduler)
	registerActivity(w, contract.ActivityReconcile, a.Reconcile)
	return w
}

// NewRealtime is the worker on ai-realtime.
func NewRealtime(c client.Client, ai *workflows.AI, a *activities.Documents) worker.Worker {
	w := worker.New(c, contract.QueueAIRealtime, workflowOptions())
	registerWorkflow(w, contract.WorkflowAIRevision, ai.AIRevision)
	registerActivity(w, contract.ActivityResolveText, a.ResolveText)
	return w
}

// NewBatch is the worker on ai-batch.
func NewBatch(c client.Client, ai *workflows.AI, a *activities.Documents, e *activities.Events) worker.Worker {
	w := worker.New(c, contract.QueueAIBatch, workflowOptions())
	registerWorkflow(w, contract.WorkflowAIRevisionBatch, ai.AIRevisionBatch)
	registerWorkflow(w, contract.WorkflowEventDelivery, ai.EventDelivery)
	registerActivity(w, contract.ActivitySendEvents, e.SendEvents)
	registerActivity(w, contract.ActivityPrepareChunk, a.PrepareChunk)
	registerActivity(w, contract.ActivityRecordChunk, a.RecordChunk)
	registerActivity(w, contract.ActivityFinishReport, a.FinishReport)
	return w
}

// NewRFAApproval is the worker on rfa-approval.
func NewRFAApproval(c client.Client, w *workflows.RFA, n *activities.Notices, e *activities.Events, r *activities.RFARecords) worker.Worker {
	q := worker.New(c, contract.QueueRFAApproval, activitySlots(approvalSlots))
	registerWorkflow(q, contract.WorkflowRFAApproval, w.RFAApproval)
	registerActivity(q, contract.ActivitySendNotice, n.SendNotice)
	registerActivity(q, contract.ActivitySendEvents, e.SendEvents)
	registerActivity(q, contract.ActivityRecordRFA, r.RecordRFA)
	return q
}

// NewRFAReminders is the worker on rfa-reminders: five at a time.
func NewRFAReminders(c client.Client, w *workflows.RFA, n *activities.Notices) worker.Worker {
	q := worker.New(c, contract.QueueRFAReminders, activitySlots(reminderSlots))
	registerWorkflow(q, contract.WorkflowRFAReminders, w.RFAReminders)
	registerActivity(q, contract.ActivitySendNotice, n.SendNotice)
	return q
}

// NewRFADistribution is the worker on rfa-distribution: three at a time.
func NewRFADistribution(c client.Client, w *workflows.RFA, n *activities.Notices, e *activities.Events, r *activities.RFARecords) worker.Worker {
	q := worker.New(c, contract.QueueRFADistribution, activitySlots(distributionSlots))
	registerWorkflow(q, contract.WorkflowRFADistribution, w.RFADistribution)
	registerActivity(q, contract.ActivitySendNotice, n.SendNotice)
	registerActivity(q, contract.ActivitySendEvents, e.SendEvents)
	registerActivity(q, contract.ActivityRecordDistribution, r.RecordDistribution)
	return q
}

func registerActivity(w worker.Worker, name string, fn any) {
	w.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
}

// NewReplayer replays histories with the workflows as the workers run them: a
// history that one version has made has to make sense to the next.
func NewReplayer() (worker.WorkflowReplayer, error) {
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{})
	if err != nil {
		return nil, err
	}
	ai, rfa := &workflows.AI{}, &workflows.RFA{}
	for name, fn := range map[string]any{
		contract.WorkflowGPUOwner: workflows.GPUOwner, contract.WorkflowGPUScheduler: workflows.GPUScheduler,
		contract.WorkflowAIRevision: ai.AIRevision, contract.WorkflowAIRevisionBatch: ai.AIRevisionBatch,
		contract.WorkflowRFAApproval: rfa.RFAApproval, contract.WorkflowRFAReminders: rfa.RFAReminders,
		contract.WorkflowRFADistribution: rfa.RFADistribution, contract.WorkflowEventDelivery: ai.EventDelivery,
	} {
		registerWorkflow(r, name, fn)
	}
	return r, nil
}

// workflowRegistry is a worker or a replayer.
type workflowRegistry interface {
	RegisterWorkflowWithOptions(fn any, options workflow.RegisterOptions)
}

func registerWorkflow(w workflowRegistry, name string, fn any) {
	w.RegisterWorkflowWithOptions(fn, workflow.RegisterOptions{Name: name})
}
