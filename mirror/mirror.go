// Package mirror carries the documents of a root to static hosts.
//
// [Mirror.Once] walks the chain of trust up from the pinned document, fetches
// the mirror list and the server list, verifies them, and brings every target
// to the newest set it knows, byte for byte as it was fetched. [Mirror.Run]
// does so on a schedule.
//
// A mirror keeps no state. What it has published is read back from its targets
// and verified again each time; that is also what it falls back on when the
// root is away, together with what other mirrors of the newest verified mirror
// list serve. It never replaces a newer edition by an older one and publishes
// nothing that does not verify, so it needs no key and no trust of its own.
//
// Package publish decides in which order documents are written and what may
// replace what.
package mirror

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
)

// Config configures a [Mirror]. Root, Trust and Targets are required.
// [ReadConfig] makes one from a file.
type Config struct {
	Root    string   // base URL of the root; it may be private or loopback, because the operator named it
	Trust   []byte   // the pinned trust document; the chain is published from here on, so pin trust/1 where clients do
	Targets []Target // where to publish, in this order

	Schedule     string        // when Run looks for news: a cron expression in UTC; "": once an hour, at a minute drawn by New
	Jitter       time.Duration // a random time up to this is added to each turn; 0: DefaultJitter without a Schedule, and with one at most a tenth of the time between two turns; negative: none
	AllowPrivate bool          // fetch from private and loopback addresses that a mirror list names
	WarnBefore   time.Duration // how long before what is published stops being fresh it counts as expiring; 0: a quarter of the time for which it is fresh

	Notify []notify.Channel // whom Run tells when what is published is about to be stale
	Notes  []string         // of ReadConfig: what the operator should know and what is no error; Run logs them once

	HTTP   *http.Client                            // nil: a client with the limits of serverlist.Fetcher
	Now    func() time.Time                        // nil: time.Now
	Random func(below time.Duration) time.Duration // random time from 0 up to but not including below; nil: math/rand
	Log    *slog.Logger                            // nil: silent

	patience time.Duration // with the silence of a root; 0: that of serverlist.Fetcher
}

// A Target is one place to publish to.
type Target struct {
	publish.Target

	// PublicURL is where players find what is published: a folder if it ends
	// in "/", else the server list itself. Every document is fetched from
	// there and compared after each run. "": not checked.
	PublicURL string

	name string // "": that of the Target
}

// String names the target in reports.
func (t Target) String() string {
	if t.name != "" {
		return t.name
	}
	return t.Target.String()
}

// named gives targets that call themselves the same names of their own.
func named(targets []Target) []Target {
	targets = slices.Clone(targets)
	count, nth := map[string]int{}, map[string]int{}
	for _, t := range targets {
		count[t.Target.String()]++
	}
	for i := range targets {
		t := &targets[i]
		name := t.Target.String()
		if nth[name]++; count[name] > 1 {
			t.name = fmt.Sprintf("%s (%d. of this name)", name, nth[name])
			if t.PublicURL != "" {
				t.name = fmt.Sprintf("%s (%s)", name, t.PublicURL)
			}
		}
	}
	return targets
}

// DefaultJitter is the default of [Config.Jitter], and with a schedule the most
// that it can be.
const DefaultJitter = 10 * time.Minute

// A Mirror carries documents. Once and Run may be called at any time, but the
// calls of one Mirror must not overlap.
type Mirror struct {
	cfg      Config
	pinned   *keys.Chain
	schedule cron.Schedule
	fetcher  *serverlist.Fetcher
}

// New checks the configuration. It does not touch the network or a target.
func New(cfg Config) (*Mirror, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.N[time.Duration]
	}
	if cfg.Schedule == "" {
		// Everybody's own minute: a thousand mirrors come evenly over the hour.
		cfg.Schedule = fmt.Sprintf("%d * * * *", cfg.Random(60))
		if cfg.Jitter == 0 {
			cfg.Jitter = DefaultJitter
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	m := &Mirror{cfg: cfg}
	var errs [3]error
	errs[0] = checkRoot(cfg.Root)
	m.pinned, errs[1] = keys.NewChain(cfg.Trust)
	m.schedule, errs[2] = parseSchedule(cfg.Schedule)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if len(cfg.Targets) == 0 {
		return nil, errors.New("a mirror needs a target to publish to")
	}
	for _, t := range cfg.Targets {
		if err := hosts.CheckPublicURL(t.PublicURL); err != nil {
			return nil, err
		}
	}
	cfg.Targets = named(cfg.Targets)
	m.cfg.Targets = cfg.Targets
	if cfg.HTTP == nil {
		// No kept connections: hours pass between two runs.
		cfg.HTTP = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	}
	m.fetcher = &serverlist.Fetcher{HTTP: cfg.HTTP, AllowPrivate: cfg.AllowPrivate, Pinned: []string{cfg.Root},
		Tuning: serverlist.Tuning{Head: cfg.patience}}
	return m, nil
}

// Targets returns the names of the targets, as reports have them.
func (m *Mirror) Targets() []string {
	var names []string
	for _, t := range m.cfg.Targets {
		names = append(names, t.String())
	}
	return names
}

// Origin returns the origin that is mirrored.
func (m *Mirror) Origin() string { return m.pinned.Origin() }

func checkRoot(root string) error { return hosts.CheckURL("root", root) }
