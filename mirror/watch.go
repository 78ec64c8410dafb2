package mirror

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// EventFreshness is the event of the messages that a mirror sends.
const EventFreshness = "mirror.freshness"

// A FreshnessChange is the part of a message that is about one target.
type FreshnessChange struct {
	Target     string    `json:"target"`
	PublicURL  string    `json:"public_url,omitempty"`
	Was        Freshness `json:"was"`
	Is         Freshness `json:"is"`
	FreshUntil time.Time `json:"fresh_until"`
	Error      string    `json:"error,omitempty"` // why the last run did not bring the newest set
}

// FreshnessDetails are the details of such a message.
type FreshnessDetails struct {
	Origin     string            `json:"origin"`
	Root       string            `json:"root"`
	RootErrors []string          `json:"root_errors,omitempty"`
	Changes    []FreshnessChange `json:"changes"`
}

// A watch remembers how fresh each target is and what of that was told. Ages go
// on while nothing can be read, so that a host or a root that is away is told
// when it matters.
type watch struct {
	last Report
	ages []age
	told []Freshness
}

func newWatch(targets int) *watch {
	w := &watch{ages: make([]age, targets), told: make([]Freshness, targets)}
	for i := range w.told {
		w.told[i] = Fresh
	}
	return w
}

// learn takes what a run found; what it could not find out stays as it was.
func (w *watch) learn(r *Report) {
	w.last = *r
	for i, t := range r.Targets {
		if t.age != (age{}) {
			w.ages[i] = t.age
		}
	}
}

// changes returns what became of the targets since it was last asked.
func (w *watch) changes(now time.Time) []FreshnessChange {
	var all []FreshnessChange
	for i, t := range w.last.Targets {
		is := w.ages[i].at(now)
		if is == "" || is == w.told[i] {
			continue
		}
		all = append(all, t.change(w.told[i], is, w.ages[i]))
		w.told[i] = is
	}
	return all
}

func (t *TargetReport) change(was, is Freshness, a age) FreshnessChange {
	return FreshnessChange{t.Target, t.PublicURL, was, is, a.freshUntil, t.Error}
}

// look logs and sends what changed. What could not be sent waits in the outbox.
func (m *Mirror) look(ctx context.Context, w *watch, out *notify.Outbox) {
	now := m.cfg.Now()
	if changes := w.changes(now); len(changes) > 0 {
		for _, c := range changes {
			m.logChange(c)
		}
		out.Add(m.message(changes, &w.last, now))
	}
	out.Flush(ctx)
}

func (m *Mirror) logChange(c FreshnessChange) {
	log := m.cfg.Log.With("target", c.Target, "fresh_until", c.FreshUntil.UTC().Format(time.RFC3339))
	switch c.Is {
	case Stale:
		log.Error("what is published is stale")
	case Expiring:
		log.Warn("what is published is about to be stale")
	default:
		log.Info("what is published is fresh again")
	}
}

// Tell sends what a report says of targets that are stale or about to be to
// every channel of [Config.Notify]. It remembers nothing: each call sends. It
// does nothing if all targets are fresh.
func (m *Mirror) Tell(ctx context.Context, r *Report) error {
	var changes []FreshnessChange
	for i := range r.Targets {
		if t := &r.Targets[i]; t.Freshness == Stale || t.Freshness == Expiring {
			changes = append(changes, t.change("", t.Freshness, t.age))
		}
	}
	if len(changes) == 0 {
		return nil
	}
	msg := m.message(changes, r, m.cfg.Now())
	var errs []error
	for _, c := range m.cfg.Notify {
		if err := c.Send(ctx, msg); err != nil {
			errs = append(errs, fmt.Errorf("%s: the message %q was not taken: %w", c, msg.Subject, err))
		}
	}
	return errors.Join(errs...)
}

func (m *Mirror) message(changes []FreshnessChange, r *Report, now time.Time) notify.Message {
	worst := Fresh
	for _, c := range changes {
		if c.Is == Stale || worst == Fresh {
			worst = c.Is
		}
	}
	return notify.Message{
		ID:      rand.Text(),
		Event:   EventFreshness,
		Time:    now.UTC(),
		Subject: "Mirror of " + m.Origin() + ": what is published " + worst.phrase(),
		Text:    m.explainChanges(changes, r),
		Details: FreshnessDetails{m.Origin(), m.cfg.Root, r.Root.Errors, changes},
	}
}

func (f Freshness) phrase() string {
	switch f {
	case Stale:
		return "is stale"
	case Expiring:
		return "is about to be stale"
	default:
		return "is fresh again"
	}
}

// explainChanges writes the text of a mail.
func (m *Mirror) explainChanges(changes []FreshnessChange, r *Report) string {
	var b strings.Builder
	bad := false
	for _, c := range changes {
		fmt.Fprintf(&b, "%s: what is published %s (fresh until %s).\n", c.Target, c.Is.phrase(), c.FreshUntil.UTC().Format(time.RFC3339))
		if c.PublicURL != "" {
			fmt.Fprintf(&b, "  It is served at %s\n", c.PublicURL)
		}
		if c.Error != "" {
			fmt.Fprintf(&b, "  %s\n", c.Error)
		}
		bad = bad || c.Is != Fresh
	}
	for _, e := range r.Root.Errors {
		fmt.Fprintf(&b, "The root %s: %s\n", m.cfg.Root, e)
	}
	if bad {
		b.WriteString("Clients still take the list, and say how old it is. \"metaserver mirror check --config FILE\" finds what is wrong.\n")
	}
	return b.String()
}
