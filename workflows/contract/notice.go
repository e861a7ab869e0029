package contract

// NoticeKind names what a notice says, and its templates.
type NoticeKind string

// Kinds of notices.
const (
	// NoticeAssigned: somebody has to review.
	NoticeAssigned NoticeKind = "assigned"
	// NoticeReleased: somebody need not review any more.
	NoticeReleased NoticeKind = "released"
	// NoticeDelegated: somebody reviews for another one for a while.
	NoticeDelegated NoticeKind = "delegated"
	// NoticeReviewed: all have reviewed, and the lead has to decide.
	NoticeReviewed NoticeKind = "reviewed"
	// NoticeCode: a response code that somebody has to know of.
	NoticeCode NoticeKind = "code"
	// NoticeDecided: the decision.
	NoticeDecided NoticeKind = "decided"
	// NoticeWithdrawn: the RFA was withdrawn.
	NoticeWithdrawn NoticeKind = "withdrawn"
	// NoticeDue: another due date.
	NoticeDue NoticeKind = "due"
	// NoticeReminder: somebody is waited for.
	NoticeReminder NoticeKind = "reminder"
	// NoticeTransmittal: documents for their recipients.
	NoticeTransmittal NoticeKind = "transmittal"
)

// NoticeKinds lists the kinds.
func NoticeKinds() []NoticeKind {
	return []NoticeKind{
		NoticeAssigned, NoticeReleased, NoticeDelegated, NoticeReviewed, NoticeCode, NoticeDecided,
		NoticeWithdrawn, NoticeDue, NoticeReminder, NoticeTransmittal,
	}
}

// Notice is one message to one person; the input of the activity SendNotice.
type Notice struct {
	// ID is the same however often it is tried: its Message-ID is made of it.
	ID   string     `json:"id"`
	Kind NoticeKind `json:"kind"`
	RFA  RFARef     `json:"rfa"`
	To   Person     `json:"to"`
	Due  string     `json:"due,omitempty"`
	// Actor is who has done what it is about.
	Actor string `json:"actor,omitempty"`
	// Instead is whose place the person takes, or who takes the person's.
	Instead string `json:"instead,omitempty"`
	// Vetoed are the disciplines whose code 3 a decision overrides.
	Vetoed      []string `json:"vetoed,omitempty"`
	Disciplines []string `json:"disciplines,omitempty"`
	Code        string   `json:"code,omitempty"`
	// Text is the comments or the reason.
	Text  string `json:"text,omitempty"`
	From  string `json:"from,omitempty"`
	Until string `json:"until,omitempty"`
	// Level and Strike of a reminder, and who is waited for.
	Level    int      `json:"level,omitempty"`
	Strike   int      `json:"strike,omitempty"`
	WaitsFor []string `json:"waitsFor,omitempty"`
	// Decide is that the lead has to decide, and not to review.
	Decide  bool `json:"decide,omitempty"`
	Overdue bool `json:"overdue,omitempty"`
	// Reviews of all disciplines.
	Reviews     []ReviewLine `json:"reviews,omitempty"`
	Transmittal string       `json:"transmittal,omitempty"`
}

// ReviewLine is one discipline's review, for people.
type ReviewLine struct {
	Discipline string `json:"discipline"`
	By         string `json:"by"`
	Code       string `json:"code"`
	Comments   string `json:"comments,omitempty"`
}

// NoticeSent is the result of SendNotice.
type NoticeSent struct {
	MessageID string `json:"messageId"`
}

// ErrTypeUndeliverable is the type of SendNotice's error where trying again cannot
// help: the server has refused the address or the message.
const ErrTypeUndeliverable = "Undeliverable"

// NewUndeliverable is the error of a notice that cannot be delivered.
func NewUndeliverable(reason string) error { return expected(reason, ErrTypeUndeliverable, false) }
