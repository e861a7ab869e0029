package workers

import (
	"context"
	"fmt"
	"slices"
	"time"

	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"signalbox/workflows/contract"
)

// lookTimeout bounds one look at what a Temporal server has.
const lookTimeout = 5 * time.Second

// leastRetention is how long closed workflows should be kept: results, failures
// and approvals are looked at later.
const leastRetention = 30 * 24 * time.Hour

// checkServer looks at those settings of the Temporal server that Signalbox
// depends on and that can be asked for, and says which are not as they should be.
func (p *Process) checkServer(ctx context.Context) (warnings []string) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	api := p.Client.WorkflowService()
	queue, err := api.ListTaskQueuePartitions(ctx, &workflowservice.ListTaskQueuePartitionsRequest{
		Namespace: p.Namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: contract.QueueGPU},
	})
	switch n := len(queue.GetActivityTaskQueuePartitions()); {
	case err != nil:
		warnings = append(warnings, "how many partitions the task queue gpu has cannot be asked for; it has to be 1: "+err.Error())
	case n > 1:
		warnings = append(warnings, fmt.Sprintf("the task queue gpu has %d partitions, so that documents may overtake people who wait; "+
			"set matching.numTaskqueueReadPartitions and matching.numTaskqueueWritePartitions to 1 (deploy/temporal/dynamicconfig.yaml)", n))
	}
	namespace, err := api.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: p.Namespace})
	kept := namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	if err == nil && kept > 0 && kept < leastRetention {
		warnings = append(warnings, fmt.Sprintf("namespace %s forgets what has ended after %s; %s is better", p.Namespace, kept, leastRetention))
	}
	return warnings
}

// checkConfig says where this host's configuration differs from that of the
// scheduler, whose file counts; known is false where no scheduler answered.
func (p *Process) checkConfig(ctx context.Context) (warning string, known bool) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	answer, err := p.Client.QueryWorkflow(ctx, contract.SchedulerID(contract.DefaultGPU), "", contract.QueryStatus)
	if err != nil {
		return "", false
	}
	var status contract.SchedulerStatus
	if answer.Get(&status) != nil || status.Config.Hash == p.Config.Hash() {
		return "", true
	}
	return fmt.Sprintf("this host's schedule or models (hash %s) differ from those of the scheduler on %s (hash %s): "+
		"the schedule there counts, the models here", p.Config.Hash(), status.Config.Host, status.Config.Hash), true
}

// check says what is not as it should be: once, and of the configuration as soon
// as a scheduler can be asked.
func (p *Process) check(ctx context.Context, roles []Role) {
	warnings := p.checkServer(ctx)
	if ctx.Err() != nil {
		return // an answer that did not come is not the server's fault
	}
	for _, warning := range warnings {
		p.Logger.Warn(warning)
	}
	p.Logger.Info("looked at the Temporal server's settings", "warnings", len(warnings))
	for !slices.Contains(roles, RoleScheduler) && ctx.Err() == nil { // which brings its configuration
		if warning, known := p.checkConfig(ctx); known {
			if warning != "" {
				p.Logger.Warn(warning)
			}
			return
		}
		wait(ctx, contract.KeepEvery)
	}
}
