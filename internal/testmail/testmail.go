// Package testmail is a real SMTP server in the test's process, which can be told to
// misbehave.
package testmail

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"mime"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
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

	o    Options
	smtp *smtp.Server
	over chan struct{}
	// served is closed when nothing is served any more.
	served chan struct{}
	mu     sync.Mutex
	watch  func(Mail)
	mails  []Mail
	tries  map[string]int
	// answer says what to do with the n-th try (from 1) to an address.
	answer func(to string, n int) Answer
}

// New starts a server, which Close ends.
func New(o Options) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, o: o, over: make(chan struct{}), served: make(chan struct{}), tries: map[string]int{}}
	if o.Implicit {
		l = tls.NewListener(l, o.TLS)
	}
	s.smtp = smtp.NewServer(s)
	s.smtp.Domain, s.smtp.AllowInsecureAuth, s.smtp.TLSConfig = "test.example", true, o.TLS
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.ErrorLog = log.New(io.Discard, "", 0)
	go func() {
		defer close(s.served)
		_ = s.smtp.Serve(l) // it ends with Close
	}()
	return s, nil
}

// Close ends the server.
func (s *Server) Close() {
	close(s.over)
	_ = s.smtp.Close() // its connections are of no use to anybody
	<-s.served
}

// Watch calls a function with each mail from now on, as it is accepted.
func (s *Server) Watch(watch func(Mail)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = watch
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

func (s *Server) accept(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	if s.watch != nil {
		s.watch(m)
	}
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
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return err
	}
	c.s.accept(Mail{
		ID: strings.Trim(m.Header.Get("Message-ID"), "<>"), To: c.to, Subject: subject, Text: string(body), At: time.Now(),
	})
	if c.answer == DropAccepted {
		_ = c.conn.Conn().Close()
	}
	return nil
}
