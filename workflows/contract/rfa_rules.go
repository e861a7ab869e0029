package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// RFARules are what RFAs go by. The rfa role's configuration has them; an RFA may
// have its own in place of each part. They are frozen at its start.
type RFARules struct {
	Reminders ReminderRules `json:"reminders,omitzero" yaml:"reminders"`
	// Codes are the response codes of each category; all for one that is not named.
	Codes map[string][]string `json:"codes,omitempty" yaml:"codes"`
	// Matrix says who receives which documents.
	Matrix []MatrixRow `json:"matrix,omitempty" yaml:"matrix"`
	// Notify says who is told of which response codes.
	Notify []NotifyRow `json:"notify,omitempty" yaml:"notify"`
	// Webhooks are the hosts that recipients' webhooks may be at.
	Webhooks []string `json:"webhooks,omitempty" yaml:"-"`
}

// ReminderRules say when people are reminded.
type ReminderRules struct {
	// At is the time of day of reminders, Until the end of office hours: after an
	// outage one is sent until then, and not later.
	At    string `json:"at,omitempty" yaml:"at"`
	Until string `json:"until,omitempty" yaml:"until"`
	// Workdays are mon to sun, daily, weekdays or weekend.
	Workdays []string `json:"workdays,omitempty" yaml:"workdays,flow"`
	// Holidays are dates; the GPU schedule's unless given.
	Holidays []string `json:"holidays,omitempty" yaml:"holidays"`
	// Strikes are how many reminders each level gets before the next does.
	Strikes int `json:"strikes,omitempty" yaml:"strikes"`
}

// MatrixRow is a row of the distribution matrix. A condition that is left out holds
// for everything. Where rows of the project match, those of no project do not count.
type MatrixRow struct {
	ProjectID     string   `json:"projectId,omitempty" yaml:"projectId"`
	DocumentTypes []string `json:"documentTypes,omitempty" yaml:"documentTypes,flow"`
	// Codes are those of the decision; every one but 3 unless given. A rejected
	// document goes to its submitter alone, whatever is here.
	Codes      []string `json:"codes,omitempty" yaml:"codes,flow"`
	Recipients []Person `json:"recipients" yaml:"recipients"`
}

// NotifyRow says who is told when a reviewer gives, or the lead decides, one of
// these response codes.
type NotifyRow struct {
	Codes []string `json:"codes" yaml:"codes,flow"`
	// Roles are submitter, project-manager, managers or reviewers.
	Roles []string `json:"roles,omitempty" yaml:"roles,flow"`
	// Recipients are others who are told.
	Recipients []Person `json:"recipients,omitempty" yaml:"recipients"`
}

// Roles that a NotifyRow may name.
const (
	RoleSubmitter      = "submitter"
	RoleProjectManager = "project-manager"
	RoleManagers       = "managers"
	RoleReviewers      = "reviewers"
)

// DefaultRFARules are those of an empty configuration: reminders at 09:00 on
// weekdays, every code in every category, nobody in the matrix, and the project
// manager and the submitter told of 1C, 1D and 3.
func DefaultRFARules() RFARules {
	return RFARules{
		Reminders: ReminderRules{At: "09:00", Until: "17:00", Workdays: []string{"weekdays"}, Strikes: 3},
		Codes:     map[string][]string{},
		Matrix:    []MatrixRow{},
		Notify:    []NotifyRow{{Codes: []string{"1C", "1D", CodeRejected}, Roles: []string{RoleProjectManager, RoleSubmitter}}},
	}
}

// With is r with those parts of in that it has.
func (r RFARules) With(in RFAInput) RFARules {
	own := in.Reminders
	if own.At != "" {
		r.Reminders.At = own.At
	}
	if own.Until != "" {
		r.Reminders.Until = own.Until
	}
	if own.Workdays != nil {
		r.Reminders.Workdays = own.Workdays
	}
	if own.Holidays != nil {
		r.Reminders.Holidays = own.Holidays
	}
	if own.Strikes != 0 {
		r.Reminders.Strikes = own.Strikes
	}
	if in.Matrix != nil {
		r.Matrix = in.Matrix
	}
	if in.Notify != nil {
		r.Notify = in.Notify
	}
	return r
}

