package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/alive"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/push"
	"github.com/signed-metaserver/metaserver/root/tell"
	"github.com/signed-metaserver/metaserver/root/watch"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// listen returns the public listener; an empty one is none, an absent one the
// default.
func (f *file) listen() string {
	switch {
	case f.Listen == nil:
		return ""
	case *f.Listen == "":
		return ListenNone
	}
	return *f.Listen
}

// readTables reads [mail], the [[webhook]] and the [[target]] tables, whose keys
// are those of a mirror's, into cfg.
func (c *Config) readTables(path, text string) error {
	top, err := tomlfile.Parse(path, []byte(text))
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	for _, h := range hosts.Read(top, dir) {
		c.Targets = append(c.Targets, push.Target{Target: h.Target, PublicURL: h.PublicURL})
		c.Notes = append(c.Notes, h.Notes...)
	}
	if t := top.Table("mail"); t != nil {
		c.readMail(t, dir)
	}
	for _, t := range top.Tables("webhook") {
		c.readWebhook(t, dir)
	}
	return top.Err()
}

func (c *Config) readMail(t *tomlfile.Table, dir string) {
	server, notes := notify.ReadMailServer(t, dir)
	c.Mail = &mail.Mail{Server: *server, Admins: t.Texts("admins")}
	c.Notes = append(c.Notes, notes...)
	for _, a := range c.Mail.Admins {
		t.Check("admins", notify.CheckMailAddress(a))
	}
	t.RefuseUnknown()
}

// readWebhook reads one [[webhook]]. Its name is the host of its URL unless it
// has one.
func (c *Config) readWebhook(t *tomlfile.Table, dir string) {
	server, notes := notify.ReadWebhook(t, dir)
	c.Notes = append(c.Notes, notes...)
	h := mail.Hook{Name: t.Text("name"), Webhook: *server, Events: t.Texts("events")}
	if h.Name == "" {
		h.Name = server.Host()
	}
	if h.Name == "" {
		t.Require("name", `name = "chat": the URL is in a file, and messages wait under a name`)
	} else {
		t.Check("name", mail.CheckHooks([]mail.Hook{h}))
	}
	for _, e := range h.Events {
		t.Check("events", checkEvent(e))
	}
	c.Webhooks = append(c.Webhooks, h)
	t.RefuseUnknown()
}

// checkEvent refuses what no event begins with.
func checkEvent(name string) error {
	events := tell.Events()
	for _, e := range events {
		if e == name || strings.HasPrefix(e, name+".") {
			return nil
		}
	}
	if near := nearest(name, events); near != "" {
		return fmt.Errorf("there is no event %q; did you mean %q?", clip(name), near)
	}
	return fmt.Errorf("there is no event %q; there are %s", clip(name), strings.Join(events, ", "))
}

// watchSection is [watch] of root.toml.
type watchSection struct {
	Every      span `toml:"every"`
	StaleGrace span `toml:"stale_grace"`
	WrongGrace span `toml:"wrong_grace"`
	WellFor    span `toml:"well_for"`
	WarnAfter  span `toml:"warn_after"`
}

func (s watchSection) policy() (p watch.Policy, off bool) {
	return watch.Policy{
		Every: s.Every.Duration, StaleGrace: s.StaleGrace.Duration, WrongGrace: s.WrongGrace.Duration,
		WellFor: s.WellFor.Duration, WarnAfter: s.WarnAfter.Duration,
	}, s.Every.off
}

// A span is a time of at least a second, or "off".
type span struct {
	time.Duration
	off bool
}

// UnmarshalText reads a span as "48h" or "1h30m".
func (s *span) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		s.off = true
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second {
		return fmt.Errorf("%q is not a time of at least a second; write it as \"48h\" or \"30m\"", clip(string(text)))
	}
	s.Duration = d
	return nil
}

// checkSection is [check] of root.toml.
type checkSection struct {
	Requests  *bool    `toml:"requests"`
	Entries   span     `toml:"entries"`
	WarnAfter span     `toml:"warn_after"`
	Grace     span     `toml:"grace"`
	TCP       []string `toml:"tcp"`
}

// requestsOff tells whether nobody is to look at the servers of requests.
func (s checkSection) requestsOff() bool { return s.Requests != nil && !*s.Requests }

// policy says how the servers of entries are looked at.
func (s checkSection) policy() (p alive.Policy, off bool) {
	return alive.Policy{Every: s.Entries.Duration, WarnAfter: s.WarnAfter.Duration, Grace: s.Grace.Duration, TCP: s.TCP}, s.Entries.off
}
