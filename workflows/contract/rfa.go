package contract

import (
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Limits of an RFA.
const (
	MaxDisciplines = 50
	MaxMatrixRows  = 500
	MaxRecipients  = 500
	// MaxMatrixRecipients are those of all rows: the matrix lies in each RFA's history.
	MaxMatrixRecipients = 2000
	MaxCommentsBytes    = 4 << 10
	maxNumberBytes      = 100
	maxRevisionBytes    = 20
)

// Person takes part in an approval, or receives what was approved.
type Person struct {
	// ID is what updates name as their actor.
	ID    string `json:"id,omitempty" yaml:"id"`
	Name  string `json:"name,omitempty" yaml:"name"`
	Email string `json:"email,omitempty" yaml:"email"`
	// Webhook is an address to which a recipient's program is sent a Transmittal,
	// instead of a mail or beside it.
	Webhook string `json:"webhook,omitempty" yaml:"webhook"`
}

// String is the name where it is known.
func (p Person) String() string {
	for _, s := range []string{p.Name, p.ID, p.Email, p.Webhook} {
		if s != "" {
			return s
		}
	}
	return "nobody"
}

// Discipline is one of those that review.
type Discipline struct {
	Name     string `json:"name"`
	Reviewer Person `json:"reviewer"`
	// Manager is whom reminders escalate to.
	Manager Person `json:"manager"`
	// Lead is the discipline whose reviewer decides; exactly one is.
	Lead bool `json:"lead,omitempty"`
}

// RFAInput is the input of RFAApproval.
type RFAInput struct {
	// Number and Revision make the workflow id, with the project: RFAID.
	Number    string `json:"number"`
	Revision  string `json:"revision"`
	ProjectID string `json:"projectId"`
	Title     string `json:"title,omitempty"`
	// DocumentType is what the distribution matrix goes by.
	DocumentType string `json:"documentType"`
	// Category limits the response codes; one of Categories.
	Category string `json:"category"`
	// Due is the date on whose end the review is due, such as "2026-12-04".
	Due string `json:"due"`
	// TimeZone of dates and of reminders; the configuration's unless given.
	TimeZone       string       `json:"timeZone,omitempty"`
	Submitter      Person       `json:"submitter"`
	ProjectManager Person       `json:"projectManager"`
	Disciplines    []Discipline `json:"disciplines"`
	// Rules that differ from the configuration's.
	Reminders ReminderRules `json:"reminders,omitzero"`
	Matrix    []MatrixRow   `json:"matrix,omitempty"`
	Notify    []NotifyRow   `json:"notify,omitempty"`
}

// DecodeRFAInput reads and checks the input of RFAApproval.
func DecodeRFAInput(data []byte) (RFAInput, error) {
	var in RFAInput
	if err := decodeStrict(data, &in); err != nil {
		return in, err
	}
	return in, in.Validate()
}

// Validate checks everything that needs no configuration. The error names the field.
func (in *RFAInput) Validate() error {
	for _, id := range []struct {
		field, value string
		most         int
	}{
		{"number", in.Number, maxNumberBytes}, {"revision", in.Revision, maxRevisionBytes},
		{"projectId", in.ProjectID, MaxIDBytes}, {"documentType", in.DocumentType, MaxIDBytes},
	} {
		if err := checkID(id.field, id.value, true); err != nil {
			return err
		}
		if len(id.value) > id.most {
			return fieldErr(id.field, "is %d bytes long; %d are allowed", len(id.value), id.most)
		}
	}
	if err := checkID("title", in.Title, false); err != nil {
		return err
	}
	if len(RFAID(in.ProjectID, in.Number, in.Revision)) > 255 {
		return fieldErr("number", "and projectId and revision are too long together for a workflow id, in which letters that are not ASCII take nine characters")
	}
	if err := oneOf("category", in.Category, Categories()); err != nil {
		return err
	}
	if err := CheckDate("due", in.Due); err != nil {
		return err
	}
	if in.TimeZone != "" {
		if _, err := time.LoadLocation(in.TimeZone); err != nil || in.TimeZone == "Local" {
			return fieldErr("timeZone", "%q is no IANA time zone such as Asia/Bangkok", in.TimeZone)
		}
	}
	if err := in.Submitter.check("submitter", true); err != nil {
		return err
	}
	if err := in.ProjectManager.check("projectManager", true); err != nil {
		return err
	}
	if err := in.checkDisciplines(); err != nil {
		return err
	}
	rules := RFARules{Reminders: in.Reminders, Matrix: in.Matrix, Notify: in.Notify}
	return rules.Check("")
}

func (in *RFAInput) checkDisciplines() error {
	if n := len(in.Disciplines); n == 0 || n > MaxDisciplines {
		return fieldErr("disciplines", "has %d entries; 1 to %d are allowed", n, MaxDisciplines)
	}
	leads := 0
	for i, d := range in.Disciplines {
		at := fieldf("disciplines[%d]", i)
		if err := checkID(at+".name", d.Name, true); err != nil {
			return err
		}
		if slices.ContainsFunc(in.Disciplines[:i], func(o Discipline) bool { return o.Name == d.Name }) {
			return fieldErr(at+".name", "%q is there twice", d.Name)
		}
		if err := d.Reviewer.check(at+".reviewer", true); err != nil {
			return err
		}
		if err := d.Manager.check(at+".manager", true); err != nil {
			return err
		}
		if d.Lead {
			leads++
		}
	}
	if leads != 1 {
		return fieldErr("disciplines", "has %d with lead: true; exactly one decides", leads)
	}
	return nil
}

// check checks an address, and the id where the person has to act.
func (p Person) check(field string, acts bool) error {
	if err := checkID(field+".id", p.ID, acts); err != nil {
		return err
	}
	if err := checkID(field+".name", p.Name, false); err != nil {
		return err
	}
	if acts && p.Webhook != "" {
		return fieldErr(field+".webhook", "is for recipients alone; people who act are told by mail")
	}
	if p.Email == "" && p.Webhook != "" {
		return nil
	}
	return CheckEmail(field+".email", p.Email)
}

// CheckEmail checks an e-mail address: the bare address, without a name.
func CheckEmail(field, address string) error {
	if address == "" {
		return fieldErr(field, "is missing")
	}
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || len(address) > 254 || strings.ContainsAny(address, " \r\n<>\",;") {
		return fieldErr(field, "%q is no e-mail address such as ann@example.com", address)
	}
	return nil
}

// CheckDate checks a date such as 2026-12-25.
func CheckDate(field, date string) error {
	if date == "" {
		return fieldErr(field, "is missing; write a date such as 2026-12-25")
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return fieldErr(field, "%q is no date such as 2026-12-25", date)
	}
	return nil
}

// RFAID is the workflow id of the approval of one revision of an RFA: printable
// ASCII, whatever the number is written in.
func RFAID(project, number, revision string) string {
	return "rfa/" + rfaPath(project, number, revision)
}

// RFARemindersID is the workflow id of its reminders.
func RFARemindersID(project, number, revision string) string {
	return "rfa-reminders/" + rfaPath(project, number, revision)
}

// RFADistributionID is the workflow id of its distribution.
func RFADistributionID(project, number, revision string) string {
	return "rfa-distribution/" + rfaPath(project, number, revision)
}

func rfaPath(project, number, revision string) string {
	return url.PathEscape(project) + "/" + url.PathEscape(number) + "/" + url.PathEscape(revision)
}

// RFARef names one revision of an RFA.
type RFARef struct {
	ProjectID    string `json:"projectId"`
	Number       string `json:"number"`
	Revision     string `json:"revision"`
	Title        string `json:"title,omitempty"`
	DocumentType string `json:"documentType,omitempty"`
}

// Ref names the RFA.
func (in RFAInput) Ref() RFARef {
	return RFARef{ProjectID: in.ProjectID, Number: in.Number, Revision: in.Revision, Title: in.Title, DocumentType: in.DocumentType}
}
