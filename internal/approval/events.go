package approval

import (
	"fmt"

	"signalbox/workflows/contract"
)

// TakeEvents returns what the app backend is to be told, once.
func (c *Case) TakeEvents() []contract.Event {
	list := c.events
	c.events = nil
	return list
}

// event adds an event. Its id is the same whenever the same is done again.
func (c *Case) event(eventType string, at Moment, data contract.RFAEvent) {
	c.evented++
	data.RFARef, data.ID, data.State = c.in.Ref(), c.id, c.state
	c.events = append(c.events, contract.NewEvent(fmt.Sprintf("%s/%s/events/%d", c.id, c.run, c.evented), eventType, at.Now, data))
}

// CheckWebhooks checks that recipients' webhooks are at hosts that are allowed.
func CheckWebhooks(field string, people []contract.Person, allow []string) error {
	for i, p := range people {
		if p.Webhook == "" {
			continue
		}
		if err := contract.CheckWebhook(p.Webhook, allow); err != nil {
			return wrong(fmt.Sprintf("%s[%d].webhook", field, i), "%v", err)
		}
	}
	return nil
}

// CheckMatrix checks a matrix' webhooks.
func CheckMatrix(matrix []contract.MatrixRow, allow []string) error {
	for i, row := range matrix {
		if err := CheckWebhooks(fmt.Sprintf("matrix[%d].recipients", i), row.Recipients, allow); err != nil {
			return err
		}
	}
	return nil
}
