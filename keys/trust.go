package keys

import "time"

// Trust is a trust document: the keys of an origin, the roles they fill and
// the keys that no longer count. Documents of a [Chain] are verified; do not
// change them. To write one, fill in the fields and call [Trust.Encode].
type Trust struct {
	Origin   string
	Version  int64     // number of the document, from 1 without gaps
	Epoch    int64     // never falls along the chain; rises with every added revocation
	Issued   time.Time // whole seconds, UTC
	ReviewBy time.Time // when the admins mean to look at it again; a reminder, not an expiry
	Keys     []VerifierKey
	Roles    []Role
	Revoked  []Revocation // all so far: each document repeats those before it

	data []byte
}

// A Role says which keys may sign for a purpose and how many of them must.
type Role struct {
	Name      string   // "trust", "list", "mirrors", or a document type's name
	Threshold int      // distinct public keys, at least 1
	Keys      []string // names of keys of the same document
}

// A Revocation ends a key. It is by public key: the key cannot return under
// another name.
type Revocation struct {
	Key   VerifierKey
	Since time.Time // documents first seen before this may still count where they are stored
	Word  string    // why, in one word: "compromised", "retired"
}

// Held says where the bytes of a document come from.
type Held int

// The ways to hold a document.
const (
	Live   Held = iota // just fetched: must hold under the newest trust document
	Stored             // from a cache: may hold under any document of the chain
	Static             // shipped with a program: may hold under the trust documents it shipped with
)

// Want is what the caller expects of a document.
type Want struct {
	Origin, Type string
	Held         Held
	FirstSeen    time.Time // of a stored document; of a static one the issue time of the newest trust document shipped with it; zero: no record
}
