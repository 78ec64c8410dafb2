package tell

import (
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/watch"
)

// Decided tells whoever has asked for a mirror to be listed what has become of
// it. A request is decided once, and its id is in the key of the message.
func (t *Teller) Decided(r store.MirrorRegistration) []store.Message {
	if !t.mail || r.Email == "" {
		return nil
	}
	letter, values := "mirror-accepted", map[string]any{"Origin": t.origin, "ID": r.ID, "Mirror": r.Entry}
	if r.Status == store.Rejected {
		letter, values = "mirror-rejected", map[string]any{"Origin": t.origin, "ID": r.ID, "Reason": r.Reason}
	}
	subject, body := compose(letter, values)
	return []store.Message{{
		Key:       fmt.Sprintf("decided %s %s", r.ID, r.Email),
		Recipient: r.Email,
		Event:     "requester.decided",
		Bounded:   true,
		Subject:   fmt.Sprintf("[%s] %s", t.origin, subject),
		Body:      body,
	}}
}

// Mirror tells of what has happened to a mirror: the admins and webhooks, and
// whoever runs it.
func (t *Teller) Mirror(e watch.Event) []store.Message {
	id := e.Mirror.Mirror.ID
	key := fmt.Sprintf("%s %s %d", e.Kind, id, e.At.Unix())
	event := "mirror." + string(e.Kind)
	if e.Kind == watch.Suspects {
		event = "mirrors.ill"
	}
	about, letter := mirrorTiding(e)
	subject, body := compose("mirror-admin", map[string]any{"Subject": about, "Text": e.Detail + ".", "Facts": facts(e)})
	all := t.toAdmins(key, event, subject, body, map[string]any{
		"mirror": id, "state": e.Check.State, "url": e.Check.URL, "version": e.Check.Version,
	})
	if to := e.Mirror.Email; t.mail && to != "" && letter != "" {
		subject, body := compose(letter, map[string]any{"Origin": t.origin, "Subject": about, "Mirror": id, "Facts": facts(e)})
		all = append(all, store.Message{
			Key: key + " " + to, Recipient: to, Event: event, Subject: fmt.Sprintf("[%s] %s", t.origin, subject), Body: body,
		})
	}
	return all
}

// mirrorTiding returns what an event says to everybody, and the letter to
// whoever runs the mirror; "": none.
func mirrorTiding(e watch.Event) (subject, letter string) {
	mirror := "mirror " + e.Mirror.Mirror.ID
	switch e.Kind {
	case watch.Warned:
		if e.Check.State == store.MirrorIncomplete {
			return mirror + " lacks a trust document", "mirror-incomplete"
		}
		return mirror + " is ill", "mirror-ill"
	case watch.LeftOut:
		return mirror + " is left out of the mirror list", "mirror-left-out"
	case watch.TakenIn:
		return mirror + " is back in the mirror list", "mirror-back"
	case watch.Forked:
		return "two signed documents of one number", ""
	}
	return "most mirrors are ill at once", ""
}

// facts are what was seen of a mirror, a line each.
func facts(e watch.Event) (lines []string) {
	if e.Check.At.IsZero() {
		return nil
	}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("%-8s %s", name, value))
		}
	}
	add("seen", e.Check.At.Format(time.RFC3339))
	add("state", string(e.Check.State))
	add("url", e.Check.URL)
	if e.Check.Version != 0 {
		add("version", fmt.Sprintf("%d, issued %s", e.Check.Version, e.Check.Issued.Format(time.RFC3339)))
	}
	add("problem", e.Check.Error)
	return lines
}
