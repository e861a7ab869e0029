package contract

import "time"

// RFAState is how far an RFA is.
type RFAState string

// States of an RFA.
const (
	// RFAInReview: disciplines have not reviewed yet.
	RFAInReview RFAState = "in-review"
	// RFAToDecide: all have reviewed, and the lead has to decide.
	RFAToDecide  RFAState = "to-decide"
	RFADecided   RFAState = "decided"
	RFAWithdrawn RFAState = "withdrawn"
	RFACancelled RFAState = "cancelled"
)

// Open reports whether somebody is waited for.
func (s RFAState) Open() bool { return s == RFAInReview || s == RFAToDecide }

// RFAStatus is the answer of RFAApproval's query status and, without reminders and
// audit trail, of its updates.
type RFAStatus struct {
	RFARef
	State RFAState `json:"state"`
	// Summary says it in a sentence: "2 of 3 disciplines reviewed, waits for …".
	Summary string `json:"summary"`
	Due     string `json:"due"`
	Overdue bool   `json:"overdue"`
	// Reviewed of how many disciplines.
	Reviewed    int                `json:"reviewed"`
	Disciplines []DisciplineStatus `json:"disciplines"`
	// WaitsFor are those who have to act.
	WaitsFor []Waiting    `json:"waitsFor"`
	Decision *RFADecision `json:"decision,omitempty"`
	// Reminders that were sent, the oldest first.
	Reminders []Reminder `json:"reminders"`
	// Audit is everything that was done, by whom and when.
	Audit []AuditEntry `json:"audit"`
}

// DisciplineStatus is the state of one discipline's review.
type DisciplineStatus struct {
	Discipline
	Review     *Review     `json:"review,omitempty"`
	Delegation *Delegation `json:"delegation,omitempty"`
}

// Review is what a discipline has answered.
type Review struct {
	By Person `json:"by"`
	// For is the reviewer for whom a delegate has reviewed.
	For      string    `json:"for,omitempty"`
	Code     string    `json:"code"`
	Comments string    `json:"comments,omitempty"`
	At       time.Time `json:"at"`
}

// Delegation lets somebody else review from one date until another, both included.
type Delegation struct {
	To    Person `json:"to"`
	From  string `json:"from"`
	Until string `json:"until"`
}

// On reports whether the delegation holds on a date.
func (d *Delegation) On(date string) bool { return d != nil && d.From <= date && date <= d.Until }

// Waiting is somebody who has to act.
type Waiting struct {
	// Key names this wait: another reviewer's, or another due date's, is another one.
	Key string `json:"key"`
	// Discipline of the one who is waited for; Decide is that the lead has to decide.
	Discipline string      `json:"discipline"`
	Decide     bool        `json:"decide,omitempty"`
	Person     Person      `json:"person"`
	Delegation *Delegation `json:"delegation,omitempty"`
	Manager    Person      `json:"manager"`
}

// On is who has to act on a date.
func (w Waiting) On(date string) Person {
	if w.Delegation.On(date) {
		return w.Delegation.To
	}
	return w.Person
}

// RFADecision ends an approval.
type RFADecision struct {
	Code    string    `json:"code"`
	Meaning string    `json:"meaning"`
	By      Person    `json:"by"`
	At      time.Time `json:"at"`
	// Comments of the lead, or the reason of an override.
	Comments string `json:"comments,omitempty"`
	// Overridden is that the project manager has decided over a code 3.
	Overridden bool `json:"overridden,omitempty"`
	// Recipients of the documents.
	Recipients  []Person `json:"recipients"`
	Transmittal string   `json:"transmittal,omitempty"`
}

// AuditEntry is one thing that was done.
type AuditEntry struct {
	At time.Time `json:"at"`
	// Actor is who did it, as the backend asserted.
	Actor  string `json:"actor,omitempty"`
	Action string `json:"action"`
	// Discipline, Code and Text where the action has them.
	Discipline string `json:"discipline,omitempty"`
	Code       string `json:"code,omitempty"`
	Text       string `json:"text,omitempty"`
	// UpdateID names the update in the workflow's history; Client is the identity of
	// the client that made it, as the server recorded it. The record in the document
	// store has it.
	UpdateID string `json:"updateId,omitempty"`
	Client   string `json:"client,omitempty"`
}

// RFAResult is RFAApproval's result. The whole audit trail is in the document store.
type RFAResult struct {
	RFARef
	State    RFAState     `json:"state"`
	Decision *RFADecision `json:"decision,omitempty"`
	// Record is the key of the final record, relative to the project.
	Record string `json:"record"`
	// Distribution is the workflow id of RFADistribution; empty for none.
	Distribution string `json:"distribution,omitempty"`
	// Undelivered are notices that nobody could be given.
	Undelivered []string `json:"undelivered,omitempty"`
}

// RecordRFAInput is the input of the activity RecordRFA.
type RecordRFAInput struct {
	Status RFAStatus `json:"status"`
	// WorkflowID and RunID of the approval, whose history has the clients' identities.
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}
