package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// A Hook is a webhook that is told of some events.
type Hook struct {
	Name    string // messages wait under it; see CheckHooks
	Webhook notify.Webhook
	Events  []string // as "registration.approved", or "registration" for all that begin so; none: all
}

var hookName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,62}$`)

// CheckHooks returns what is wrong with names.
func CheckHooks(all []Hook) error {
	seen := make(map[string]bool)
	for _, h := range all {
		switch {
		case !hookName.MatchString(h.Name):
			return fmt.Errorf("[[webhook]] name %q: write 1 to 63 lower-case letters, digits, \".\" and \"-\"", h.Name)
		case seen[h.Name]:
			return fmt.Errorf("[[webhook]] name %q stands twice: give each a name of its own", h.Name)
		}
		seen[h.Name] = true
	}
	return nil
}

// Wants tells whether the hook is told of an event.
func (h *Hook) Wants(event string) bool {
	return len(h.Events) == 0 || slices.ContainsFunc(h.Events, func(e string) bool {
		return event == e || strings.HasPrefix(event, e+".")
	})
}

func (s *Sender) hook(name string) *Hook {
	for i := range s.Hooks {
		if s.Hooks[i].Name == name {
			return &s.Hooks[i]
		}
	}
	return nil
}

// post sends messages to a webhook, one after the other. The first that is not
// taken ends it: the next try is in a minute, with what is due then.
func (s *Sender) post(ctx context.Context, h *Hook, due []store.Message) (sent int, err error) {
	talk, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	defer s.lingering(ctx, hangUp)()
	for _, m := range due {
		if ctx.Err() != nil {
			return sent, context.Cause(ctx)
		}
		_, err := h.Webhook.Try(talk, s.hookMessage(m))
		if err != nil && ctx.Err() != nil {
			return sent, context.Cause(ctx)
		}
		if settled := s.settle(ctx, m, err); settled != nil {
			return sent, settled
		}
		if err != nil {
			return sent, fmt.Errorf("webhook %s: %w", h.Name, err)
		}
		sent++
	}
	return sent, nil
}

func (s *Sender) hookMessage(m store.Message) notify.Message {
	out := notify.Message{
		ID: notify.HashID(s.Origin + "\n" + m.Key), Event: m.Event, Time: m.Created, Subject: m.Subject, Text: m.Body,
	}
	if m.Details != "" {
		out.Details = json.RawMessage(m.Details)
	}
	return out
}
