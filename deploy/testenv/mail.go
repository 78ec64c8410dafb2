package testenv

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Who may log in at a [MailServer].
const (
	MailUser     = "mirror"
	MailPassword = "swordfish"
)

// A MailServer is a real SMTP server on loopback that keeps what it is given.
type MailServer struct {
	Address string // host:port
	CAFile  string // the certificate of its TLS

	mu      sync.Mutex
	letters []Letter
	refuse  func(to string) error
	stall   func() (keep bool)
}

// A Letter is what a server was given.
type Letter struct {
	User   string // who was logged in; "": nobody
	From   string
	To     []string
	Secure bool // it came by TLS
	Text   string
}

// Mail starts a mail server with "starttls", "tls" from the first byte, or
// "none", which takes a login without TLS. It ends with the test.
func Mail(t testing.TB, protection string) *MailServer {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate, which is for 127.0.0.1
	cert := web.TLS.Certificates[0]
	web.Close()
	m := &MailServer{CAFile: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(m.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o644); err != nil {
		t.Fatal(err)
	}
	s := smtp.NewServer(m)
	s.Domain = "smtp.example.net"
	s.AllowInsecureAuth = protection == "none"
	s.ErrorLog = noLog{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.Address = l.Addr().String()
	switch config := (&tls.Config{Certificates: []tls.Certificate{cert}}); protection {
	case "tls":
		l = tls.NewListener(l, config)
	case "starttls":
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

// Letters returns what the server was given so far.
func (m *MailServer) Letters() []Letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.letters)
}

// Refuse sets what the server answers to a recipient from now on: an
// [smtp.SMTPError], or nil to take the letter. A nil function takes all.
func (m *MailServer) Refuse(answer func(to string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = answer
}

// Stall makes the server read one letter and neither keep nor answer it until
// the test ends. The channel is closed when it has read it.
func (m *MailServer) Stall(t testing.TB) (begun <-chan struct{}) {
	read, end := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(end) })
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stall = func() bool { close(read); <-end; return false }
	return read
}

// Hold makes the server answer the next letter only after answer is called; it
// keeps it. The channel is closed when it has read the letter.
func (m *MailServer) Hold(t testing.TB) (begun <-chan struct{}, answer func()) {
	read, end := make(chan struct{}), make(chan struct{})
	answer = sync.OnceFunc(func() { close(end) })
	t.Cleanup(answer)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stall = func() bool { close(read); <-end; return true }
	return read, answer
}

// NewSession is for the SMTP library.
func (m *MailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	return &mailSession{server: m, secure: secure}, nil
}

type noLog struct{}

func (noLog) Printf(string, ...any) {}
func (noLog) Println(...any)        {}

type mailSession struct {
	server     *MailServer
	secure     bool
	user, from string
	to         []string
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != MailUser || password != MailPassword {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.refuse != nil {
		if err := s.server.refuse(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	s.server.mu.Lock()
	stall := s.server.stall
	s.server.stall = nil
	s.server.mu.Unlock()
	if stall != nil && !stall() {
		return &smtp.SMTPError{Code: 451, Message: "too late"}
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.letters = append(s.server.letters, Letter{s.user, s.from, s.to, s.secure, string(data)})
	return err
}

func (s *mailSession) Reset()        { s.from, s.to = "", nil }
func (s *mailSession) Logout() error { return nil }
