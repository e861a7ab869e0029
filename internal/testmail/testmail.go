// Package testmail is a real SMTP server in the test's process, which can be told to
// misbehave.
package testmail

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// Answer is what the server does with a mail.
type Answer int

// Answers.
const (
	// Accept takes the mail.
	Accept Answer = iota
	// Defer answers 451: another time.
	Defer
	// Refuse answers 550 to the address.
	Refuse
	// RefuseData answers 554 to the message.
	RefuseData
	// Drop closes the connection in the middle of the mail.
	Drop
	// DropAccepted takes the mail, and closes the connection without saying so.
	DropAccepted
	// Hang answers nothing until the server ends.
	Hang
)

// Mail is one that was accepted.
type Mail struct {
	ID, To, Subject, Text string
	At                    time.Time
}

// Options of a server.
type Options struct {
	// Username and Password that it wants; none unless given.
	Username, Password string
	TLS                *tls.Config
	// Implicit is TLS from the first byte, and not by STARTTLS.
	Implicit bool
}

// Server is the SMTP server.
type Server struct {
	Host string
	Port int

	o     Options
	smtp  *smtp.Server
	over  chan struct{}
	mu    sync.Mutex
	mails []Mail
	tries map[string]int
	// answer says what to do with the n-th try (from 1) to an address.
	answer func(to string, n int) Answer
}

// Start starts a server that ends with the test.
func Start(t *testing.T, o Options) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, o: o, over: make(chan struct{}), tries: map[string]int{}}
	if o.Implicit {
		l = tls.NewListener(l, o.TLS)
	}
	s.smtp = smtp.NewServer(s)
	s.smtp.Domain, s.smtp.AllowInsecureAuth, s.smtp.TLSConfig = "test.example", true, o.TLS
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.ErrorLog = log.New(io.Discard, "", 0)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.smtp.Serve(l) // it ends with Close
	}()
	t.Cleanup(func() {
		close(s.over)
		_ = s.smtp.Close()
		<-served
	})
	return s
}

// Answers sets what the server does from now on; nil accepts everything.
func (s *Server) Answers(answer func(to string, n int) Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// Mails are those that were accepted, the oldest first.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// To are the subjects that an address was sent.
func (s *Server) To(address string) (subjects []string) {
	for _, m := range s.Mails() {
		if m.To == address {
			subjects = append(subjects, m.Subject)
		}
	}
	return subjects
}

// Tries is how often a mail to an address was begun.
func (s *Server) Tries(address string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries[address]
}

// NewSession implements smtp.Backend.
func (s *Server) NewSession(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, conn: c}, nil }

type session struct {
	s      *Server
	conn   *smtp.Conn
	to     string
	answer Answer
	known  bool // who it is
}

// AuthMechanisms implements smtp.AuthSession.
func (c *session) AuthMechanisms() []string {
	if c.s.o.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != c.s.o.Username || password != c.s.o.Password {
			return smtp.ErrAuthFailed
		}
		c.known = true
		return nil
	}), nil
}

func (c *session) Reset() { c.to = "" }

func (c *session) Logout() error { return nil }

func (c *session) Mail(string, *smtp.MailOptions) error {
	if c.s.o.Username != "" && !c.known {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.s.mu.Lock()
	c.to = to
	c.s.tries[to]++
	c.answer = Accept
	if c.s.answer != nil {
		c.answer = c.s.answer(to, c.s.tries[to])
	}
	c.s.mu.Unlock()
	switch c.answer {
	case Refuse:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	case Defer:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
	case Hang:
		<-c.s.over
		return errors.New("over")
	}
	return nil
}

func (c *session) Data(r io.Reader) error {
	if c.answer == Drop {
		_ = c.conn.Conn().Close()
		return errors.New("dropped")
	}
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	if c.answer == RefuseData {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "refused"}
	}
	subject, err := decode(m.Header.Get("Subject"))
	if err != nil {
		return err
	}
	c.s.mu.Lock()
	c.s.mails = append(c.s.mails, Mail{
		ID: strings.Trim(m.Header.Get("Message-ID"), "<>"), To: c.to, Subject: subject, Text: string(body), At: time.Now(),
	})
	c.s.mu.Unlock()
	if c.answer == DropAccepted {
		_ = c.conn.Conn().Close()
	}
	return nil
}
