package root

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/mail"
)

// A teller writes the messages: about events to whoever runs a mirror and to
// the admins, about decisions to who asked for them, and about both to webhooks.
type teller struct {
	origin string
	mail   bool
	admins []string
	hooks  []mail.Hook
}

func newTeller(cfg *Config, origin string) *teller {
	t := &teller{origin: origin, hooks: cfg.Webhooks}
	if cfg.Mail != nil {
		t.admins, t.mail = cfg.Mail.Admins, true
	}
	return t
}

// silent tells whether there is nobody to tell.
func (t *teller) silent() bool { return !t.mail && len(t.hooks) == 0 }

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

// shownMessages is how many messages one answer holds.
const shownMessages = 200

// messages sends what is in the outbox, and what was.
func (s *server) messages(w http.ResponseWriter, r *http.Request) error {
	all, err := s.store.Messages(r.Context(), shownMessages)
	if err != nil {
		return err
	}
	out := []api.Message{}
	for _, m := range all {
		one := api.Message{
			ID: m.ID, Channel: m.Channel, Recipient: m.Recipient, Event: m.Event, Subject: m.Subject, Created: m.Created,
			Tries: m.Tries, Done: timeOrNil(m.Done), Error: m.Error,
		}
		if m.Done.IsZero() {
			one.Next = timeOrNil(m.Next)
		}
		out = append(out, one)
	}
	return writeJSON(w, http.StatusOK, out)
}

// testMessages sends a message to every admin and every webhook.
func (s *server) testMessages(w http.ResponseWriter, r *http.Request) error {
	t := newTeller(&s.cfg, s.origin)
	messages := t.testMessage(adminOf(r), s.cfg.Now())
	if len(messages) == 0 {
		return problem(http.StatusConflict, "There is nobody to write to: root.toml has neither [mail] with admins nor a [[webhook]].")
	}
	if err := s.store.PutMessages(r.Context(), messages); err != nil {
		return err
	}
	s.sender.Wake()
	return writeJSON(w, http.StatusAccepted, api.TestSent{Messages: len(messages)})
}
