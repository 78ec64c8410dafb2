package keys

import "time"

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
	FirstSeen    time.Time // of a stored document: when this reader first had it; zero: no record
	Shipped      time.Time // of a static document: when the newest trust document it was shipped with was issued; zero: not known, only the pinned one vouches
}
