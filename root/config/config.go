// Package config is root.toml: what may stand in it, what that means, what is wrong
// with it, and the commented file that a new root has. [Load] reads it into a
// [Config], which is what a root is made from.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/alive"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/push"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/watch"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Defaults of [Config].
const (
	DefaultListen      = "127.0.0.1:7480"
	DefaultAdminListen = "127.0.0.1:7481"
	DefaultPerSource   = 20
	DefaultKeepDays    = 90
)

// ListenNone as [Config].Listen means that no public connection is accepted:
// what is published is pushed to targets, and registrations come by admins.
const ListenNone = "none"

// Config configures a root. Only Data is required. [Load] reads one from the data
// folder.
type Config struct {
	Data          string   // the data folder, which root.Init made
	File          string   // the configuration file, if it is not root.toml in Data; for messages
	Origin        string   // what the trust document must say; "": whatever it says
	Listen        string   // host:port of the public listener; "": DefaultListen; port 0: any free one; ListenNone: there is none
	AdminListen   string   // host:port of the admin listener; "": DefaultAdminListen
	AdminHosts    []string // host names, beside addresses and localhost, under which the admin listener answers
	PublicURL     string   // URL of the root as the world sees it, ending in "/"; "": none is known
	AllowPrivate  bool     // loopback and private addresses may be registered from anywhere
	Queue         int      // pending registrations; 0: store.DefaultQueue
	PerSource     int      // new registrations an hour of one IPv4 address or IPv6 /64, eight times as many of its /24 or /48; 0: DefaultPerSource; negative: no limit
	LimitLoopback bool     // requests of this machine itself count per source, too

	TLS      *TLS                      // of the public listener; nil: it speaks plain http
	AdminTLS *TLS                      // of the admin listener, from files; nil: it speaks plain http
	Handed   map[string][]net.Listener // listeners that somebody else has opened, as systemd does, in place of Listen and so on, by the names that Doors returns; Run closes them

	// TrustedProxies are addresses and prefixes of proxies that pass requests
	// on. The source of what they send is the last address in its header
	// X-Forwarded-For that is not theirs, or they are, and it is never a request
	// of this machine itself. Empty: no header is believed.
	TrustedProxies []string

	Limits Limits // of the public listener

	Games Games // that may be registered; empty: any

	// SignedChanges are the members that the key of an entry may change without
	// an admin, where the entry has no rule of its own: "addresses", "version",
	// "description". Empty: none.
	SignedChanges []string
	Resolver      string // DNS server, as "1.1.1.1:53", that the root asks about requests; "": the system's

	Check      alive.Policy // of the servers of entries; zero fields: the defaults named there
	CheckOff   bool         // nobody looks at the servers of entries
	InspectOff bool         // nobody looks at the servers of requests, unless an admin asks for it

	Alone   bool          // nobody asks the mirrors before the first signature
	LookFor time.Duration // how long each of them has; 0: a few seconds

	Watch    watch.Policy  // of the mirrors; zero fields: the defaults named there
	WatchOff bool          // nobody looks at the mirrors, unless an admin asks for it
	Targets  []push.Target // where everything published is brought to
	Notes    []string      // what is no error and the operator should know; the root logs it
	Mail     *mail.Mail    // nil: no e-mail is sent
	Webhooks []mail.Hook   // that are told of what happens

	Retention Retention // how long addresses are kept
	KeepDays  int       // rejected and revoked registrations are forgotten after so many days; 0: DefaultKeepDays; negative: never

	// Passphrase returns the passphrase of the list key. It is called at most
	// once, and only if the key file is encrypted; nil: there is nobody to ask.
	Passphrase func() ([]byte, error)

	// Ready is called once, when both listeners accept connections and the
	// documents are served; nil: not called. public is nil with ListenNone.
	Ready func(public, admin net.Addr)

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: silent

	// What Log should be like, for who makes it.
	LogFormat string     // "text" or "json"; "": text
	LogLevel  slog.Level // zero: info. Requests of admins are logged at info, those of the public at debug
}

// Complete fills in the defaults and tells what is wrong.
func (c *Config) Complete() error {
	c.SetDefaults()
	return c.check()
}

// SetDefaults replaces zero fields by their defaults.
func (c *Config) SetDefaults() {
	setDefault(&c.Listen, DefaultListen)
	setDefault(&c.AdminListen, DefaultAdminListen)
	setDefault(&c.Queue, store.DefaultQueue)
	setDefault(&c.PerSource, DefaultPerSource)
	setDefault(&c.KeepDays, DefaultKeepDays)
	setDefault(&c.Retention.SourceDays, DefaultSourceDays)
	setDefault(&c.Retention.EmailDays, DefaultEmailDays)
	setDefault(&c.LogFormat, "text")
	c.Limits.setDefaults()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c *Config) check() error {
	if c.Data == "" {
		return errors.New("root: the data folder is required")
	}
	if c.Queue < 0 {
		return fmt.Errorf("queue = %d: the queue needs a size; a queue without a limit would let a flood fill the disk", c.Queue)
	}
	if _, err := limit.ParseProxies(c.TrustedProxies); err != nil {
		return err
	}
	if err := c.Limits.check(); err != nil {
		return err
	}
	if err := signedrequest.CheckAllowed(c.SignedChanges); err != nil {
		return fmt.Errorf("signed_changes: %w", err)
	}
	if err := checkResolver(c.Resolver); err != nil {
		return err
	}
	if err := c.Games.check(); err != nil {
		return err
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return fmt.Errorf("log_format = %q: it is \"text\" or \"json\"", c.LogFormat)
	}
	if c.Mail != nil {
		if err := c.Mail.Check(); err != nil {
			return err
		}
	}
	if err := mail.CheckHooks(c.Webhooks); err != nil {
		return err
	}
	if c.Listen != ListenNone {
		if err := checkListen(c.Listen); err != nil {
			return err
		}
	}
	if err := checkListen(c.AdminListen); err != nil {
		return err
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	url, err := CheckPublicURL(c.PublicURL)
	c.PublicURL = url
	return err
}

// CheckPublicURL takes the URL of a folder, and adds the "/" that says so.
func CheckPublicURL(url string) (string, error) {
	if url == "" {
		return "", nil
	}
	if !strings.HasSuffix(url, "/") {
		url += "/"
	}
	if err := serverlist.CheckMirrorURL(url); err != nil {
		return "", fmt.Errorf("public URL %q: %w", url, err)
	}
	if strings.Contains(url, "?") {
		return "", fmt.Errorf("public URL %q: must not have a query (?): names of documents are appended to it", url)
	}
	return url, nil
}

// checkResolver takes the address of a DNS server.
func checkResolver(server string) error {
	if server == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("resolver = %q is not the address of a DNS server; write it as \"1.1.1.1:53\" or \"[2606:4700:4700::1111]:53\"", server)
	}
	return nil
}

// clip shortens hostile text before it is repeated.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
