// Package mail sends e-mail over SMTP, or writes it into a folder where there is no
// server.
package mail

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Ways to secure the connection to a server.
const (
	// TLSStart begins in the clear and has to change to TLS (STARTTLS; port 587).
	TLSStart = "starttls"
	// TLSImplicit is TLS from the beginning (port 465).
	TLSImplicit = "tls"
	// TLSNone is none: for a relay on this host, or in tests.
	TLSNone = "none"
)

// Options say where mail goes.
type Options struct {
	// Host is the SMTP server; empty for none.
	Host string
	Port int
	// TLS is one of TLSStart, TLSImplicit and TLSNone.
	TLS string
	// Username and Password; none where the server wants no authentication.
	Username, Password string
	// From is the sender's address, FromName a name beside it.
	From, FromName string
	// Timeout bounds the whole sending of one mail.
	Timeout time.Duration
	// TLSConfig is for tests; nil for the system's certificates.
	TLSConfig *tls.Config
	// Outbox is a folder in which mail is written where there is no Host.
	Outbox string
}

// Message is one mail to one address.
type Message struct {
	// ID identifies the mail: the same one, sent again, has the same Message-ID.
	ID         string
	ToName, To string
	Subject    string
	Text       string
	HTML       string
}

// RefusedError is that the server has refused the address or the message: trying
// again cannot help. Everything else may pass.
type RefusedError struct{ err error }

func (e *RefusedError) Error() string { return e.err.Error() }

func (e *RefusedError) Unwrap() error { return e.err }

// Sender sends mail.
type Sender struct{ o Options }

// New makes a sender.
func New(o Options) (*Sender, error) {
	if o.Host == "" && o.Outbox == "" {
		return nil, errors.New("there is neither a mail server nor a folder for mail")
	}
	return &Sender{o}, nil
}

// Check reports whether the server answers and, where one is needed, accepts the
// login. A folder is made.
func (s *Sender) Check(ctx context.Context) error {
	if s.o.Host == "" {
		return os.MkdirAll(s.o.Outbox, 0o700)
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	if err := c.DialWithContext(ctx); err != nil {
		return s.problem(err)
	}
	return s.problem(c.Close())
}

// MessageID is the Message-ID, without its brackets, of a message's ID.
func (s *Sender) MessageID(id string) string {
	sum := sha256.Sum256([]byte(id))
	domain := s.o.From[strings.LastIndexByte(s.o.From, '@')+1:]
	return hex.EncodeToString(sum[:16]) + "@" + domain
}

// Send sends one mail and returns its Message-ID. A mail that the server has accepted
// is sent, whatever becomes of the connection then. An error is a RefusedError where
// trying again cannot help. Between the server's acceptance and this one's answer
// a crash makes a second try, with the same Message-ID: SMTP cannot promise more.
func (s *Sender) Send(ctx context.Context, m Message) (messageID string, err error) {
	msg, err := s.compose(m)
	if err != nil {
		return "", &RefusedError{err}
	}
	messageID = s.MessageID(m.ID)
	if s.o.Host == "" {
		return messageID, s.write(msg, messageID)
	}
	c, err := s.client()
	if err != nil {
		return "", err
	}
	if err = c.DialAndSendWithContext(ctx, msg); err != nil && !msg.IsDelivered() {
		return "", s.problem(err)
	}
	return messageID, nil
}

func (s *Sender) compose(m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	if err := msg.FromFormat(plain(s.o.FromName), s.o.From); err != nil {
		return nil, fmt.Errorf("sender %s: %w", s.o.From, err)
	}
	if err := msg.AddToFormat(plain(m.ToName), m.To); err != nil {
		return nil, fmt.Errorf("recipient %s: %w", m.To, err)
	}
	msg.Subject(oneLine(m.Subject))
	msg.SetMessageIDWithValue(s.MessageID(m.ID))
	msg.SetDate()
	// No holiday greetings in answer (RFC 3834).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

// plain is a name that stands between quotes in a header.
func plain(name string) string {
	return strings.NewReplacer(`"`, "'", `\`, "/").Replace(oneLine(name))
}

// oneLine keeps what others have written out of a mail's headers.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
}

func (s *Sender) client() (*gomail.Client, error) {
	opts := []gomail.Option{gomail.WithTimeout(s.o.Timeout), gomail.WithoutNoop()}
	if s.o.TLSConfig != nil {
		opts = append(opts, gomail.WithTLSConfig(s.o.TLSConfig))
	}
	switch s.o.TLS {
	case TLSNone:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	case TLSImplicit:
		opts = append(opts, gomail.WithSSL())
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	opts = append(opts, gomail.WithPort(s.o.Port))
	if s.o.Username != "" {
		auth := gomail.SMTPAuthAutoDiscover
		if s.o.TLS == TLSNone { // auto-discovery takes no password to a server in the clear
			auth = gomail.SMTPAuthPlainNoEnc
		}
		opts = append(opts, gomail.WithSMTPAuth(auth), gomail.WithUsername(s.o.Username), gomail.WithPassword(s.o.Password))
	}
	c, err := gomail.NewClient(s.o.Host, opts...)
	if err != nil {
		return nil, fmt.Errorf("mail server %s: %w", s.o.Host, err)
	}
	return c, nil
}

// problem says what failed, and whether it would again: a server's 5xx to the address
// or the message. One to the sender or the login is the operator's to mend.
func (s *Sender) problem(err error) error {
	if err == nil {
		return nil
	}
	text := fmt.Errorf("mail server %s:%d: %w", s.o.Host, s.o.Port, err)
	var e *gomail.SendError
	if !errors.As(err, &e) || e.ErrorCode() < 500 {
		return text
	}
	switch e.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		return &RefusedError{text}
	}
	return text
}

// write puts a mail into the outbox, whole or not at all. Sent again, it is the same
// file.
func (s *Sender) write(msg *gomail.Msg, messageID string) error {
	if err := os.MkdirAll(s.o.Outbox, 0o700); err != nil {
		return err
	}
	name := filepath.Join(s.o.Outbox, messageID[:strings.IndexByte(messageID, '@')]+".eml")
	half, err := os.CreateTemp(s.o.Outbox, ".half-*")
	if err != nil {
		return err
	}
	_, err = msg.WriteTo(half)
	if err = errors.Join(err, half.Close()); err == nil {
		err = os.Rename(half.Name(), name)
	}
	if err != nil {
		_ = os.Remove(half.Name())
	}
	return err
}
