// Package mail sends what waits in the outbox of a root by e-mail.
//
// A message is stored together with the change that it tells of, and taken from
// the outbox when the mail server has accepted it. What cannot be sent is tried
// again, later each time, for three days. A process that dies between the
// server's answer and the note of it sends the message once more, under the
// same Message-ID, by which mail servers and readers know it.
package mail

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/signed-metaserver/metaserver/root/store"
)

// Security says how the connection to the mail server is protected.
type Security string

// The ways. The zero value is STARTTLS.
const (
	STARTTLS Security = "starttls" // required: without it nothing is sent
	TLS      Security = "tls"      // from the first byte, as on port 465
	Plain    Security = "none"     // for a server on this machine
)

// Config says how messages are sent.
type Config struct {
	Host     string                 // required: of the mail server
	Port     int                    // 0: 587, with TLS 465, with Plain 25
	Security Security               // "": STARTTLS
	From     string                 // required: the sender's address
	User     string                 // "": no login
	Password func() (string, error) // required with User; called for each connection
	Admins   []string               // addresses of those who are told of everything
	RootCAs  *TLSRoots              // nil: those of the system

	RetryFirst time.Duration // pause after a first failure, doubled with each further one; 0: 1 min
	RetryMost  time.Duration // the longest such pause; 0: 6 h
	GiveUp     time.Duration // a message is given up after so long; 0: 3 days
}

const (
	sendTimeout = time.Minute
	batch       = 50          // messages of one connection
	look        = time.Minute // between two looks into the outbox
	keepDone    = 30 * 24 * time.Hour
)

// Check returns what is wrong with a configuration.
func (c *Config) Check() error {
	switch {
	case c.Host == "":
		return errors.New("[mail] has no host: name the mail server, or remove the table")
	case c.From == "":
		return errors.New("[mail] has no from: the address that messages come from")
	case c.Security != "" && c.Security != STARTTLS && c.Security != TLS && c.Security != Plain:
		return fmt.Errorf("[mail] tls = %q is not known; known: %q, %q, %q", c.Security, STARTTLS, TLS, Plain)
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("[mail] port = %d is not a port", c.Port)
	case c.User != "" && c.Password == nil:
		return errors.New("[mail] has a user and no password: write password_file or password_env")
	case c.User != "" && c.Security == Plain && !isLoopback(c.Host):
		return errors.New("[mail] would send a password unencrypted to another machine: use tls = \"starttls\" or \"tls\"")
	}
	for _, a := range append([]string{c.From}, c.Admins...) {
		if err := gomail.NewMsg().From(a); err != nil {
			return fmt.Errorf("[mail] %q is not an e-mail address: %w", a, err)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || host == "localhost"
}

func (c *Config) setDefaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&c.RetryFirst, time.Minute)
	set(&c.RetryMost, 6*time.Hour)
	set(&c.GiveUp, 72*time.Hour)
	if c.Security == "" {
		c.Security = STARTTLS
	}
	if c.Port == 0 {
		c.Port = map[Security]int{STARTTLS: 587, TLS: 465, Plain: 25}[c.Security]
	}
}

// A Sender sends what is in an outbox. One at a time works on one outbox.
type Sender struct {
	cfg    Config
	outbox store.Outbox
	origin string
	now    func() time.Time
	log    *slog.Logger
}

// NewSender returns a sender for the messages of an origin.
func NewSender(cfg Config, outbox store.Outbox, origin string, now func() time.Time, log *slog.Logger) (*Sender, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	return &Sender{cfg, outbox, origin, now, log}, nil
}

