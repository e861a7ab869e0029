package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Types of events that an app backend is told of by webhook.
const (
	// EventRFAReview: a discipline has reviewed; data is an RFAEvent.
	EventRFAReview = "rfa.review"
	// EventRFADecided, EventRFAWithdrawn: an RFA has ended; data is an RFAEvent.
	EventRFADecided   = "rfa.decided"
	EventRFAWithdrawn = "rfa.withdrawn"
	// EventRFADistributed: nothing of a distribution is pending; data is a
	// DistributionReport.
	EventRFADistributed = "rfa.distributed"
	// EventRFATransmittal goes to a recipient; data is a Transmittal.
	EventRFATransmittal = "rfa.transmittal"
	// EventBatchDocument: a document of a batch job has ended; data is a
	// BatchDocumentEvent.
	EventBatchDocument = "batch.document"
	// EventBatchEnded: a batch job has ended; data is a BatchEndedEvent.
	EventBatchEnded = "batch.ended"
)

// Event is what an app backend is told of, at least once: ID is the same in every try.
type Event struct {
	ID   string          `json:"id"`
	Type string          `json:"type"`
	At   time.Time       `json:"timestamp"`
	Data json.RawMessage `json:"data"`
}

// NewEvent makes an event of plain data. What name names has the same id, whenever the
// event is made again.
func NewEvent(name, eventType string, at time.Time, data any) Event {
	raw, err := json.Marshal(data)
	if err != nil {
		raw = []byte("null") // plain data: it does not fail
	}
	sum := sha256.Sum256([]byte(name))
	return Event{ID: "evt_" + hex.EncodeToString(sum[:16]), Type: eventType, At: at.UTC(), Data: raw}
}

// SendEventsInput is the input of the activity SendEvents.
type SendEventsInput struct {
	// URL is a recipient's; the app backend's of the configuration unless given.
	URL    string  `json:"url,omitempty"`
	Events []Event `json:"events"`
}

// RFAEvent is the data of an RFA's events.
type RFAEvent struct {
	RFARef
	// ID is the workflow's.
	ID    string   `json:"id"`
	State RFAState `json:"state"`
	// Discipline and Review of EventRFAReview.
	Discipline string       `json:"discipline,omitempty"`
	Review     *Review      `json:"review,omitempty"`
	Decision   *RFADecision `json:"decision,omitempty"`
}

// Transmittal is what a recipient is sent by webhook.
type Transmittal struct {
	RFARef
	Transmittal string `json:"transmittal"`
	Code        string `json:"code"`
	Meaning     string `json:"meaning"`
	Comments    string `json:"comments,omitempty"`
	To          Person `json:"to"`
}

// BatchDocumentEvent is the data of EventBatchDocument.
type BatchDocumentEvent struct {
	Job       string `json:"job"`
	ProjectID string `json:"projectId"`
	DocumentReport
}

// BatchEndedEvent is the data of EventBatchEnded.
type BatchEndedEvent struct {
	Job string `json:"job"`
	BatchResult
	// Cancelled is that the job was cancelled; Error why it failed.
	WasCancelled bool   `json:"wasCancelled,omitempty"`
	Error        string `json:"error,omitempty"`
}

// CheckWebhook checks an address to post to, and that its host is one of those
// allowed, which are written as host or host:port.
func CheckWebhook(address string, allow []string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil {
		return errors.New("it is no http(s) address without a user name") // which may have a token in it
	}
	if !slices.Contains(allow, u.Host) && !slices.Contains(allow, u.Hostname()) {
		return fmt.Errorf("the host %s is not one of webhooks.recipients", u.Host)
	}
	return nil
}
