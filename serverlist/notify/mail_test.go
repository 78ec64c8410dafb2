package notify_test

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"mime"
	"net"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// A mailServer is a real SMTP server on loopback that keeps what it is given.
type mailServer struct {
	address, caFile string

	mu      sync.Mutex
	letters []letter
}

type letter struct {
	user, from string
	to         []string
	secure     bool
	text       string
}

// newMailServer starts a server: "starttls", "tls" from the first byte, or
// "none".
func newMailServer(t *testing.T, protection string) *mailServer {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS() // for its certificate, which is for 127.0.0.1
	cert := web.TLS.Certificates[0]
	web.Close()
	m := &mailServer{caFile: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(m.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o644); err != nil {
		t.Fatal(err)
	}
	s := smtp.NewServer(m)
	s.Domain = "smtp.example.net"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.address = l.Addr().String()
	switch config := (&tls.Config{Certificates: []tls.Certificate{cert}}); protection {
	case notify.TLS:
		l = tls.NewListener(l, config)
	case notify.STARTTLS:
		s.TLSConfig = config
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		l.Close() // Close does not, if Serve has not begun
		<-done
	})
	return m
}

func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	return &mailSession{server: m, letter: letter{secure: secure}}, nil
}

// last returns the only letter.
func (m *mailServer) last(t *testing.T) letter {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.letters) != 1 {
		t.Fatalf("the server has %d letters", len(m.letters))
	}
	return m.letters[0]
}

type mailSession struct {
	server *mailServer
	letter
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "mirror" || password != "swordfish" {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	s.text = string(data)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.letters = append(s.server.letters, s.letter)
	return err
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

// TestMail sends one letter in each way of protection and looks at what a real
// server got.
func TestMail(t *testing.T) {
	t.Parallel()
	for _, protection := range []string{notify.STARTTLS, notify.TLS, notify.NoTLS} {
		t.Run(protection, func(t *testing.T) {
			t.Parallel()
			server := newMailServer(t, protection)
			m := &notify.Mail{Host: server.address, From: "Mirror <mirror@example.net>", To: []string{"a@example.net", "b@example.net"}, TLS: protection, CAFile: server.caFile}
			if protection != notify.NoTLS {
				m.User, m.Password = "mirror", known("swordfish")
			}
			if err := m.Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}
			got := server.last(t)
			if got.user != m.User || got.from != "mirror@example.net" || strings.Join(got.to, " ") != "a@example.net b@example.net" || got.secure != (protection != notify.NoTLS) {
				t.Errorf("the server got %+v", got)
			}
			wantLetter(t, got.text)
		})
	}
}

func wantLetter(t *testing.T, text string) {
	t.Helper()
	parsed, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil || subject != message.Subject || parsed.Header.Get("Auto-Submitted") != "auto-generated" || parsed.Header.Get("Message-Id") == "" {
		t.Errorf("header %v, %v", parsed.Header, err)
	}
	date, err := parsed.Header.Date()
	if err != nil || !date.Equal(message.Time) {
		t.Errorf("date %v, %v", date, err)
	}
	if !strings.Contains(text, "And that: ") {
		t.Errorf("the text is missing:\n%s", text)
	}
}

// TestMailFails: each failure says what to do, and none shows the password.
func TestMailFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server string
		change func(*notify.Mail)
		want   string
	}{
		"wrong password":    {notify.STARTTLS, func(m *notify.Mail) { m.Password = known("s3cret") }, "535"},
		"no password":       {notify.STARTTLS, func(m *notify.Mail) { m.Password = func() (string, error) { return "", errors.New("no such file") } }, "no such file"},
		"unknown authority": {notify.STARTTLS, func(m *notify.Mail) { m.CAFile = "" }, "name the certificate of its authority as ca_file"},
		"no CA":             {notify.STARTTLS, func(m *notify.Mail) { m.CAFile += ".none" }, "ca_file: open "},
		"no TLS there":      {notify.NoTLS, func(*notify.Mail) {}, "STARTTLS"},
		"TLS too early":     {notify.STARTTLS, func(m *notify.Mail) { m.TLS = notify.TLS }, `write tls = "starttls"`},
		"unknown recipient": {notify.STARTTLS, func(m *notify.Mail) { m.To = []string{"nobody@example.net"} }, "no such user"},
		"line break":        {notify.STARTTLS, func(m *notify.Mail) { m.To = []string{"a@example.net\r\nBcc: c@example.net"} }, "to: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newMailServer(t, c.server)
			m := &notify.Mail{Host: server.address, From: "mirror@example.net", To: []string{"a@example.net"}, User: "mirror", Password: known("swordfish"), CAFile: server.caFile}
			c.change(m)
			err := m.Send(t.Context(), message)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "swordfish") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if server.mu.Lock(); len(server.letters) != 0 {
				t.Errorf("the server took %+v", server.letters)
			}
			server.mu.Unlock()
		})
	}
}
