// Package tell tells people what happens at a root: requesters and owners what
// became of their requests and entries, who runs a mirror how it is, and admins
// and webhooks both, and what concerns the root itself.
//
// What is told of stands in the audit log or in a queue, so that nothing is lost
// when the process dies: [Teller.Run] reads on from where it was. It puts messages
// into the outbox; package mail sends them. The texts of the letters are in the
// folder letters.
package tell

import (
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/store"
)

// Config configures a [Teller].
type Config struct {
	Origin string      // of the root; begins the subjects of letters
	Mail   *mail.Mail  // names the admins; nil: no e-mail is sent
	Hooks  []mail.Hook // webhooks

	Store store.Store      // has the audit log, the queues and the outbox
	Wake  func()           // is called when there is something in the outbox
	Now   func() time.Time // as time.Now
	Log   *slog.Logger
}

// A Teller writes the messages: about events to whoever runs a mirror and to
// the admins, about decisions to who asked for them, and about both to webhooks.
// It is safe for concurrent use.
type Teller struct {
	origin string
	mail   bool
	admins []string
	hooks  []mail.Hook

	store store.Store
	wake  func()
	now   func() time.Time
	log   *slog.Logger
	news  chan struct{} // wakes Run
}

// New returns a Teller.
func New(cfg Config) *Teller {
	t := &Teller{
		origin: cfg.Origin, hooks: cfg.Hooks, store: cfg.Store, wake: cfg.Wake, now: cfg.Now, log: cfg.Log,
		news: make(chan struct{}, 1),
	}
	if cfg.Mail != nil {
		t.admins, t.mail = cfg.Mail.Admins, true
	}
	return t
}

// silent tells whether there is nobody to tell.
func (t *Teller) silent() bool { return !t.mail && len(t.hooks) == 0 }

// printable keeps what a host answered from ending a line or worse.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return ' '
	}
	return r
}

// wrap breaks a paragraph at 72 columns.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && column+1+len(word) > 72:
			b.WriteByte('\n')
			column = 0
		case i > 0:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String() + "\n"
}
