package contract

import (
	"slices"
	"strings"
)

// Updates of RFAApproval. Each answers with the RFAStatus after it.
const (
	UpdateSubmitReview  = "submit-review"
	UpdateFinalize      = "finalize"
	UpdateOverrideVeto  = "override-veto"
	UpdateDelegate      = "delegate"
	UpdateReassign      = "reassign"
	UpdateChangeDueDate = "change-due-date"
	UpdateWithdraw      = "withdraw"
	// UpdateResend is RFADistribution's: it sends again what has failed.
	UpdateResend = "resend"
)

// RFAUpdate describes one of RFAApproval's updates.
type RFAUpdate struct {
	Name, Help string
	// needs are the fields that have to be there beside the actor, may those that can.
	needs, may []string
}

// RFAUpdates are RFAApproval's updates. The input of each is an RFARequest.
func RFAUpdates() []RFAUpdate {
	return []RFAUpdate{
		{UpdateSubmitReview, "A reviewer's answer; {\"actor\", \"discipline\", \"code\", \"comments\"}.", []string{"discipline", "code"}, []string{"comments"}},
		{UpdateFinalize, "The lead's decision, when all have reviewed; {\"actor\", \"code\", \"comments\", \"recipients\", \"transmittal\"}.", []string{"code"}, []string{"comments", "recipients", "transmittal"}},
		{UpdateOverrideVeto, "The project manager decides over a code 3; {\"actor\", \"code\" (1A), \"reason\" (10 characters or more), \"recipients\", \"transmittal\"}.", []string{"reason"}, []string{"code", "recipients", "transmittal"}},
		{UpdateDelegate, "Somebody else reviews for a while; {\"actor\", \"discipline\", \"to\": {\"id\", \"email\"}, \"from\", \"until\"}.", []string{"discipline", "to", "from", "until"}, []string{"reason"}},
		{UpdateReassign, "Somebody else reviews from now on; {\"actor\", \"discipline\", \"to\": {\"id\", \"email\"}, \"reason\"}.", []string{"discipline", "to"}, []string{"reason"}},
		{UpdateChangeDueDate, "Another due date; {\"actor\", \"due\": \"2026-12-04\", \"reason\"}.", []string{"due"}, []string{"reason"}},
		{UpdateWithdraw, "Ends the RFA without a decision; {\"actor\", \"reason\"}.", nil, []string{"reason"}},
	}
}

// RFARequest is the input of RFAApproval's updates; each uses those fields that its
// description names, and refuses others.
type RFARequest struct {
	// Actor is who does it, as the backend asserts: the id of a Person.
	Actor      string `json:"actor"`
	Discipline string `json:"discipline,omitempty"`
	// Code is a response code.
	Code     string `json:"code,omitempty"`
	Comments string `json:"comments,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// To is who reviews instead.
	To *Person `json:"to,omitempty"`
	// From and Until are the first and the last date of a delegation.
	From  string `json:"from,omitempty"`
	Until string `json:"until,omitempty"`
	// Due is the new due date.
	Due string `json:"due,omitempty"`
	// Recipients receive the document beside those whom the matrix names.
	Recipients []Person `json:"recipients,omitempty"`
	// Transmittal is the number of the transmittal; made of the RFA's unless given.
	Transmittal string `json:"transmittal,omitempty"`
}

// LeastVetoReason is how many characters the reason of override-veto has at least.
const LeastVetoReason = 10

// presentField is one field of a request: whether it is there.
type presentField struct {
	name  string
	there bool
}

func (r RFARequest) fields() []presentField {
	return []presentField{
		{"discipline", r.Discipline != ""}, {"code", r.Code != ""}, {"comments", r.Comments != ""}, {"reason", r.Reason != ""},
		{"to", r.To != nil}, {"from", r.From != ""}, {"until", r.Until != ""}, {"due", r.Due != ""},
		{"recipients", r.Recipients != nil}, {"transmittal", r.Transmittal != ""},
	}
}

// DecodeRFARequest reads and checks the input of one of RFAApproval's updates, as
// far as that needs no RFA. The error names the field.
func DecodeRFARequest(u RFAUpdate, data []byte) (RFARequest, error) {
	var r RFARequest
	if err := decodeStrict(data, &r); err != nil {
		return r, err
	}
	return r, r.Check(u)
}

// Check checks the request of an update as far as that needs no RFA.
func (r RFARequest) Check(u RFAUpdate) error {
	if err := checkID("actor", r.Actor, true); err != nil {
		return err
	}
	for _, f := range r.fields() {
		needed := slices.Contains(u.needs, f.name)
		if needed && !f.there {
			return fieldErr(f.name, "is missing")
		}
		if f.there && !needed && !slices.Contains(u.may, f.name) {
			return fieldErr(f.name, "is no field of %s; it has actor, %s", u.Name, strings.Join(slices.Concat(u.needs, u.may), ", "))
		}
	}
	for _, text := range []struct{ field, value string }{{"comments", r.Comments}, {"reason", r.Reason}} {
		if len(text.value) > MaxCommentsBytes {
			return fieldErr(text.field, "is %d bytes long; %d are allowed", len(text.value), MaxCommentsBytes)
		}
	}
	if r.Code != "" {
		if err := oneOf("code", r.Code, ResponseCodes()); err != nil {
			return err
		}
	}
	if u.Name == UpdateOverrideVeto {
		if n := len([]rune(strings.TrimSpace(r.Reason))); n < LeastVetoReason {
			return fieldErr("reason", "has %d characters; at least %d are needed", n, LeastVetoReason)
		}
	}
	for _, d := range []struct{ field, value string }{{"from", r.From}, {"until", r.Until}, {"due", r.Due}} {
		if d.value != "" {
			if err := CheckDate(d.field, d.value); err != nil {
				return err
			}
		}
	}
	if r.To != nil {
		if err := r.To.check("to", true); err != nil {
			return err
		}
	}
	if err := checkID("transmittal", r.Transmittal, false); err != nil {
		return err
	}
	return checkPeople("recipients", r.Recipients)
}

// FindRFAUpdate returns the update of a name.
func FindRFAUpdate(name string) (RFAUpdate, error) {
	for _, u := range RFAUpdates() {
		if u.Name == name {
			return u, nil
		}
	}
	return RFAUpdate{}, fieldErr("update", "%q is no update of an RFA", name)
}
