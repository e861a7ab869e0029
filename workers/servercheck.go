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

// leastRetention is how long closed workflows should be kept: results, failures
// and approvals are looked at later.
const leastRetention = 30 * 24 * time.Hour

// checkServer looks at those settings of the Temporal server that Signalbox
// depends on and that can be asked for, and says which are not as they should be.
func (p *Process) checkServer(ctx context.Context) (warnings []string) {
	ctx, cancel := context.WithTimeout(ctx, attributesTimeout)
	defer cancel()
	api := p.Client.WorkflowService()
	queue, err := api.ListTaskQueuePartitions(ctx, &workflowservice.ListTaskQueuePartitionsRequest{
		Namespace: p.Namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: contract.QueueGPU},
	})
	switch n := len(queue.GetActivityTaskQueuePartitions()); {
	case err != nil:
		warnings = append(warnings, "how many partitions the task queue gpu has is not known: "+err.Error())
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
// scheduler, whose file counts. Nothing where there is no scheduler to ask.
func (p *Process) checkConfig(ctx context.Context) (warnings []string) {
	ctx, cancel := context.WithTimeout(ctx, attributesTimeout)
	defer cancel()
	answer, err := p.Client.QueryWorkflow(ctx, contract.SchedulerID(contract.DefaultGPU), "", contract.QueryStatus)
	if err != nil {
		return nil
	}
	var status contract.SchedulerStatus
	if answer.Get(&status) != nil || status.Config.Hash == p.Config.Hash() {
		return nil
	}
	return append(warnings, fmt.Sprintf("this host's schedule or models (hash %s) differ from those of the scheduler on %s (hash %s): "+
		"the schedule there counts, the models here", p.Config.Hash(), status.Config.Host, status.Config.Hash))
}

// check says, once, what is not as it should be.
func (p *Process) check(ctx context.Context, roles []Role) {
	warnings := p.checkServer(ctx)
	if !slices.Contains(roles, RoleScheduler) { // which brings its configuration
		warnings = append(warnings, p.checkConfig(ctx)...)
	}
	if ctx.Err() != nil {
		return // an answer that did not come is not the server's fault
	}
	for _, warning := range warnings {
		p.Logger.Warn(warning)
	}
	p.Logger.Info("looked at the Temporal server's settings", "warnings", len(warnings))
}
