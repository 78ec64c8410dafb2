package mail_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const user, password = "root@ms.example.org", "correct horse"

// A post is a mail server on loopback.
type post struct {
	host string
	port int
	pool *x509.CertPool

	mu       sync.Mutex
	got      []string // messages as they came
	to       []string
	refuse   error         // what RCPT answers
	begun    chan struct{} // not nil: a message has begun to come
	stall    chan struct{} // not nil: until when no message is answered
	loggedIn bool
}

// newPost starts a mail server. secure: it offers STARTTLS and takes logins.
func newPost(t *testing.T, secure bool) *post { return startPost(t, secure, false) }

// newPostTLS starts one that speaks TLS from the first byte.
func newPostTLS(t *testing.T) *post { return startPost(t, true, true) }

func startPost(t *testing.T, secure, atOnce bool) *post {
	t.Helper()
	p := &post{}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{post: p}, nil }))
	server.AllowInsecureAuth = !secure
	server.ErrorLog = noLog{}
	if secure {
		web := httptest.NewTLSServer(nil) // for its certificate, which holds for 127.0.0.1
		server.TLSConfig = &tls.Config{Certificates: web.TLS.Certificates}
		p.pool = x509.NewCertPool()
		p.pool.AddCert(web.Certificate())
		web.Close()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	if atOnce {
		l = tls.NewListener(l, server.TLSConfig)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() { server.Close(); l.Close(); <-ended }) // Serve may not have begun
	p.host, p.port = addr.IP.String(), addr.Port
	return p
}

type noLog struct{}

func (noLog) Printf(string, ...any) {}
func (noLog) Println(...any)        {}

type session struct {
	post *post
	to   string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, u, p string) error {
		if u != user || p != password {
			return errors.New("wrong user or password")
		}
		s.post.mu.Lock()
		defer s.post.mu.Unlock()
		s.post.loggedIn = true
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	s.to = to
	return s.post.refuse
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if s.post.stall != nil {
		close(s.post.begun)
		<-s.post.stall
		return errors.New("too late")
	}
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	s.post.got, s.post.to = append(s.post.got, string(text)), append(s.post.to, s.to)
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (p *post) received() (texts, to []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got, p.to
}

func (p *post) config() mail.Config {
	c := mail.Config{
		Host: p.host, Port: p.port, From: "root@ms.example.org", User: user, Security: mail.STARTTLS,
		Password: func() (string, error) { return password, nil },
		RootCAs:  &mail.TLSRoots{Pool: p.pool},
	}
	if p.pool == nil {
		c.Security = mail.Plain
	}
	return c
}

type outbox struct {
	store.Store
	clock *serverlisttest.Clock
}

func newOutbox(t *testing.T) *outbox {
	t.Helper()
	clock := serverlisttest.NewClock(time.Date(2026, 11, 3, 11, 42, 0, 0, time.UTC))
	s, err := store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "root.db"), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &outbox{s, clock}
}

