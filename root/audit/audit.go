// Package audit is the form of a root's audit log: an append-only chain of
// records, one for every action of an admin and for every denial.
//
// # The chain
//
// Each record holds the hash of the one before it, so that none can be changed,
// taken out or put in between without changing every hash after it. What the
// chain cannot tell is whether its end was cut off, or whether all of it was
// written anew: whoever may write to the database can do both. So note the hash
// of the newest record, the head, somewhere else from time to time; a log in
// which a noted head no longer stands was not only appended to.
//
// # The form of a record
//
// A record is one line of JSON in UTF-8: an object with exactly these members
// in this order, without white space between them. Only '"', '\' and control
// characters are escaped; jq -c writes the same.
//
//	number    from 1, each one more than the one before
//	time      RFC 3339 in UTC, whole seconds, ending in "Z"
//	admin     name of the admin; "(console)" for who uses the root's data folder
//	          directly, "(watcher)" for the root itself, "(rule)" for what an
//	          admin has allowed beforehand; "" for a stranger
//	action    what was asked for, as "approve"; of a denial why it was denied
//	outcome   "done"; "seen": something private was shown, and nothing changed;
//	          "refused": it could not be done as asked; "denied": who asked may
//	          not; "failed": the root failed
//	subject   id of what it was about: a registration, an entry, a mirror, an
//	          admin's name; of a denial the action that was asked for
//	entry     id of the entry or mirror that this was about as well, or ""
//	detail    the reason that was given, or of a refusal its cause
//	change    number of the change of the lists that it made; 0: none
//	count     how many events the record stands for; mostly 1
//	source    address that it came from, of a stranger only the network; or ""
//	previous  hash of the record before, 64 hex digits; of the first record zeros
//	hash      SHA-256 of the line without this member, 64 hex digits
//
// The hash is that of the bytes of the line up to and without ,"hash":"..."
// and with the closing brace, without a line feed. So with an exported log, one
// record a line, this prints what the member hash of line 7 must be:
//
//	sed -n '7s/,"hash":"[0-9a-f]*"}$/}/p' log | tr -d '\n' | sha256sum
//
// # What is not in it
//
// The log is for ever, and people have a right to be forgotten. It names
// registrations, entries and admins by their ids; e-mail addresses and what
// looks like a token are blanked out of every text before it is recorded.
//
// The package imports the standard library only.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"
)

// Action names what was asked for: lower-case words joined by "-".
type Action string

// Outcome says what became of it.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Seen    Outcome = "seen"    // something private was shown
	Refused Outcome = "refused" // there is no such thing, or it is not as was thought
	Denied  Outcome = "denied"  // who asked may not
	Failed  Outcome = "failed"  // the root failed
)

// Names that stand where no admin's does. No admin can have such a name.
const (
	Console = "(console)" // who uses the data folder directly
	Watcher = "(watcher)" // the root itself, which watches its mirrors
	Rule    = "(rule)"    // nobody: an admin has allowed it beforehand
)

// An Event is what a record tells. See the package comment for the members.
type Event struct {
	Time    time.Time // whole seconds count
	Admin   string
	Action  Action
	Outcome Outcome
	Subject string
	Entry   string
	Detail  string
	Change  int64
	Count   int64 // 0: 1
	Source  string
}

// Hash is that of a record.
type Hash [sha256.Size]byte

// String returns 64 hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes what String returns.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 lower-case hex digits.
func (h *Hash) UnmarshalText(text []byte) error {
	var out Hash
	n, err := hex.Decode(out[:], text[:min(len(text), hex.EncodedLen(len(out)))])
	if err != nil || n != len(out) || out.String() != string(text) {
		return errors.New("a hash is 64 hex digits, lower-case")
	}
	*h = out
	return nil
}

// A Filter chooses records. Its zero value chooses all.
type Filter struct {
	Since   time.Time // from this time on
	Admin   string
	Action  Action
	Outcome Outcome
	Subject string // what stands in Subject or in Entry
	After   int64  // those with a higher number
	Newest  int    // so many of the newest of them; 0: all
}
