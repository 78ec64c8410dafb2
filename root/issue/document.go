package issue

import (
	"errors"
	"fmt"
	"time"
)

// Names of documents, as paths below the public folder and the root's URL.
const (
	ServerListName = "server.list"
	MirrorListName = "mirror.list"
)

// A Document is something published, ready to be served. It is immutable.
type Document struct {
	Name       string // "server.list", "mirror.list", "trust/1.trust"
	Type       string // as "server-list/1"
	Version    int64
	Epoch      int64
	Issued     time.Time // whole seconds; right as Last-Modified
	FreshUntil time.Time // zero for trust documents
	OldAfter   time.Time // zero for trust documents
	Entries    int       // of a list
	Bytes      []byte    // do not change
	ETag       string    // strong, with its quotes; made from the SHA-256 of Bytes
}

// A RemovalError says that an edition waits for an admin's confirmation,
// because it would lose many entries at once: a bad import or a restored
// database must not blank every client. [Publisher.Confirm] releases it.
type RemovalError struct {
	Type    string
	Change  int64 // the state of the store that would be published
	Removed int   // entries of the newest edition that would be missing
	Of      int   // entries of the newest edition
}

func (e *RemovalError) Error() string {
	return fmt.Sprintf("the next %s would lose %d of %d entries; it is published only when an admin confirms change %d",
		e.Type, e.Removed, e.Of, e.Change)
}

// ErrClock refuses to issue when the clock is more than a day behind the
// newest edition: clients and mirrors would refuse the next one.
var ErrClock = errors.New("the clock is more than a day behind the newest edition; set the clock right")

// State says how the publishing of one list goes.
type State struct {
	Type     string
	Document *Document // what is served; nil: nothing yet
	Covered  int64     // the change up to which the store's state is served
	Next     time.Time // when it is issued again at the latest
	Err      error     // why the last attempt failed; nil: it did not
	Failed   int       // failures in a row
}