func (o *outbox) put(t *testing.T, keys ...string) {
	t.Helper()
	for _, k := range keys {
		m := store.Message{Key: k, Recipient: k + "@example.net", Subject: "Mirror " + k + " — ill", Body: "It is ill.\n.\nSo it is.\n"}
		if err := o.PutMessages(t.Context(), []store.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
}

func (o *outbox) sender(t *testing.T, cfg mail.Config) *mail.Sender {
	t.Helper()
	s, err := mail.NewSender(cfg, o, "ms.example.org", o.clock.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (o *outbox) waiting(t *testing.T) int {
	t.Helper()
	c, err := o.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c.Messages
}

func TestSend(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{true, false} {
		t.Run(fmt.Sprintf("secure %v", secure), func(t *testing.T) {
			t.Parallel()
			p, o := newPost(t, secure), newOutbox(t)
			o.put(t, "a", "b")
			s := o.sender(t, p.config())
			for range 2 { // what is sent is not sent again
				if err := s.Send(t.Context()); err != nil {
					t.Fatal(err)
				}
				o.clock.Advance(time.Hour)
			}
			texts, to := p.received()
			if len(texts) != 2 || to[0] != "a@example.net" || to[1] != "b@example.net" || !p.loggedIn {
				t.Fatalf("%d messages to %q, logged in: %v", len(texts), to, p.loggedIn)
			}
			for _, want := range []string{"From: <root@ms.example.org>", "To: <a@example.net>", "Auto-Submitted: auto-generated", "Message-ID: <", "It is ill.\r\n.\r\nSo it is."} {
				if !strings.Contains(texts[0], want) {
					t.Errorf("the message lacks %q:\n%s", want, texts[0])
				}
			}
			if n := o.waiting(t); n != 0 {
				t.Errorf("%d wait", n)
			}
		})
	}
}

// A mail server that is away costs time and no message.
func TestRetry(t *testing.T) {
	t.Parallel()
	p, o := newPost(t, true), newOutbox(t)
	o.put(t, "a")
	away := p.config()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away.Port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	if err := o.sender(t, away).Send(t.Context()); err == nil || !strings.Contains(err.Error(), "mail server 127.0.0.1:") {
		t.Errorf("without a server: %v", err)
	}
	s := o.sender(t, p.config())
	if err := s.Send(t.Context()); err != nil || o.waiting(t) != 1 {
		t.Errorf("too early: %v", err)
	}
	o.clock.Advance(time.Minute)
	p.refuse = &smtp.SMTPError{Code: 451, Message: "grey listed"}
	if err := s.Send(t.Context()); err == nil || o.waiting(t) != 1 {
		t.Errorf("a temporary refusal: %v, %d wait", err, o.waiting(t))
	}
	p.refuse = nil
	o.clock.Advance(2 * time.Minute)
	if err := s.Send(t.Context()); err != nil || o.waiting(t) != 0 {
		t.Errorf("at last: %v, %d wait", err, o.waiting(t))
	}
	all, err := o.Messages(t.Context(), 10)
	if err != nil || len(all) != 1 || all[0].Tries != 3 || all[0].Error != "" || all[0].Done.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestGiveUp(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*post, *outbox){
		"refused for good": func(p *post, _ *outbox) { p.refuse = &smtp.SMTPError{Code: 550, Message: "nobody of this name"} },
		"after three days": func(p *post, o *outbox) {
			p.refuse = &smtp.SMTPError{Code: 451, Message: "later"}
			o.clock.Advance(73 * time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, o := newPost(t, true), newOutbox(t)
			o.put(t, "a")
			change(p, o)
			if err := o.sender(t, p.config()).Send(t.Context()); err == nil {
				t.Error("no error")
			}
			all, err := o.Messages(t.Context(), 10)
			if err != nil || o.waiting(t) != 0 || !strings.Contains(all[0].Error, "given up") {
				t.Errorf("%+v, %v", all, err)
			}
		})
	}
}

// No password travels where it can be read, and none is told.
func TestSecrets(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	o.put(t, "a")
	plain := newPost(t, false).config()
	plain.Security = mail.STARTTLS // the server does not offer it
	if err := o.sender(t, plain).Send(t.Context()); err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("without STARTTLS: %v", err)
	}
	wrong := newPost(t, true).config()
	wrong.Password = func() (string, error) { return "wrong horse", nil }
	o.clock.Advance(time.Hour)
	if err := o.sender(t, wrong).Send(t.Context()); err == nil || strings.Contains(err.Error(), "wrong horse") {
		t.Errorf("with a wrong password: %v", err)
	}
	stranger := newPost(t, true).config()
	stranger.RootCAs = nil
	o.clock.Advance(time.Hour)
	if err := o.sender(t, stranger).Send(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown certificate: %v", err)
	}
	if o.waiting(t) != 1 {
		t.Error("the message is gone")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	secret := func() (string, error) { return password, nil }
	for want, c := range map[string]mail.Config{
		"no host":              {From: "a@example.org"},
		"no from":              {Host: "mail"},
		"not an e-mail":        {Host: "mail", From: "a"},
		"not known":            {Host: "mail", From: "a@example.org", Security: "ssl"},
		"not a port":           {Host: "mail", From: "a@example.org", Port: 70000},
		"password_file":        {Host: "mail", From: "a@example.org", User: "u"},
		"unencrypted":          {Host: "mail", From: "a@example.org", User: "u", Password: secret, Security: mail.Plain},
		`"b" is not an e-mail`: {Host: "mail", From: "a@example.org", Admins: []string{"b"}},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	ok := mail.Config{Host: "127.0.0.1", From: "a@example.org", User: "u", Password: secret, Security: mail.Plain}
	if err := ok.Check(); err != nil {
		t.Error(err)
	}
}

func TestRunEnds(t *testing.T) {
	t.Parallel()
	o, p := newOutbox(t), newPost(t, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.sender(t, p.config()).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A mail server that does not answer holds up nobody who ends the program, and
// the message waits as it did before.
func TestEndWhileSending(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{true, false} {
		t.Run(fmt.Sprintf("secure %v", secure), func(t *testing.T) {
			t.Parallel()
			p, o := newPost(t, secure), newOutbox(t)
			p.begun, p.stall = make(chan struct{}), make(chan struct{})
			defer close(p.stall)
			o.put(t, "a", "b")
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-p.begun; cancel() }()
			if err := o.sender(t, p.config()).Run(ctx); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			all, err := o.Messages(t.Context(), 10)
			if err != nil || len(all) != 2 || all[0].Tries+all[1].Tries != 0 || o.waiting(t) != 2 {
				t.Errorf("%+v, %v", all, err)
			}
		})
	}
}

// TLS from the first byte, as on port 465.
func TestImplicitTLS(t *testing.T) {
	t.Parallel()
	p, o := newPostTLS(t), newOutbox(t)
	o.put(t, "a")
	cfg := p.config()
	cfg.Security = mail.TLS
	if err := o.sender(t, cfg).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if texts, _ := p.received(); len(texts) != 1 || !p.loggedIn {
		t.Errorf("%d messages, logged in: %v", len(texts), p.loggedIn)
	}
	cfg.RootCAs = nil
	o.put(t, "b")
	if err := o.sender(t, cfg).Send(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown certificate: %v", err)
	}
}
