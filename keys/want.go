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
	FirstSeen    time.Time // of a stored document; of a static one the issue time of the newest trust document shipped with it; zero: no record
}
