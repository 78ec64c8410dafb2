package root

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/watch"
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

// messages tells of a mirror.
func (t *teller) messages(e watch.Event) []store.Message {
	key := fmt.Sprintf("%s %s %d", e.Kind, e.Mirror.Mirror.ID, e.At.Unix())
	event := "mirror." + string(e.Kind)
	if e.Kind == watch.Suspects {
		event = "mirrors.ill"
	}
	all := t.toAdmins(key, event, subject(e), t.toAdmin(e), map[string]any{
		"mirror": e.Mirror.Mirror.ID, "state": e.Check.State, "url": e.Check.URL, "version": e.Check.Version,
	})
	if to := e.Mirror.Email; t.mail && to != "" && e.Kind != watch.Forked {
		all = append(all, store.Message{
			Key: key + " " + to, Recipient: to, Event: event,
			Subject: fmt.Sprintf("[%s] %s", t.origin, subject(e)), Body: t.toContact(e),
		})
	}
	return all
}

func subject(e watch.Event) string {
	switch e.Kind {
	case watch.Warned:
		if e.Check.State == store.MirrorIncomplete {
			return "mirror " + e.Mirror.Mirror.ID + " lacks a trust document"
		}
		return "mirror " + e.Mirror.Mirror.ID + " is ill"
	case watch.LeftOut:
		return "mirror " + e.Mirror.Mirror.ID + " is left out of the mirror list"
	case watch.TakenIn:
		return "mirror " + e.Mirror.Mirror.ID + " is back in the mirror list"
	case watch.Forked:
		return "two signed documents of one number"
	}
	return "most mirrors are ill at once"
}

func (t *teller) toAdmin(e watch.Event) string {
	return wrap(strings.Map(printable, e.Detail)+".") + "\n" + facts(e) + "\nmetaserver admin mirrors list\n"
}

// toContact says what has happened, why, and what to do.
func (t *teller) toContact(e watch.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "You run the mirror %s of %s.\n\n", e.Mirror.Mirror.ID, t.origin)
	switch e.Kind {
	case watch.Warned:
		if e.Check.State == store.MirrorIncomplete {
			b.WriteString(wrap("Its lists are right, but a trust document is missing there. Clients that know an older one cannot follow a change of keys without it, and go on to another mirror."))
			break
		}
		b.WriteString(wrap("The root has seen for some time that clients get nothing useful there. If that lasts, the mirror is left out of the mirror list until it is well again."))
	case watch.LeftOut:
		b.WriteString(wrap("Clients get nothing useful there, so the mirror is left out of the mirror list. It comes back by itself when it has been well for some hours; nobody has to be asked."))
	case watch.TakenIn:
		b.WriteString(wrap("It is well again and back in the mirror list. Thank you."))
	}
	b.WriteString("\n" + facts(e))
	if e.Kind != watch.TakenIn {
		b.WriteString("\n" + wrap("\"metaserver mirror once\" brings the mirror up to date and says what is wrong if it cannot."))
	}
	return b.String()
}

// facts are what was seen, a line each.
func facts(e watch.Event) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-8s %s\n", name, value)
		}
	}
	if e.Check.At.IsZero() {
		return ""
	}
	line("seen", e.Check.At.Format(time.RFC3339))
	line("state", string(e.Check.State))
	line("url", e.Check.URL)
	if e.Check.Version != 0 {
		line("version", fmt.Sprintf("%d, issued %s", e.Check.Version, e.Check.Issued.Format(time.RFC3339)))
	}
	line("problem", strings.Map(printable, e.Check.Error))
	return b.String()
}

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
