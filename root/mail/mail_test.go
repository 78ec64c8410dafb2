package mail_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config(server *testenv.MailServer) mail.Mail {
	return mail.Mail{Server: notify.Mail{
		Host: server.Address, From: "root@ms.example.org", User: testenv.MailUser, CAFile: server.CAFile,
		Password: func() (string, error) { return testenv.MailPassword, nil },
	}}
}

// refuse makes the server answer so to every recipient.
func refuse(server *testenv.MailServer, code int, message string) {
	server.Refuse(func(string) error { return &smtp.SMTPError{Code: code, Message: message} })
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

func (o *outbox) sender(t *testing.T, server mail.Mail) *mail.Sender {
	t.Helper()
	return o.senderOf(t, mail.Config{Mail: &server})
}

func (o *outbox) senderOf(t *testing.T, cfg mail.Config) *mail.Sender {
	t.Helper()
	cfg.Outbox, cfg.Origin, cfg.Now = o, "ms.example.org", o.clock.Now
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s, err := mail.NewSender(cfg)
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
	p, o := testenv.Mail(t, notify.STARTTLS), newOutbox(t)
	o.put(t, "a", "b")
	s := o.sender(t, config(p))
	for range 2 { // what is sent is not sent again
		if err := s.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		o.clock.Advance(time.Hour)
	}
	all := p.Letters()
	if len(all) != 2 || strings.Join(all[0].To, " ") != "a@example.net" || strings.Join(all[1].To, " ") != "b@example.net" {
		t.Fatalf("the server got %+v", all)
	}
	for _, want := range []string{"From: <root@ms.example.org>", "To: <a@example.net>", "Auto-Submitted: auto-generated", "Message-ID: <", "It is ill.\r\n.\r\nSo it is."} {
		if !strings.Contains(all[0].Text, want) {
			t.Errorf("the message lacks %q:\n%s", want, all[0].Text)
		}
	}
	if n := o.waiting(t); n != 0 {
		t.Errorf("%d wait", n)
	}
}

// A mail server that is away costs time and no message.
func TestRetry(t *testing.T) {
	t.Parallel()
	p, o := testenv.Mail(t, notify.STARTTLS), newOutbox(t)
	o.put(t, "a")
	away := config(p)
	away.Server.Host = testenv.FreeAddress(t)
	if err := o.sender(t, away).Send(t.Context()); err == nil || !strings.Contains(err.Error(), "mail server 127.0.0.1:") {
		t.Errorf("without a server: %v", err)
	}
	s := o.sender(t, config(p))
	if err := s.Send(t.Context()); err != nil || o.waiting(t) != 1 {
		t.Errorf("too early: %v", err)
	}
	o.clock.Advance(time.Minute)
	refuse(p, 451, "grey listed")
	if err := s.Send(t.Context()); err == nil || o.waiting(t) != 1 {
		t.Errorf("a temporary refusal: %v, %d wait", err, o.waiting(t))
	}
	p.Refuse(nil)
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
	for name, change := range map[string]func(*testenv.MailServer, *outbox){
		"refused for good": func(p *testenv.MailServer, _ *outbox) { refuse(p, 550, "<A@example.net>: nobody of this name") },
		"after three days": func(p *testenv.MailServer, o *outbox) {
			refuse(p, 451, "a@example.net is busy: later")
			o.clock.Advance(73 * time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, o := testenv.Mail(t, notify.STARTTLS), newOutbox(t)
			o.put(t, "a")
			change(p, o)
			var log strings.Builder
			server := config(p)
			s := o.senderOf(t, mail.Config{Mail: &server, Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err := s.Send(t.Context()); err == nil {
				t.Error("no error")
			}
			all, err := o.Messages(t.Context(), 10)
			if err != nil || o.waiting(t) != 0 || !strings.Contains(all[0].Error, "given up") {
				t.Errorf("%+v, %v", all, err)
			}
			if got := log.String(); !strings.Contains(got, "given up") || strings.Contains(strings.ToLower(got), "a@example.net") {
				t.Errorf("the log says: %s", got)
			}
		})
	}
}

// A message waits while the settings are wrong, and no password is told.
func TestSecrets(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	o.put(t, "a")
	for want, change := range map[string]func(*mail.Mail){
		"535": func(c *mail.Mail) {
			c.Server.Password = func() (string, error) { return "wrong horse", nil }
		},
		"no such file": func(c *mail.Mail) {
			c.Server.Password = func() (string, error) { return "", errors.New("no such file") }
		},
		"ca_file": func(c *mail.Mail) { c.Server.CAFile = "" },
	} {
		cfg := config(testenv.Mail(t, notify.STARTTLS))
		change(&cfg)
		err := o.sender(t, cfg).Send(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wrong horse") || strings.Contains(err.Error(), testenv.MailPassword) {
			t.Errorf("%v, want %q", err, want)
		}
		o.clock.Advance(10 * time.Hour)
	}
	if o.waiting(t) != 1 {
		t.Error("the message is gone")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	server := notify.Mail{Host: "mail:25", From: "a@example.org"}
	for want, c := range map[string]mail.Mail{
		"[mail] host is missing":                   {},
		`[mail] admins: "b" is not a mail address`: {Server: server, Admins: []string{"b"}},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	if err := (&mail.Mail{Server: server, Admins: []string{"Admin <b@example.org>"}}).Check(); err != nil {
		t.Error(err)
	}
}

func TestRunEnds(t *testing.T) {
	t.Parallel()
	o, p := newOutbox(t), testenv.Mail(t, notify.STARTTLS)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.sender(t, config(p)).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A mail server that does not answer holds up nobody who ends the program, and
// the message waits as it did before.
func TestEndWhileSending(t *testing.T) {
	t.Parallel()
	for _, protection := range []string{notify.STARTTLS, notify.NoTLS} {
		t.Run(protection, func(t *testing.T) {
			t.Parallel()
			p, o := testenv.Mail(t, protection), newOutbox(t)
			begun := p.Stall(t)
			o.put(t, "a", "b")
			cfg := config(p)
			cfg.Server.TLS = protection
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-begun; cancel() }()
			if err := o.senderOf(t, mail.Config{Mail: &cfg, Linger: time.Second}).Run(ctx); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			all, err := o.Messages(t.Context(), 10)
			if err != nil || len(all) != 2 || all[0].Tries+all[1].Tries != 0 || o.waiting(t) != 2 {
				t.Errorf("%+v, %v", all, err)
			}
		})
	}
}

// A letter that the server has read when the program is to end is noted as sent,
// so that it does not come twice; those behind it wait for the next start.
func TestEndBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	p, o := testenv.Mail(t, notify.STARTTLS), newOutbox(t)
	begun, answer := p.Hold(t)
	o.put(t, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel(); answer() }()
	cfg := config(p)
	if err := o.senderOf(t, mail.Config{Mail: &cfg, Linger: time.Minute}).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := len(p.Letters()); got != 1 || o.waiting(t) != 1 {
		t.Fatalf("%d letters are out and %d wait; want one and one", got, o.waiting(t))
	}
	if err := o.sender(t, config(p)).Send(t.Context()); err != nil {
		t.Error(err)
	}
	if got := len(p.Letters()); got != 2 || o.waiting(t) != 0 {
		t.Errorf("%d letters are out and %d wait; want two and none", got, o.waiting(t))
	}
}

// Run sends all of many messages at once, not a batch a minute, although a few of
// their recipients do not exist.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	p, o := testenv.Mail(t, notify.STARTTLS), newOutbox(t)
	p.Refuse(func(to string) error {
		if strings.HasPrefix(to, "k7") {
			return &smtp.SMTPError{Code: 550, Message: "nobody"}
		}
		return nil
	})
	const many = 180
	for n := range many {
		o.put(t, fmt.Sprint("k", n))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- o.sender(t, config(p)).Run(ctx) }()
	for deadline := time.Now().Add(2 * time.Minute); o.waiting(t) > 0; time.Sleep(10 * time.Millisecond) { // between two looks
		if time.Now().After(deadline) {
			t.Fatalf("%d messages still wait", o.waiting(t))
		}
	}
	cancel()
	<-ended
	if got, want := len(p.Letters()), many-11; got != want { // k7 and k70 to k79
		t.Errorf("%d letters, want %d", got, want)
	}
}
