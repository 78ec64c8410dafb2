package issue

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Names of documents, as paths below the public folder and the root's URL.
const (
	ServerListName = serverlist.NameServerList
	MirrorListName = serverlist.NameMirrorList
)

// NameOf returns the name under which lists of a type are published.
func NameOf(typ string) string {
	if typ == serverlist.TypeMirrorList {
		return MirrorListName
	}
	return ServerListName
}

// TypeOf returns the type of the list that is published under a name; "": none
// is.
func TypeOf(name string) string {
	switch name {
	case ServerListName:
		return serverlist.TypeServerList
	case MirrorListName:
		return serverlist.TypeMirrorList
	}
	return ""
}

// A Document is something published, ready to be served. It is immutable and
// not to be copied.
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

	ids  []string // of the entries of a list, ordered
	made representations
}

// Has tells whether the list has an entry of this id.
func (d *Document) Has(id string) bool {
	_, found := slices.BinarySearch(d.ids, id)
	return found
}

func etag(data []byte) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%q", fmt.Sprintf("%x", sum[:16]))
}

func listDocument(name string, l *serverlist.List, ids []string) *Document {
	return &Document{
		Name: name, Type: l.Head.Type, Version: l.Head.Version, Epoch: l.Head.Epoch,
		Issued: l.Head.Issued, FreshUntil: l.Head.FreshUntil, OldAfter: l.Head.OldAfter,
		Entries: len(l.Servers) + len(l.Mirrors), Bytes: l.Bytes(), ETag: etag(l.Bytes()), ids: ids,
	}
}

func trustName(t *keys.Trust) string { return serverlist.TrustName(t.Version) }

func trustDocument(t *keys.Trust) *Document {
	return &Document{
		Name: trustName(t), Type: keys.TypeTrust, Version: t.Version, Epoch: t.Epoch,
		Issued: t.Issued, Bytes: t.Bytes(), ETag: etag(t.Bytes()),
	}
}

// A RemovalError says that an edition waits for an admin's confirmation,
// because it would lose many entries at once: a bad import or a restored
// database must not blank every client. [Publisher.Confirm] releases it.
type RemovalError struct {
	Type    string
	Change  int64 // the state of the store that would be published
	Removed int   // entries of the newest edition, or of that of a day ago, that would be missing
	Of      int   // entries of that edition
	Day     bool  // several editions have lost them since a day ago, and this one is too many
	Behind  bool  // the store is older than the newest edition, as one from a backup is: then a single entry is too many
}

func (e *RemovalError) Error() string {
	if e.Behind {
		return fmt.Sprintf("the public folder holds a newer %s than the database, which seems to come from a backup: the next one would lose %d of its %d entries; import them (metaserver admin import --approve with the public server.list), restore a newer database, or confirm change %d as an admin if they are meant to go",
			e.Type, e.Removed, e.Of, e.Change)
	}
	if e.Day {
		return fmt.Sprintf("with the next %s, %d of the %d entries of a day ago would be gone; it is published only when an admin confirms change %d, or when less of it falls into one day",
			e.Type, e.Removed, e.Of, e.Change)
	}
	return fmt.Sprintf("the next %s would lose %d of %d entries; it is published only when an admin confirms change %d",
		e.Type, e.Removed, e.Of, e.Change)
}

// A DatabaseError says that the store is not the one that the public folder was
// published from: it is new, or another root's. Nothing is published from it.
type DatabaseError struct {
	List    string // name of the document that shows it
	Problem string // with the database
	Err     error  // the cause; nil: Problem says it all
}

func (e *DatabaseError) Error() string {
	text := fmt.Sprintf("%s: the database %s", e.List, e.Problem)
	if e.Err != nil {
		text += " (" + e.Err.Error() + ")"
	}
	return text + "; restore the database from a backup, or, if a new beginning is meant, begin with a new database and remove server.list and mirror.list from the public folder"
}

func (e *DatabaseError) Unwrap() error { return e.Err }

// ErrClock refuses to issue when the clock is a day or more behind the newest
// edition: mirrors would refuse the next one.
var ErrClock = errors.New("the clock is a day or more behind the newest edition: if the clock is wrong, set it right; if that edition was dated by a wrong clock, the next trust document raises the epoch (\"metaserver trust new --new-epoch\"), and versions begin at the right time again")

// State says how the publishing of one list goes.
type State struct {
	Type     string
	Document *Document // what is served; nil: nothing yet
	Covered  int64     // the change of the store up to which it is served; -1: not known yet
	Next     time.Time // when it is issued again at the latest; zero: nothing is served yet
	Err      error     // why the last attempt failed; nil: it did not
	Failed   int       // failures in a row
}
