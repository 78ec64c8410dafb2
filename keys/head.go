package keys

import (
	"crypto/sha256"
	"time"
)

// A Head is what the signed text of a list says. The fields from FreshUntil
// on belong to lists; they are zero in the head of a trust document.
type Head struct {
	Origin     string
	Type       string // as "server-list/1"
	Version    int64
	Epoch      int64
	Issued     time.Time // whole seconds, UTC, as all times here
	FreshUntil time.Time
	OldAfter   time.Time
	Trust      int64             // number of the trust document the writer knew; a hint
	Mirrors    int64             // version of the mirror list the writer knew; a hint; 0: not said
	BodySize   int64             // bytes
	BodySHA256 [sha256.Size]byte // of the body
	Extra      []Field           // lines this version does not know, in their order
}

// A Field is one "key value" line of a head.
type Field struct {
	Key, Value string
}

// A Note is a verified signed head.
type Note struct {
	Head    Head
	Text    []byte        // the signed bytes: equal texts mean the same document
	Signers []VerifierKey // the known keys whose signatures verified
}
