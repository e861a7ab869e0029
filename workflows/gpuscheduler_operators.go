package workflows

import (
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"signalbox/internal/scheduling"
	"signalbox/workflows/contract"
)

// confirmWait is how long an operator's update waits for the device to have it;
// the gate is given contract.GateTimeout, and once more after that.
const confirmWait = 6 * time.Second

// orders are what the updates for operators change.
var orders = map[string]struct {
	kind scheduling.OrderKind
	on   bool
}{
	contract.UpdatePauseBatch:     {scheduling.OrderPause, true},
	contract.UpdateResumeBatch:    {scheduling.OrderPause, false},
	contract.UpdateOverrideWindow: {scheduling.OrderOverride, true},
	contract.UpdateEndOverride:    {scheduling.OrderOverride, false},
	contract.UpdateDrain:          {scheduling.OrderDrain, true},
	contract.UpdateUndrain:        {scheduling.OrderDrain, false},
}

// obey sets the updates for operators up.
func (s *scheduler) obey(ctx workflow.Context) error {
	for _, u := range contract.OperatorUpdates() {
		err := operatorUpdate(ctx, u, nil,
			func(ctx workflow.Context, r contract.OperatorRequest, lasts time.Duration) (contract.OperatorResult, error) {
				return s.operate(ctx, u.Name, r, lasts)
			})
		if err != nil {
			return err
		}
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateSetPriority, s.setPriority, workflow.UpdateHandlerOptions{
		Description: "Gives a waiting batch job another priority; {\"job\": …, \"priority\": 1 to 5}.",
		Validator: func(raw converter.RawValue) error {
			r, err := contract.DecodePriorityRequest(raw.Payload().GetData())
			if err == nil && !s.state.Registered(r.Job) {
				err = &contract.FieldError{Field: "job", Reason: "no job " + r.Job + " is registered with the scheduler"}
			}
			if err != nil {
				return contract.NewInvalidInput(err)
			}
			return nil
		},
	})
}

// setPriority changes the order of the line, and tells the job, which says it to
// whatever scheduler comes after this one.
func (s *scheduler) setPriority(ctx workflow.Context, raw converter.RawValue) (contract.PriorityResult, error) {
	r, err := contract.DecodePriorityRequest(raw.Payload().GetData())
	if err != nil {
		return contract.PriorityResult{}, contract.NewInvalidInput(err)
	}
	was, _ := s.state.SetPriority(r.Job, r.Priority)
	s.dirty = true
	s.outgoing++
	err = workflow.SignalExternalWorkflow(ctx, r.Job, "", contract.SignalPriority, r.Priority).Get(ctx, nil)
	s.outgoing--
	if err != nil {
		return contract.PriorityResult{}, contract.NewInvalidInput(&contract.FieldError{Field: "job", Reason: r.Job + " has ended"})
	}
	return contract.PriorityResult{Job: r.Job, Was: was, Now: r.Priority, Position: s.state.Position(r.Job)}, nil
}

// operate records an order, and waits until the device has it. Made twice it is
// the same order: what it says is what holds.
func (s *scheduler) operate(
	ctx workflow.Context, update string, r contract.OperatorRequest, lasts time.Duration,
) (contract.OperatorResult, error) {
	o := endedOrder(r)
	if orders[update].on {
		o = ordered(ctx, r, lasts)
	}
	s.state.Order(orders[update].kind, o)
	s.dirty = true
	confirmed, err := workflow.AwaitWithTimeout(ctx, confirmWait, func() bool { return s.state.Confirmed() })
	if err != nil {
		return contract.OperatorResult{}, err
	}
	v := s.state.Verdict(workflow.Now(ctx))
	return contract.OperatorResult{Pending: !confirmed, Orders: s.state.Gate.Orders, Open: v.Open, Reason: v.Reason}, nil
}
