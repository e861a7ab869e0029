package contract

import "time"

// Levels of reminders.
const (
	// LevelReviewer goes to whom the RFA waits for.
	LevelReviewer = 1
	// LevelManager goes to the manager.
	LevelManager = 2
	// LevelProject goes to the project manager and the manager, every working day.
	LevelProject = 3
)

// Reminder is one reminder that was due: who was told of which of those who are
// waited for.
type Reminder struct {
	At time.Time `json:"at"`
	// Key of the Waiting that it is about.
	Key string `json:"key"`
	// Discipline of the one who is waited for.
	Discipline string `json:"discipline"`
	Level      int    `json:"level"`
	// Strike counts the reminders of this level from 1.
	Strike int      `json:"strike"`
	To     []Person `json:"to"`
	// Failed says why nobody of To could be told; such a reminder is no strike.
	Failed string `json:"failed,omitempty"`
}

// ReviewState is the whole state of a review, as RFAReminders goes by it.
type ReviewState struct {
	// Sequence grows with every change.
	Sequence int       `json:"sequence"`
	Due      string    `json:"due"`
	WaitsFor []Waiting `json:"waitsFor"`
	// Ended is that nobody is waited for any more.
	Ended bool `json:"ended,omitempty"`
	// NotBefore is from when reminders may be sent: what has just been told needs none.
	NotBefore time.Time `json:"notBefore"`
}

// RemindersInput is the input of RFAReminders.
type RemindersInput struct {
	RFARef
	Approval       string        `json:"approval"` // workflow id
	Run            string        `json:"run"`      // its first run's id
	ProjectManager Person        `json:"projectManager"`
	TimeZone       string        `json:"timeZone"`
	Rules          ReminderRules `json:"rules"`
	Review         ReviewState   `json:"review"`
	// Sent before, by an earlier run, and the last date that it has seen to.
	Sent    []Reminder `json:"sent,omitempty"`
	Handled string     `json:"handled,omitempty"`
}

// RemindersStatus is the answer of RFAReminders' query status, and its result.
type RemindersStatus struct {
	RFARef
	// Next is when the next reminder is due.
	Next time.Time  `json:"next,omitzero"`
	Sent []Reminder `json:"sent"`
}
