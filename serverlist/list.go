package serverlist

import (
	"bytes"
	"cmp"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// Types of lists, as the second line of a head names them.
const (
	TypeServerList = "server-list/1"
	TypeMirrorList = "mirror-list/1"
)

// A List is a verified server list or mirror list. Only [Open], [Read] and the
// fetching calls built on them make one. It is immutable and safe for
// concurrent use; do not change its slices.
//
// The strings of its entries are parts of the document. A copy of one entry
// therefore keeps the whole document in memory; a program that holds on to a few
// entries of many lists, as of favourites, keeps their ids or copies of their
// strings (strings.Clone).
type List struct {
	Head    keys.Head          // origin, type, version, epoch, times
	Signers []keys.VerifierKey // the known keys whose signatures verified
	Servers []Server           // entries of a server list, in the document's order
	Mirrors []Mirror           // entries of a mirror list, in the document's order
	Skipped []*keys.Error      // entries that were skipped and members that were dropped, by line of the body

	data []byte // the document with LF line ends
	text []byte // the head's text, a part of data
	body int    // offset of the body in data
}

// Bytes returns the verified document with LF line ends: what mirrors
// republish. Do not change it: the strings of the entries are parts of it.
func (l *List) Bytes() []byte { return l.data }

// Text returns the signed text. Two documents with equal texts are the same.
func (l *List) Text() []byte { return l.text }

// Same tells whether both are the same document.
func (l *List) Same(other *List) bool { return bytes.Equal(l.text, other.text) }

// Compare orders lists of one origin and type by (epoch, version): it is
// negative if l is older than other, positive if newer.
func (l *List) Compare(other *List) int { return CompareHeads(&l.Head, &other.Head) }

// CompareHeads orders heads of one origin and type by (epoch, version).
func CompareHeads(a, b *keys.Head) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Version, b.Version))
}

// Freshness labels the list's age at a time.
func (l *List) Freshness(now time.Time) Freshness {
	switch {
	case now.Before(l.Head.FreshUntil):
		return Fresh
	case now.Before(l.Head.OldAfter):
		return Stale
	default:
		return Old
	}
}
