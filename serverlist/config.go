package serverlist

import (
	"io/fs"
	"log/slog"
	"net/http"
	"time"
)

// Config configures a [Client]. Only Trust is required.
type Config struct {
	Trust        []byte           // required: the pinned trust document
	Root         []string         // base URLs of the root; none: mirrors of the static list only
	Cache        Cache            // nil: memory only
	Static       fs.FS            // server.list, mirror.list and trust/ as shipped; may be nil
	HTTP         *http.Client     // nil: a client with the timeouts of Tuning that keeps no cookies
	Tuning       Tuning           // zero fields: the defaults named there
	Limits       Limits           // zero fields: the caps of the format
	AllowPrivate bool             // dial private and loopback addresses that a mirror list names
	Now          func() time.Time // nil: time.Now
	Log          *slog.Logger     // nil: silent
}

// Tuning holds the pauses and timeouts of fetching. A zero field means the
// default in its comment.
type Tuning struct {
	HedgeEmpty time.Duration // pause before a further operator is asked while nothing can be shown; 300 ms
	HedgeHeld  time.Duration // the same when something is held; 1.5 s
	Silent     time.Duration // after this a source without an answer no longer counts as in flight; 4 s
	Connect    time.Duration // to connect; 5 s
	Head       time.Duration // from the start of a request to a verified head; 30 s
	Stall      time.Duration // without a byte of the body; 10 s
	MinRate    int64         // bytes per second of a body, averaged over Stall; 4096
	Parallel   int           // sources in flight at once; 3
}

// Cache keeps verified documents between runs. What it returns is verified
// again, so it needs no protection beyond that of the user's other files.
// Implementations must be safe for concurrent use, by several processes too
// if they share storage. Names are those of the documents: "server.list",
// "mirror.list", "trust/2.trust".
type Cache interface {
	// Load returns the generations held under name, newest first: the one
	// stored last and, if there is one, the one before it. None held is no
	// error.
	Load(name string) ([]CacheEntry, error)

	// Store puts data first under name and keeps what was first as the
	// generation before. It returns once the data would survive a crash.
	// A failure leaves what was held.
	Store(name string, data []byte, firstSeen time.Time) error
}

// CacheEntry is one stored document.
type CacheEntry struct {
	Data      []byte
	FirstSeen time.Time // when the document was first stored; zero: no record
}
