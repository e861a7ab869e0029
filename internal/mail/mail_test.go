package mail_test

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/mail"
	"signalbox/internal/testmail"
)

var letter = mail.Message{ID: "one", ToName: "สมชาย", To: "ann@example.com", Subject: "อนุมัติ RFA-1", Text: "text ก", HTML: "<p>html ก</p>"}

func sender(t *testing.T, s *testmail.Server, change ...func(*mail.Options)) *mail.Sender {
	t.Helper()
	o := mail.Options{Host: s.Host, Port: s.Port, TLS: mail.TLSNone, From: "signalbox@example.com", FromName: "Signalbox", Timeout: time.Minute}
	for _, c := range change {
		c(&o)
	}
	m, err := mail.New(o)
	require.NoError(t, err)
	return m
}

func TestAMailArrives(t *testing.T) {
	s := testmail.Start(t, testmail.Options{})
	m := sender(t, s)
	require.NoError(t, m.Check(t.Context()))
	id, err := m.Send(t.Context(), letter)
	require.NoError(t, err)
	require.Equal(t, m.MessageID("one"), id)
	got := s.Mails()
	require.Len(t, got, 1)
	require.Equal(t, "ann@example.com", got[0].To)
	require.Equal(t, letter.Subject, got[0].Subject)
	require.Equal(t, id, got[0].ID)
	require.Contains(t, got[0].Text, "text/plain")
	require.Contains(t, got[0].Text, "text/html")

	// The same one again has the same Message-ID, another one another.
	_, err = m.Send(t.Context(), letter)
	require.NoError(t, err)
	other := letter
	other.ID = "two"
	_, err = m.Send(t.Context(), other)
	require.NoError(t, err)
	got = s.Mails()
	require.Equal(t, got[0].ID, got[1].ID)
	require.NotEqual(t, got[0].ID, got[2].ID)
}

// What people have written cannot become a header.
func TestHeadersCannotBeInjected(t *testing.T) {
	s := testmail.Start(t, testmail.Options{})
	evil := letter
	evil.Subject = "x\r\nBcc: all@example.com\r\n\r\nboo"
	evil.ToName = "Ann 12\" \\\r\nX-Evil: 1"
	_, err := sender(t, s).Send(t.Context(), evil)
	require.NoError(t, err)
	require.Equal(t, "x Bcc: all@example.com boo", s.Mails()[0].Subject)
	require.Len(t, s.Mails(), 1)
}

func TestWhatAServerMayDo(t *testing.T) {
	s := testmail.Start(t, testmail.Options{})
	short := sender(t, s, func(o *mail.Options) { o.Timeout = 300 * time.Millisecond })
	for name, c := range map[string]struct {
		answer  testmail.Answer
		refused bool
		says    string
	}{
		"another time":            {testmail.Defer, false, "try again later"},
		"no such address":         {testmail.Refuse, true, "no such mailbox"},
		"not this message":        {testmail.RefuseData, true, "refused"},
		"the connection drops":    {testmail.Drop, false, ""},
		"it hangs":                {testmail.Hang, false, "timeout"},
		"accepted, and then gone": {testmail.DropAccepted, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s.Answers(func(string, int) testmail.Answer { return c.answer })
			_, err := short.Send(t.Context(), letter)
			require.ErrorContains(t, err, c.says)
			var refused *mail.RefusedError
			require.Equal(t, c.refused, errors.As(err, &refused), "%v", err)
		})
	}
	s.Answers(nil)
	_, err := short.Send(t.Context(), letter)
	require.NoError(t, err)
	_, err = sender(t, s, func(o *mail.Options) { o.Port = 1 }).Send(t.Context(), letter)
	require.ErrorContains(t, err, "mail server 127.0.0.1:1: ")
}

func TestTLSAndLogin(t *testing.T) {
	server, client := testmail.Certificate(t)
	for name, c := range map[string]struct {
		implicit bool
		tls      string
	}{"starttls": {false, mail.TLSStart}, "tls": {true, mail.TLSImplicit}} {
		t.Run(name, func(t *testing.T) {
			s := testmail.Start(t, testmail.Options{Username: "box", Password: "secret", TLS: server, Implicit: c.implicit})
			with := func(password string, trust *tls.Config) error {
				m := sender(t, s, func(o *mail.Options) {
					o.TLS, o.TLSConfig, o.Username, o.Password = c.tls, trust, "box", password
				})
				_, err := m.Send(t.Context(), letter)
				return err
			}
			require.NoError(t, with("secret", client))
			var refused *mail.RefusedError
			err := with("wrong", client)
			require.ErrorContains(t, err, "535")
			require.False(t, errors.As(err, &refused), "an operator can mend the login")
			require.ErrorContains(t, with("secret", nil), "certificate")
		})
	}
	// A server without STARTTLS gets no mail in the clear.
	s := testmail.Start(t, testmail.Options{})
	_, err := sender(t, s, func(o *mail.Options) { o.TLS = mail.TLSStart }).Send(t.Context(), letter)
	require.ErrorContains(t, err, "STARTTLS")
	require.Empty(t, s.Mails())
}

func TestTheOutbox(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	m, err := mail.New(mail.Options{Outbox: dir, From: "signalbox@localhost"})
	require.NoError(t, err)
	require.NoError(t, m.Check(t.Context()))
	for range 2 { // again, it is the same file
		_, err = m.Send(t.Context(), letter)
		require.NoError(t, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Contains(t, string(data), "ann@example.com")
	left, err := filepath.Glob(filepath.Join(dir, ".half*"))
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = mail.New(mail.Options{})
	require.ErrorContains(t, err, "neither a mail server nor a folder")
}
