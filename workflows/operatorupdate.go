package workflows

import (
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"signalbox/workflows/contract"
)

// operatorUpdate sets one of the updates for operators up: its input is decoded and
// checked before it is accepted, and refuse may say why it is not, nil for never.
func operatorUpdate[T any](
	ctx workflow.Context, u contract.OperatorUpdate, refuse func() error,
	do func(ctx workflow.Context, r contract.OperatorRequest, lasts time.Duration) (T, error),
) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, u.Name,
		func(ctx workflow.Context, raw converter.RawValue) (T, error) {
			r, lasts, err := contract.DecodeOperatorRequest(u, raw.Payload().GetData())
			if err != nil {
				var none T
				return none, contract.NewInvalidInput(err)
			}
			return do(ctx, r, lasts)
		},
		workflow.UpdateHandlerOptions{Description: u.Help, Validator: func(raw converter.RawValue) error {
			_, _, err := contract.DecodeOperatorRequest(u, raw.Payload().GetData())
			if err == nil && refuse != nil {
				err = refuse()
			}
			if err != nil {
				return contract.NewInvalidInput(err)
			}
			return nil
		}})
}

// ordered is the order that lasts for so long from now on.
func ordered(ctx workflow.Context, r contract.OperatorRequest, lasts time.Duration) contract.Order {
	return contract.Order{State: contract.OrderOn, Reason: r.Reason, By: r.By, Until: workflow.Now(ctx).Add(lasts).UTC()}
}

// endedOrder is the word that an order has ended.
func endedOrder(r contract.OperatorRequest) contract.Order {
	return contract.Order{State: contract.OrderOff, Reason: r.Reason, By: r.By}
}
