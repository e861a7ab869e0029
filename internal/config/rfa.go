package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"signalbox/internal/mail"
	"signalbox/internal/notices"
	"signalbox/workflows/contract"
)

// RFA is what approvals go by where they have no rules of their own, and how people
// are told.
type RFA struct {
	contract.RFARules `yaml:",inline"`
	Mail              Mail `yaml:"mail" json:"mail"`
	// Language of the notices: en or th.
	Language string `yaml:"language" json:"language"`
	// Templates is a folder with folders en and th, whose files replace built-in ones.
	Templates string `yaml:"templates" json:"templates"`
	// Link is the address of an RFA's page, with {projectId}, {number} and {revision}.
	Link string `yaml:"link" json:"link"`
	// GiveUp is how long one message is tried before it is reported as failed.
	GiveUp time.Duration `yaml:"giveUp" json:"giveUp"`
}

// Mail is the SMTP server.
type Mail struct {
	// Host is empty for none: then there is no role rfa, unless Outbox is a folder.
	Host string `yaml:"host" json:"host"`
	Port int    `yaml:"port" json:"port"`
	// TLS is starttls, tls or none.
	TLS      string `yaml:"tls" json:"tls"`
	Username string `yaml:"username" json:"username"`
	Password string `yaml:"password" json:"-"`
	// From is the sender's address, FromName the name beside it.
	From     string `yaml:"from" json:"from"`
	FromName string `yaml:"fromName" json:"fromName"`
	// Timeout bounds the sending of one mail.
	Timeout time.Duration `yaml:"timeout" json:"timeout"`
	// Outbox is a folder into which mail is written instead, to try things out.
	Outbox string `yaml:"outbox" json:"outbox"`
}

// Configured reports whether there is somewhere for mail to go.
func (m Mail) Configured() bool { return m.Host != "" || m.Outbox != "" }

// Options are those of the package mail.
func (m Mail) Options() mail.Options {
	return mail.Options{
		Host: m.Host, Port: m.Port, TLS: m.TLS, Username: m.Username, Password: m.Password,
		From: m.From, FromName: m.FromName, Timeout: m.Timeout, Outbox: m.Outbox,
	}
}

// Notices are the options of the package notices.
func (r RFA) Notices() notices.Options {
	return notices.Options{Language: r.Language, Dir: r.Templates, Link: r.Link}
}

func defaultRFA() RFA {
	return RFA{
		RFARules: contract.DefaultRFARules(), Language: "en", GiveUp: 24 * time.Hour,
		Mail: Mail{Port: 587, TLS: mail.TLSStart, From: "signalbox@localhost", FromName: "Signalbox", Timeout: 30 * time.Second},
	}
}

// RFARules are the rules of approvals: holidays are those of the schedule, unless
// there are others.
func (c Config) RFARules() contract.RFARules {
	r := c.RFA.RFARules
	if r.Reminders.Holidays == nil {
		r.Reminders.Holidays = c.Schedule.Holidays
	}
	r.Webhooks = slices.Sorted(maps.Keys(c.Webhooks.Recipients))
	return r
}

func (c *Config) checkRFA(bad func(string, ...any)) {
	r := c.RFA
	for _, err := range []error{r.Check("rfa"), r.CheckCodes("rfa")} {
		if err != nil {
			bad("%v", err)
		}
	}
	for field, empty := range map[string]bool{"at": r.Reminders.At == "", "until": r.Reminders.Until == "", "strikes": r.Reminders.Strikes == 0} {
		if empty {
			bad("rfa.reminders.%s: is missing", field)
		}
	}
	if !slices.Contains(notices.Languages(), r.Language) {
		bad("rfa.language: %q; allowed are %s", r.Language, strings.Join(notices.Languages(), ", "))
	}
	if _, ok := httpAddress(r.Link); r.Link != "" && !ok {
		bad("rfa.link: %q is no http(s) address such as https://dms.example.com/rfa/{number}/{revision}", r.Link)
	}
	if _, err := notices.New(r.Notices()); err != nil && slices.Contains(notices.Languages(), r.Language) {
		bad("rfa.templates, rfa.link: %v", err)
	}
	between(bad, "rfa.giveUp", r.GiveUp, time.Minute, 7*24*time.Hour)
	m := r.Mail
	if !slices.Contains([]string{mail.TLSStart, mail.TLSImplicit, mail.TLSNone}, m.TLS) {
		bad("rfa.mail.tls: %q; allowed are starttls, tls, none", m.TLS)
	}
	if m.Port < 1 || m.Port > 65535 {
		bad("rfa.mail.port: %d; allowed are 1 to 65535", m.Port)
	}
	if strings.ContainsAny(m.Host, ":/ ") {
		bad("rfa.mail.host: %q is no host name; the port is rfa.mail.port", m.Host)
	}
	if err := contract.CheckEmail("rfa.mail.from", m.From); err != nil {
		bad("%v", err)
	}
	if m.Host != "" && m.From == defaultRFA().Mail.From {
		bad("rfa.mail.from: %s is the example's; write the address that mail comes from", m.From)
	}
	if (m.Username == "") != (m.Password == "") {
		bad("rfa.mail.username, rfa.mail.password: either both or none (the password may come from SIGNALBOX_RFA_MAIL_PASSWORD)")
	}
	between(bad, "rfa.mail.timeout", m.Timeout, time.Second, time.Minute)
	if m.Host != "" && m.Outbox != "" {
		bad("rfa.mail.outbox: there is a host too; mail goes to one of them")
	}
}

// MailPlace says where mail goes, for people.
func (m Mail) MailPlace() string {
	switch {
	case m.Host != "":
		return fmt.Sprintf("%s:%d (%s) as %s", m.Host, m.Port, m.TLS, m.From)
	case m.Outbox != "":
		return m.Outbox + " (a folder: nothing is sent)"
	}
	return "nowhere: rfa.mail.host is not set"
}