// CodesOf are the response codes of a category.
func (r RFARules) CodesOf(category string) []string {
	if codes := r.Codes[category]; len(codes) > 0 {
		return codes
	}
	return ResponseCodes()
}

// Check checks the rules; what is left out is fine. The error names the field, with
// at before it.
func (r RFARules) Check(at string) error {
	if at != "" {
		at += "."
	}
	if err := r.Reminders.check(at + "reminders"); err != nil {
		return err
	}
	if len(r.Matrix) > MaxMatrixRows {
		return fieldErr(at+"matrix", "has %d rows; %d are allowed", len(r.Matrix), MaxMatrixRows)
	}
	all := 0
	for i, row := range r.Matrix {
		if all += len(row.Recipients); all > MaxMatrixRecipients {
			return fieldErr(at+"matrix", "has more than %d recipients in all", MaxMatrixRecipients)
		}
		field := fieldf("%smatrix[%d]", at, i)
		if err := checkCodes(field+".codes", row.Codes); err != nil {
			return err
		}
		if len(row.Recipients) == 0 {
			return fieldErr(field+".recipients", "is empty; name those who receive it")
		}
		if err := checkPeople(field+".recipients", row.Recipients); err != nil {
			return err
		}
	}
	for i, row := range r.Notify {
		field := fieldf("%snotify[%d]", at, i)
		if len(row.Codes) == 0 {
			return fieldErr(field+".codes", "is empty; allowed are %s", strings.Join(ResponseCodes(), ", "))
		}
		if err := checkCodes(field+".codes", row.Codes); err != nil {
			return err
		}
		for j, role := range row.Roles {
			if err := oneOf(fieldf("%s.roles[%d]", field, j), role, []string{RoleSubmitter, RoleProjectManager, RoleManagers, RoleReviewers}); err != nil {
				return err
			}
		}
		if err := checkPeople(field+".recipients", row.Recipients); err != nil {
			return err
		}
		for j, p := range row.Recipients {
			if p.Webhook != "" {
				return fieldErr(fieldf("%s.recipients[%d].webhook", field, j), "is for the matrix alone; people are notified by mail")
			}
		}
	}
	return nil
}

func (r ReminderRules) check(at string) error {
	for _, c := range []struct{ field, clock string }{{"at", r.At}, {"until", r.Until}} {
		if _, err := time.Parse("15:04", c.clock); c.clock != "" && (err != nil || len(c.clock) != len("15:04")) {
			return fieldErr(at+"."+c.field, "%q is no time of day (00:00 to 23:59)", c.clock)
		}
	}
	if r.At != "" && r.Until != "" && r.Until <= r.At {
		return fieldErr(at+".until", "%s is not after %s", r.Until, r.At)
	}
	for i, h := range r.Holidays {
		if err := CheckDate(fieldf("%s.holidays[%d]", at, i), h); err != nil {
			return err
		}
	}
	days := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun", "daily", "weekdays", "weekend"}
	for i, d := range r.Workdays {
		if err := oneOf(fieldf("%s.workdays[%d]", at, i), d, days); err != nil {
			return err
		}
	}
	if r.Strikes < 0 || r.Strikes > 10 {
		return fieldErr(at+".strikes", "%d; allowed are 1 to 10", r.Strikes)
	}
	return nil
}

func checkCodes(field string, codes []string) error {
	for i, c := range codes {
		if err := oneOf(fieldf("%s[%d]", field, i), c, ResponseCodes()); err != nil {
			return err
		}
	}
	return nil
}

func checkPeople(field string, people []Person) error {
	if len(people) > MaxRecipients {
		return fieldErr(field, "has %d entries; %d are allowed", len(people), MaxRecipients)
	}
	for i, p := range people {
		if err := p.check(fieldf("%s[%d]", field, i), false); err != nil {
			return err
		}
	}
	return nil
}

// CheckCodes checks the codes of the categories, which the configuration alone has.
func (r RFARules) CheckCodes(at string) error {
	for _, category := range slices.Sorted(maps.Keys(r.Codes)) {
		if err := oneOf(at+".codes", category, Categories()); err != nil {
			return err
		}
		if err := checkCodes(at+".codes."+category, r.Codes[category]); err != nil {
			return err
		}
	}
	return nil
}

func fieldf(format string, args ...any) string { return fmt.Sprintf(format, args...) }
