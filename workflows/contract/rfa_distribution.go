package contract

import "time"

// DistributionInput is the input of RFADistribution.
type DistributionInput struct {
	RFARef
	Approval string      `json:"approval"` // workflow id
	Decision RFADecision `json:"decision"`
}

// DeliveryState is how far the delivery to one recipient is.
type DeliveryState string

// States of a delivery.
const (
	DeliveryPending DeliveryState = "pending"
	DeliverySent    DeliveryState = "sent"
	DeliveryFailed  DeliveryState = "failed"
)

// Ways to deliver.
const (
	ViaEmail   = "email"
	ViaWebhook = "webhook"
)

// Delivery is the delivery of a transmittal to one recipient.
type Delivery struct {
	To Person `json:"to"`
	// Via is email or webhook.
	Via   string        `json:"via"`
	State DeliveryState `json:"state"`
	// Reason of a failure.
	Reason string `json:"reason,omitempty"`
	// MessageID of the mail, or the event's id, the same in every try.
	MessageID string    `json:"messageId,omitempty"`
	At        time.Time `json:"at,omitzero"`
}

// DistributionReport is RFADistribution's result and the answer of its query status
// and of its update resend.
type DistributionReport struct {
	RFARef
	Transmittal string     `json:"transmittal"`
	Code        string     `json:"code"`
	Sent        int        `json:"sent"`
	Pending     int        `json:"pending"`
	Failed      int        `json:"failed"`
	Deliveries  []Delivery `json:"deliveries"`
	// Resend is until when what failed can be sent again.
	Resend time.Time `json:"resendUntil,omitzero"`
}
