package contract

import (
	"fmt"
	"strings"
	"time"
)

// OrderState is what is known of an operator's order.
type OrderState string

// States of an order. The zero value is that the sender neither was told nor has
// heard of it: whoever receives it keeps what it has.
const (
	OrderUnchanged OrderState = ""
	OrderOn        OrderState = "on"
	OrderOff       OrderState = "off"
)

// Order is one thing that an operator has asked for. It always has an end, so
// that nothing stays paused by accident.
type Order struct {
	State  OrderState `json:"state,omitempty"`
	Reason string     `json:"reason,omitempty"`
	By     string     `json:"by,omitempty"`
	Until  time.Time  `json:"until,omitzero"`
}

// InForce reports whether the order holds at now.
func (o Order) InForce(now time.Time) bool { return o.State == OrderOn && now.Before(o.Until) }

// Over is o, or old where o is unchanged.
func (o Order) Over(old Order) Order {
	if o.State == OrderUnchanged {
		return old
	}
	return o
}

// Describe says of an order what it is and why: "paused by ann until …: reason".
func (o Order) Describe(what string) string {
	var b strings.Builder
	b.WriteString(what)
	if o.By != "" {
		b.WriteString(" by " + o.By)
	}
	if !o.Until.IsZero() {
		b.WriteString(" until " + o.Until.UTC().Format(time.RFC3339))
	}
	if o.Reason != "" {
		b.WriteString(": " + o.Reason)
	}
	return b.String()
}

// Orders are the operators' orders of one GPU.
type Orders struct {
	// Pause keeps batch off the GPU.
	Pause Order `json:"pause,omitzero"`
	// Drain keeps everything off it: requests are answered unavailable.
	Drain Order `json:"drain,omitzero"`
	// Override opens the batch window.
	Override Order `json:"override,omitzero"`
}

// Over is o, with what is unchanged taken from old.
func (o Orders) Over(old Orders) Orders {
	return Orders{Pause: o.Pause.Over(old.Pause), Drain: o.Drain.Over(old.Drain), Override: o.Override.Over(old.Override)}
}

// OperatorUpdate describes one of the scheduler's updates for operators.
type OperatorUpdate struct {
	// Name of the update, and a sentence on it for the Web UI.
	Name, Help string
	// Default and Most are how long an order lasts unless said otherwise, and at
	// most; zero for an update that ends one.
	Default, Most time.Duration
}

// OperatorUpdates are the scheduler's updates for operators. The input of each is
// an OperatorRequest, the answer an OperatorResult.
func OperatorUpdates() []OperatorUpdate {
	return []OperatorUpdate{
		{UpdatePauseBatch, "Keeps batch off the GPU; {\"for\": \"12h\", \"reason\": …, \"by\": …}.", 12 * time.Hour, 7 * 24 * time.Hour},
		{UpdateResumeBatch, "Ends pause-batch.", 0, 0},
		{UpdateOverrideWindow, "Lets batch run outside its window; {\"for\": \"2h\", \"reason\": …, \"by\": …}.", 2 * time.Hour, 24 * time.Hour},
		{UpdateEndOverride, "Ends override-window.", 0, 0},
		{UpdateDrain, "Empties the GPU: requests are answered unavailable, batch waits; {\"for\": \"1h\", \"reason\": …, \"by\": …}.", time.Hour, 24 * time.Hour},
		{UpdateUndrain, "Ends drain.", 0, 0},
	}
}

// Updates for operators.
const (
	UpdatePauseBatch     = "pause-batch"
	UpdateResumeBatch    = "resume-batch"
	UpdateOverrideWindow = "override-window"
	UpdateEndOverride    = "end-override"
	UpdateDrain          = "drain"
	UpdateUndrain        = "undrain"
)

// OperatorRequest is the input of an update for operators. Everything may be
// left out.
type OperatorRequest struct {
	// For is how long, such as "90m"; each update has a default and a limit.
	For string `json:"for,omitempty"`
	// Reason is shown wherever somebody asks why.
	Reason string `json:"reason,omitempty"`
	// By is who asks.
	By string `json:"by,omitempty"`
}

// OperatorResult answers an update for operators.
type OperatorResult struct {
	// Pending is that the device does not have it yet: it is brought there as
	// soon as a GPU worker answers.
	Pending bool `json:"pending"`
	// Orders in force now.
	Orders Orders `json:"orders"`
	// Open and Reason say what batch may do now.
	Open   bool   `json:"open"`
	Reason string `json:"reason,omitempty"`
}

// maxOrderText bounds reason and by: they travel with every gate.
const maxOrderText = 200

// DecodeOperatorRequest decodes strictly, and says how long the order lasts.
func DecodeOperatorRequest(u OperatorUpdate, data []byte) (OperatorRequest, time.Duration, error) {
	var r OperatorRequest
	if len(data) > 0 && string(data) != "null" {
		if err := decodeStrict(data, &r); err != nil {
			return r, 0, err
		}
	}
	for _, f := range []struct{ name, text string }{{"reason", r.Reason}, {"by", r.By}} {
		if len(f.text) > maxOrderText {
			return r, 0, fieldErr(f.name, "is %d bytes long; %d are allowed", len(f.text), maxOrderText)
		}
		if err := checkID(f.name, f.text, false); err != nil {
			return r, 0, err
		}
	}
	switch {
	case u.Most == 0 && r.For != "":
		return r, 0, fieldErr("for", "does not belong to %s, which ends an order", u.Name)
	case r.For == "":
		return r, u.Default, nil
	}
	d, err := parseDuration("for", r.For, time.Second, u.Most)
	return r, d, err
}

// FindOperatorUpdate returns the update of that name.
func FindOperatorUpdate(name string) (OperatorUpdate, error) {
	for _, u := range OperatorUpdates() {
		if u.Name == name {
			return u, nil
		}
	}
	return OperatorUpdate{}, fmt.Errorf("update %q is unknown", name)
}

// PriorityRequest is the input of UpdateSetPriority.
type PriorityRequest struct {
	// Job is the workflow id of a batch job that is registered.
	Job string `json:"job"`
	// Priority among jobs, 1 (first) to 5.
	Priority int `json:"priority"`
}

// PriorityResult answers UpdateSetPriority.
type PriorityResult struct {
	Job string `json:"job"`
	// Was and Now are the priorities before and after.
	Was int `json:"was"`
	Now int `json:"now"`
	// Position in the line, from 1; 0 for a job that has begun.
	Position int `json:"position"`
}

// DecodePriorityRequest decodes strictly.
func DecodePriorityRequest(data []byte) (PriorityRequest, error) {
	var r PriorityRequest
	if err := decodeStrict(data, &r); err != nil {
		return r, err
	}
	if r.Job == "" {
		return r, fieldErr("job", "is missing")
	}
	if r.Priority < 1 || r.Priority > 5 {
		return r, fieldErr("priority", "is %d; allowed are 1 (first) to 5", r.Priority)
	}
	return r, nil
}
