// Package mail sends what waits in the outbox of a root: by e-mail and to
// webhooks.
//
// A message is stored together with what it tells of, and taken from the outbox
// when the mail server, or the receiver of a webhook, has accepted it. What
// cannot be sent is tried again, later each time, for three days. A process
// that dies between the answer and the note of it sends the message once more,
// under the same Message-ID or Webhook-Id, by which receivers know it.
package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// Config says how messages are sent. Without Mail and Hooks none is, and what
// waits from former times is given up in the end.
type Config struct {
	Mail  *Mail  // nil: no e-mail is sent
	Hooks []Hook // of distinct names

	RetryFirst time.Duration // pause after a first failure, doubled with each further one; 0: 1 min
	RetryMost  time.Duration // the longest such pause; 0: 6 h
	GiveUp     time.Duration // a message is given up after so long; 0: 3 days
	Linger     time.Duration // for the message under way when Run is to end; 0: 10 s

	Outbox store.Outbox     // required
	Origin string           // of the root
	Now    func() time.Time // required
	Log    *slog.Logger     // required
}

// Mail is a mail server, and whom it writes to.
type Mail struct {
	Server notify.Mail // required; its To is not used
	Admins []string    // addresses of those who are told of everything
}

const (
	batch    = 50          // messages of one connection
	look     = time.Minute // between two looks into the outbox
	keepDone = 30 * 24 * time.Hour
)

// Check returns what is wrong with the settings. It asks no server.
func (c *Mail) Check() error {
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
	set(&c.Linger, 10*time.Second)
}

// A Sender sends what is in an outbox. One at a time works on one outbox.
type Sender struct {
	Config
	wake chan struct{}
}

// NewSender returns a sender.
func NewSender(cfg Config) (*Sender, error) {
	if cfg.Mail != nil {
		if err := cfg.Mail.Check(); err != nil {
			return nil, err
		}
	}
	if err := CheckHooks(cfg.Hooks); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	return &Sender{cfg, make(chan struct{}, 1)}, nil
}

// Wake makes Run look into the outbox now.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // it will, anyway
	}
}

// Run sends what is due, again and again, until ctx ends.
func (s *Sender) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		more, err := s.send(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Error("messages could not be sent; they are tried again", "err", err)
		}
		if more && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// Send forgets old messages and tries once what is due, on all channels at once,
// at most a batch of each. Its error is that of servers or of the outbox; what
// was sent is noted.
func (s *Sender) Send(ctx context.Context) error {
	_, err := s.send(ctx)
	return err
}

// send tells as well whether a channel has taken so many that there may be more
// for it.
func (s *Sender) send(ctx context.Context) (more bool, err error) {
	if _, err := s.Outbox.PruneMessages(ctx, s.Now().Add(-keepDone)); err != nil {
		return false, err
	}
	channels, err := s.Outbox.WaitingChannels(ctx)
	if err != nil {
		return false, err
	}
	failed := make([]error, len(channels))
	var full atomic.Bool
	var all sync.WaitGroup
	for i, channel := range channels {
		all.Go(func() {
			sent, err := s.sendBy(ctx, channel)
			failed[i] = err
			if sent > batch/2 { // it takes them; a few that it refuses hold up nobody
				full.Store(true)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return full.Load(), errors.Join(failed...)
}

// sendBy tries what is due on one channel, and returns how many were taken.
func (s *Sender) sendBy(ctx context.Context, channel string) (sent int, err error) {
	due, err := s.Outbox.DueMessages(ctx, channel, s.Now(), batch)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	hook := s.hook(channel)
	switch {
	case hook != nil:
		return s.post(ctx, hook, due)
	case channel == store.ByMail && s.Mail != nil:
		return s.mail(ctx, due)
	case channel == store.ByMail:
		return 0, s.failAll(ctx, due, errors.New("root.toml has no [mail]"))
	}
	return 0, s.failAll(ctx, due, fmt.Errorf("root.toml has no [[webhook]] of the name %q", channel))
}

// mail sends e-mails over one connection.
func (s *Sender) mail(ctx context.Context, due []store.Message) (sent int, err error) {
	talk, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	dialed := context.AfterFunc(ctx, hangUp)
	conn, err := s.Mail.Server.Dial(talk)
	dialed()
	if err != nil && ctx.Err() != nil {
		return 0, context.Cause(ctx) // that is nobody's failure
	}
	if err != nil {
		return 0, errors.Join(err, s.failAll(ctx, due, err))
	}
	defer conn.Close()
	defer s.lingering(ctx, hangUp)()
	var failed error
	for _, m := range due {
		if ctx.Err() != nil {
			return sent, context.Cause(ctx)
		}
		err := s.deliver(conn, m)
		if err != nil && ctx.Err() != nil {
			return sent, context.Cause(ctx)
		}
		settled := s.settle(ctx, m, err)
		switch {
		case err != nil:
			failed = errors.Join(failed, errors.New(withoutAddress(err, m.Recipient)), settled)
		case settled != nil:
			failed = errors.Join(failed, settled)
		default:
			sent++
		}
	}
	return sent, failed
}

// lingering calls hangUp some time after ctx has ended: a message that is cut off
// between its last byte and the answer may have been taken, and would come
// twice. Call what it returns when there is nothing left to cut.
func (s *Sender) lingering(ctx context.Context, hangUp func()) (stop func()) {
	wait, done := context.WithCancel(context.Background())
	unset := context.AfterFunc(ctx, func() {
		select {
		case <-wait.Done():
		case <-time.After(s.Linger):
			hangUp()
		}
	})
	return func() { unset(); done() }
}

func (s *Sender) deliver(conn *notify.MailConn, m store.Message) error {
	return conn.Send([]string{m.Recipient}, notify.Message{
		ID: s.Origin + "\n" + m.Key, Time: m.Created, Subject: m.Subject, Text: m.Body,
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
	now := s.Now()
	m.Tries++
	m.Error = ""
	switch {
	case err == nil:
		m.Done = now
	case notify.Refused(err), now.Sub(m.Created) >= s.GiveUp:
		m.Done, m.Error = now, "given up: "+clip(err.Error())
		s.Log.Error("a message is given up; \"metaserver admin messages\" shows to whom it went", "message", m.ID, "event", m.Event,
			"err", withoutAddress(err, m.Recipient))
	default:
		m.Next, m.Error = now.Add(s.pause(m.Tries)), clip(err.Error())
	}
	// What was sent must be noted, even if the program is about to end.
	return s.Outbox.SettleMessage(context.WithoutCancel(ctx), m)
}

// withoutAddress returns what a log may hold of an error: servers like to repeat
// the address, which is private.
func withoutAddress(err error, address string) string {
	if address == "" { // of a webhook
		return err.Error()
	}
	return regexp.MustCompile("(?i)"+regexp.QuoteMeta(address)).ReplaceAllLiteralString(err.Error(), "(the recipient)")
}

func (s *Sender) pause(tries int) time.Duration {
	pause := s.RetryFirst
	for i := 1; i < tries && pause < s.RetryMost; i++ {
		pause *= 2
	}
	return min(pause, s.RetryMost)
}

// clip bounds what a mail server can make us store.
func clip(s string) string {
	const most = 500
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
