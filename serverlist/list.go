package serverlist

import (
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// Types of lists, as the second line of a head names them.
const (
	TypeServerList = "server-list/1"
	TypeMirrorList = "mirror-list/1"
)

// A List is a verified server list or mirror list. Only [Open], [Read] and the
// fetching calls built on them make one. It is immutable; do not change its
// slices.
type List struct {
	Head    keys.Head          // origin, type, version, epoch, times
	Signers []keys.VerifierKey // the known keys whose signatures verified
	Servers []Server           // entries of a server list, ordered by id
	Mirrors []Mirror           // entries of a mirror list, ordered by id
	Skipped []*keys.Error      // entries that were skipped and members that were dropped, by line of the body

	data []byte
	body int // offset of the body in data
}

// A Server is one entry of a server list. ID, Name and Addresses are always
// present; every other member may be zero.
type Server struct {
	ID          string     // stable, [a-z0-9-]{1,64}
	Name        string     // at most 80 code points
	Description string     // at most 500 code points
	Game        string     // slug of the game
	Version     string     // the server's version text
	Addresses   []string   // host:port, in order of preference; host is a DNS name, IPv4 or [IPv6]
	Key         string     // the server's own ed25519 public key, base64 of 32 bytes
	Region      string     // where it stands
	Languages   []string   // language tags
	Tags        []string   // free words
	Website     string     // http or https URL
	Endpoints   []Endpoint // further services of the same server
	Probe       *Probe     // how to ask it for live statistics
	Checks      *Checks    // the file checks that a launcher runs before joining
	Unknown     []Member   // members this version does not know, in their order
}

// An Endpoint is a further service of a server, as its chat or voice.
type Endpoint struct {
	Role     string `json:"role"`
	Protocol string `json:"protocol"`
	Address  string `json:"address"`
}

// Probe names the protocol that yields a server's live statistics.
type Probe struct {
	Protocol string `json:"protocol"`
	Port     int    `json:"port,omitempty"` // 0: the port of the address
}

// Checks names a document of file checks by content.
type Checks struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // 64 lower-case hex digits
	Size   int64  `json:"size"`   // bytes
}

// A Member is a JSON member this version does not know: its name and the bytes
// of its value, kept as they came.
type Member struct {
	Name  string
	Value string // valid JSON
}

// A Mirror is one entry of a mirror list.
type Mirror struct {
	ID       string   // stable, [a-z0-9-]{1,64}
	Operator string   // who runs it; hedging counts operators, not entries
	Region   string   // where it stands
	Contact  string   // public contact of the operator
	URLs     []string // a URL that ends in "/" is the folder of all documents, any other is the server list
	Root     bool     // the entry is the root itself
	Unknown  []Member // members this version does not know, in their order
}

// Held says where the bytes of a document come from, which decides the trust
// documents and keys that may still vouch for them.
type Held = keys.Held

// The ways to hold a document.
const (
	Live   = keys.Live   // just fetched
	Stored = keys.Stored // from the client's own cache
	Static = keys.Static // shipped with the program
)

// Want is what the caller expects of a document. A document that is anything
// else is refused.
type Want struct {
	Origin, Type string
	Held         Held
	FirstSeen    time.Time // of a stored document; of a static one the issue time of the newest trust document shipped with it; zero: no record
	Limits       Limits    // zero: the caps of the format
}

// Limits are the sizes, in bytes, above which a document is refused before it
// is read. A zero field means the cap of the format. Callers may ask for less,
// never for more.
type Limits struct {
	Body  int64 // of a body; format: 64 MiB for server lists, 1 MiB for mirror lists
	Entry int   // of one line of a body; format: 8 KiB
}
