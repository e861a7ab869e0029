package workflows

import (
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"signalbox/internal/approval"
	"signalbox/workflows/contract"
)

// obey sets the updates up. Whatever is refused leaves no trace.
func (a *rfaApproval) obey(ctx workflow.Context) error {
	for _, u := range contract.RFAUpdates() {
		check := func(raw converter.RawValue, at approval.Moment) (contract.RFARequest, error) {
			r, err := contract.DecodeRFARequest(u, raw.Payload().GetData())
			if err == nil {
				err = a.c.Check(u.Name, r, at)
			}
			if err != nil {
				return r, contract.NewInvalidInput(err)
			}
			return r, nil
		}
		err := workflow.SetUpdateHandlerWithOptions(ctx, u.Name,
			func(ctx workflow.Context, raw converter.RawValue) (contract.RFAStatus, error) {
				at, err := moment(ctx, a.days)
				if err != nil {
					return contract.RFAStatus{}, err
				}
				// Once more: another update may have been carried out since it was accepted.
				r, err := check(raw, at)
				if err != nil {
					return contract.RFAStatus{}, err
				}
				a.c.Apply(u.Name, r, at, workflow.GetCurrentUpdateInfo(ctx).ID)
				st := a.status(ctx)
				st.Audit, st.Reminders = nil, nil // each answer stays in the history
				return st, nil
			},
			workflow.UpdateHandlerOptions{Description: u.Help, Validator: func(ctx workflow.Context, raw converter.RawValue) error {
				now := workflow.Now(ctx)
				_, err := check(raw, approval.Moment{Now: now, Today: a.days.Date(now)})
				return err
			}})
		if err != nil {
			return err
		}
	}
	return nil
}
