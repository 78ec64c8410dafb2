package serverlist

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Config configures a [Client]. Only Trust is required, or a Static folder with
// a pinned.trust.
type Config struct {
	Trust        []byte           // the pinned trust document, with which all trust begins; nil: pinned.trust of Static
	Root         []string         // base URLs of the root, each the folder of all documents; none: mirrors of the static list only
	Cache        Cache            // nil: memory only
	Static       fs.FS            // what the program ships with, as "metaserver bundle" writes it: pinned.trust, trust/, mirror.list, server.list; may be nil
	StaticName   string           // what results call Static, as the path of its folder; "": "static"
	HTTP         *http.Client     // nil: a client with the timeouts of Tuning that keeps no cookies; see [Fetcher].HTTP for what of another is used
	Tuning       Tuning           // zero fields: the defaults named there
	Limits       Limits           // zero fields: the caps of the format
	AllowPrivate bool             // dial private and loopback addresses that a mirror list names
	Now          func() time.Time // safe for concurrent use; nil: time.Now
	Log          *slog.Logger     // nil: silent
}

// Tuning holds the pauses and timeouts of fetching. A zero field means the
// default in its comment.
type Tuning struct {
	HedgeEmpty time.Duration // pause before a further operator is asked while nothing can be shown; 300 ms
	HedgeHeld  time.Duration // the same when something is held; 1.5 s
	BodyEmpty  time.Duration // with a verified head a source may take so long for the body before it gives up its place and a further one is asked, too, while nothing can be shown; 2.5 s
	BodyHeld   time.Duration // the same when something is held; twice that is what a newer list may take, with nothing to show, once an older one is at hand; 30 s
	Silent     time.Duration // after this a source without an answer no longer counts as in flight; 4 s
	Connect    time.Duration // to connect; 5 s
	Head       time.Duration // from the start of a request to a verified head; for all new trust documents of one source together, too; 30 s
	Stall      time.Duration // without a byte of the body; 10 s
	MinRate    int64         // bytes per second of a body, averaged over Stall; 4096
	Parallel   int           // sources in flight at once, up to twice as many while some of them take longer than BodyEmpty or BodyHeld; 3
}

func (t Tuning) withDefaults() Tuning {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&t.HedgeEmpty, 300*time.Millisecond)
	set(&t.HedgeHeld, 1500*time.Millisecond)
	set(&t.BodyEmpty, 2500*time.Millisecond)
	set(&t.BodyHeld, 30*time.Second)
	set(&t.Silent, 4*time.Second)
	set(&t.Connect, 5*time.Second)
	set(&t.Head, 30*time.Second)
	set(&t.Stall, 10*time.Second)
	if t.MinRate == 0 {
		t.MinRate = 4096
	}
	if t.Parallel == 0 {
		t.Parallel = 3
	}
	return t
}

// Cache keeps verified documents between runs. What it returns is verified
// again, so it needs no protection beyond that of the user's other files.
// Implementations must be safe for concurrent use, by several processes too
// if they share storage. Names are those of the documents ("server.list",
// "mirror.list", "trust/2.trust") and "conflict/1" to "conflict/8" for
// evidence: parts of [a-z0-9._-] separated by "/". A cache that several
// processes share should be a [SharedCache].
type Cache interface {
	// Load returns the generations held under name, newest first: the one
	// stored last and, if there is one, the one before it. None held is no
	// error. The client does not change the data, nor keep it.
	Load(name string) ([]CacheEntry, error)

	// Store puts data first under name and keeps what was first as the generation
	// before. It does not change data, but may keep it. Storing what is first
	// already changes nothing. It returns once the data would survive a crash. A
	// failure leaves what was held. A document that was stored with a first-seen
	// time keeps that.
	Store(name string, data []byte, firstSeen time.Time) error
}

// A SharedCache is a Cache whose storage several programs may share. A Client
// does not let an older list push out a newer one that another program has
// stored a moment before: of a SharedCache it asks that with StoreUnless, of
// any other Cache it loads and stores in two steps, between which another
// program may come.
type SharedCache interface {
	Cache

	// StoreUnless is Store, but first shows stays what is held, newest first; if
	// that returns true, nothing changes, and that is no error. Of a document of
	// more than 80 KiB, Data may be its beginning of that size alone; every head
	// is within it. From then until StoreUnless returns nobody else stores, in
	// this process or another. It waits a bounded time for those who do, then it
	// fails.
	StoreUnless(name string, data []byte, firstSeen time.Time, stays func(held []CacheEntry) bool) error
}

// CacheEntry is one stored document.
type CacheEntry struct {
	Data      []byte
	FirstSeen time.Time // when the document was first stored; zero: no record
}

// check refuses what cannot be meant.
func (c *Config) check() error {
	for _, r := range c.Root {
		if _, err := rootFolder(r); err != nil {
			return fmt.Errorf("Config.Root: %w", err)
		}
	}
	t := c.Tuning
	if min(t.HedgeEmpty, t.HedgeHeld, t.BodyEmpty, t.BodyHeld, t.Silent, t.Connect, t.Head, t.Stall) < 0 || t.MinRate < 0 || t.Parallel < 0 {
		return fmt.Errorf("Config.Tuning: a negative value; zero means the default")
	}
	if l := c.Limits; min(l.Body, int64(l.Lines), int64(l.Elements), int64(l.Entry)) < 0 {
		return fmt.Errorf("Config.Limits: a negative value; zero means the cap of the format")
	}
	return nil
}

// pinned returns the trust document that the program pins, and what gave it.
func (c *Config) pinned() (data []byte, from string, err error) {
	if len(c.Trust) > 0 {
		return c.Trust, "Config.Trust", nil
	}
	const remedy = "it takes the content of the trust document that the program pins (trust/N.trust of the root)"
	if c.Static == nil {
		return nil, "", fmt.Errorf("Config.Trust is empty: %s", remedy)
	}
	data, err = readStatic(c.Static, NamePinned, maxTrustBytes)
	if err != nil {
		return nil, "", fmt.Errorf("Config.Trust is empty, and Config.Static has no %s (%w): %s, or Static the folder that \"metaserver bundle\" writes", NamePinned, err, remedy)
	}
	return data, NamePinned + " of Config.Static", nil
}

// rootFolder returns a root's base URL with a slash at its end.
func rootFolder(base string) (string, error) {
	u, err := parseHTTP(base)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" || strings.HasSuffix(u.Path, "/"+NameServerList) {
		return "", fmt.Errorf("%q is not the folder of all documents; give the URL without %q and query", base, NameServerList)
	}
	if !strings.HasSuffix(u.Path, "/") {
		return u.Scheme + "://" + u.Host + u.EscapedPath() + "/", nil
	}
	return u.String(), nil
}
