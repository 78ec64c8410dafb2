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
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// Config says how messages are sent.
type Config struct {
	Server notify.Mail // required; its To is not used
	Admins []string    // addresses of those who are told of everything

	RetryFirst time.Duration // pause after a first failure, doubled with each further one; 0: 1 min
	RetryMost  time.Duration // the longest such pause; 0: 6 h
	GiveUp     time.Duration // a message is given up after so long; 0: 3 days
}

const (
	batch    = 50          // messages of one connection
	look     = time.Minute // between two looks into the outbox
	keepDone = 30 * 24 * time.Hour
)

// Check returns what is wrong with a configuration.
func (c *Config) Check() error {
	if err := c.Server.Check(); err != nil {
		return fmt.Errorf("[mail] %w", err)
	}
	for _, a := range c.Admins {
		if err := notify.CheckMailAddress(a); err != nil {
			return fmt.Errorf("[mail] admins: %w", err)
		}
	}
	return nil
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
	due, err := s.outbox.DueMessages(ctx, store.ByMail, s.now(), batch)
	if err != nil || len(due) == 0 {
		return err
	}
	conn, err := s.cfg.Server.Dial(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx) // that is nobody's failure
	}
	if err != nil {
		return errors.Join(err, s.failAll(ctx, due, err))
	}
	defer conn.Close()
	var failed error
	for _, m := range due {
		err := s.deliver(conn, m)
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if settled := s.settle(ctx, m, err); err != nil {
			failed = errors.Join(failed, errors.New(withoutAddress(err, m.Recipient)), settled)
		} else {
			failed = errors.Join(failed, settled)
		}
	}
	return failed
}

func (s *Sender) deliver(conn *notify.MailConn, m store.Message) error {
	return conn.Send([]string{m.Recipient}, notify.Message{
		ID: s.origin + "\n" + m.Key, Time: m.Created, Subject: m.Subject, Text: m.Body,
	})
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
	switch {
	case err == nil:
		m.Done = now
	case notify.Refused(err), now.Sub(m.Created) >= s.cfg.GiveUp:
		m.Done, m.Error = now, "given up: "+clip(err.Error())
		s.log.Error("a message is given up; \"metaserver admin messages\" shows to whom it went", "message", m.ID, "subject", m.Subject,
			"err", withoutAddress(err, m.Recipient))
	default:
		m.Next, m.Error = now.Add(s.pause(m.Tries)), clip(err.Error())
	}
	// What was sent must be noted, even if the program is about to end.
	return s.outbox.SettleMessage(context.WithoutCancel(ctx), m)
}

// withoutAddress returns what a log may hold of an error: servers like to repeat
// the address, which is private.
func withoutAddress(err error, address string) string {
	return regexp.MustCompile("(?i)"+regexp.QuoteMeta(address)).ReplaceAllLiteralString(err.Error(), "(the recipient)")
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