// Run sends what is due, again and again, until ctx ends.
func (s *Sender) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if err := s.Send(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("messages could not be sent; they are tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// Send tries once what is due. Its error is that of the mail server or of the
// outbox; what was sent until then is noted.
func (s *Sender) Send(ctx context.Context) error {
	if _, err := s.outbox.PruneMessages(ctx, s.now().Add(-keepDone)); err != nil {
		return err
	}
	due, err := s.outbox.DueMessages(ctx, s.now(), batch)
	if err != nil || len(due) == 0 {
		return err
	}
	l := &line{ctx: ctx, tls: s.cfg.Security == TLS, config: s.cfg.RootCAs.config(s.cfg.Host)}
	defer l.hangUp()
	client, err := s.dial(ctx, l)
	if ctx.Err() != nil {
		return context.Cause(ctx) // that is nobody's failure
	}
	if err != nil {
		return errors.Join(err, s.failAll(ctx, due, err))
	}
	defer client.Close() // says QUIT
	var failed error
	for _, m := range due {
		err := s.deliver(client, m)
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		failed = errors.Join(failed, err, s.settle(ctx, m, err))
	}
	return failed
}

// dial connects and logs in.
func (s *Sender) dial(ctx context.Context, l *line) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.cfg.Port), gomail.WithTimeout(sendTimeout), gomail.WithTLSConfig(l.config), gomail.WithDialContextFunc(l.dial),
	}
	switch s.cfg.Security {
	case TLS:
		// The line has TLS already, and the library finds out; its own option
		// for that does not know of lines that others have made.
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case STARTTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.cfg.User != "" {
		password, err := s.cfg.Password()
		if err != nil {
			return nil, fmt.Errorf("the password of the mail server: %w", err)
		}
		auth := gomail.SMTPAuthAutoDiscover
		if s.cfg.Security == Plain { // checked: this machine
			auth = gomail.SMTPAuthPlainNoEnc
		}
		options = append(options, gomail.WithSMTPAuth(auth), gomail.WithUsername(s.cfg.User), gomail.WithPassword(password))
	}
	client, err := gomail.NewClient(s.cfg.Host, options...)
	if err != nil {
		return nil, err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return nil, fmt.Errorf("the mail server %s: %w", net.JoinHostPort(s.cfg.Host, fmt.Sprint(s.cfg.Port)), err)
	}
	return client, nil
}

func (s *Sender) deliver(client *gomail.Client, m store.Message) error {
	msg := gomail.NewMsg()
	if err := errors.Join(msg.From(s.cfg.From), msg.To(m.Recipient)); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(s.origin + "\n" + m.Key))
	_, domain, _ := strings.Cut(s.cfg.From, "@")
	msg.SetMessageIDWithValue(fmt.Sprintf("%x@%s", sum[:16], strings.Trim(domain, "> ")))
	msg.SetDateWithValue(m.Created)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.Subject(m.Subject)
	msg.SetBodyString(gomail.TypeTextPlain, m.Body)
	return client.Send(msg)
}

// failAll notes that no message of a batch could be tried.
func (s *Sender) failAll(ctx context.Context, due []store.Message, err error) error {
	var failed error
	for _, m := range due {
		failed = errors.Join(failed, s.settle(ctx, m, err))
	}
	return failed
}

// settle notes what came of a try.
func (s *Sender) settle(ctx context.Context, m store.Message, err error) error {
	now := s.now()
	m.Tries++
	m.Error = ""
	var refused *gomail.SendError
	switch {
	case err == nil:
		m.Done = now
	case errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500, now.Sub(m.Created) >= s.cfg.GiveUp:
		m.Done, m.Error = now, "given up: "+clip(err.Error())
		s.log.Error("a message is given up", "recipient", m.Recipient, "subject", m.Subject, "err", err)
	default:
		m.Next, m.Error = now.Add(s.pause(m.Tries)), clip(err.Error())
	}
	// What was sent must be noted, even if the program is about to end.
	return s.outbox.SettleMessage(context.WithoutCancel(ctx), m)
}

func (s *Sender) pause(tries int) time.Duration {
	pause := s.cfg.RetryFirst
	for i := 1; i < tries && pause < s.cfg.RetryMost; i++ {
		pause *= 2
	}
	return min(pause, s.cfg.RetryMost)
}

// clip bounds what a mail server can make us store.
func clip(s string) string {
	const most = 500
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
