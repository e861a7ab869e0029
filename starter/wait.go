package starter

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"signalbox/workflows/contract"
)

// Times of a wait.
const (
	// takenWithin is how long a request may lie there before a worker takes it up:
	// one that restarts takes seconds.
	takenWithin = 10 * time.Second
	// retryEvery is the pause before Temporal is asked again that does not answer.
	retryEvery = time.Second
	// askEvery is how often the server is asked anew whether a workflow has ended. It
	// answers a question that waits at the end itself, but for one in thousands while
	// it is busy, which it answers after 20 s (server v1.32.1 drops the news where the
	// one before was not read yet, and history.longPollExpirationInterval ends the wait).
	askEvery = 3 * time.Second
)

// Revision waits for a realtime request's result. A request that no worker takes
// up is AIServiceUnavailable too: nobody runs the ai role.
func (s *Starter) Revision(ctx context.Context, key string) (contract.RevisionResult, error) {
	var r contract.RevisionResult
	watch, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		if err := s.taken(watch, key); err != nil {
			stop(err)
		}
	}()
	err := s.wait(watch, key, &r)
	if u, ok := contract.AsUnavailable(context.Cause(watch)); ok && err != nil {
		return r, contract.NewUnavailable(u)
	}
	return r, err
}

// Batch waits for a batch job's result, for as long as that takes.
func (s *Starter) Batch(ctx context.Context, key string) (contract.BatchResult, error) {
	var r contract.BatchResult
	return r, s.wait(ctx, key, &r)
}

// wait waits for a result, also while Temporal is away.
func (s *Starter) wait(ctx context.Context, key string, into any) error {
	for {
		asked, err := s.ask(ctx, key, into)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if asked { // for long enough
			continue
		}
		if !away(err) {
			return notFound(key, err)
		}
		pause(ctx, retryEvery)
	}
}

// ask asks once for a result; asked is that it has waited askEvery for one.
func (s *Starter) ask(ctx context.Context, key string, into any) (asked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askEvery)
	defer cancel()
	err = s.client.GetWorkflow(ctx, key, "").Get(ctx, into)
	return err != nil && ctx.Err() != nil, err
}

// away reports that Temporal has not answered.
func away(err error) bool {
	var unavailable *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	return errors.As(err, &unavailable) || errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded)
}

// taken waits until a worker has taken a request up. It returns an error when
// none has within takenWithin.
func (s *Starter) taken(ctx context.Context, key string) error {
	for {
		pause(ctx, takenWithin/5)
		d, err := s.client.DescribeWorkflowExecution(ctx, key, "")
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			continue
		}
		task := d.GetPendingWorkflowTask()
		const untouched = 2 // events: its start, and that a task is scheduled
		if d.GetWorkflowExecutionInfo().GetHistoryLength() > untouched || task.GetState() != enumspb.PENDING_WORKFLOW_TASK_STATE_SCHEDULED {
			return nil
		}
		if waits := time.Since(task.GetOriginalScheduledTime().AsTime()); waits > takenWithin {
			return contract.NewUnavailable(contract.Unavailable{
				Reason: contract.ReasonHostGone, Detail: "no worker with the ai role has taken the request up",
			})
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
