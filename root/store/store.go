// Package store keeps what a root node must not lose: registrations and what
// was decided about them, the entries of the lists, mirrors, admin tokens, and
// the editions that were published.
//
// [Store] is the interface, [OpenSQLite] its default implementation, and
// package storetest its contract: every implementation passes the same suite.
//
// # Durability
//
// A call that returns nil has made its change durable: it survives the kill of
// the process and the loss of power. A call that returns an error has changed
// nothing, with one exception: after a cancelled context the change may have
// been made. A full disk is an error like any other; what was stored stays.
//
// # The same server again is the same entry
//
// Two requests come from the same requester, for the same server, when game,
// set of addresses and e-mail are equal, addresses in the form of
// [NormalAddress], e-mail without regard to case. The e-mail address is never
// published, so that somebody who knows a server only from the list cannot touch
// its requests. From this follows what [Store.Register] does:
//
//   - A pending request with the same three, of the same identity in short, is
//     updated and keeps its id and its place in the queue. The new status token is
//     added to those that already open its status: the first one and the newest
//     seven do.
//   - A listed entry of the same identity: the request waits like any other,
//     names that entry in [Registration].Entry, and approving it updates the
//     entry. It can never make a second one.
//   - Anything else is a new request. Whatever it has in common with other
//     requests and entries (name, address, key) is shown to the admin as a
//     [Conflict], and decided by nobody else.
//
// # Changes
//
// Every transaction that changes what the lists say draws the next number of
// one counter, the change number. [Store.Listed] and [Store.Mirrors] say which
// change they include, so that an admin's call can wait until its own change
// is published.
package store

import (
	"context"
	"net/netip"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Store is the memory of a root node. Implementations are safe for concurrent
// use, by several processes on one database too. All times they return are in
// UTC and whole seconds. Errors callers may branch on are those of this
// package; any call that writes may return [ErrNoSpace]; any other error means
// that the storage failed.
type Store interface {
	MirrorStore
	OwnerStore
	Outbox
	AuditLog
	News
	Restorer
	Transfer
	Retention
	ReviewStore
	Health

	// Register puts a request into the queue, or updates the pending request
	// of the same identity; see the package comment. The limits hold for new
	// requests only and are enforced with the insertion: concurrent calls
	// cannot pass them. Errors: [ErrQueueFull], [*SourceLimitError], and a
	// [*serverlist.FieldError] when no reader of a list would accept the
	// server.
	Register(ctx context.Context, r Request, limits Limits) (Registration, error)

	// Status returns the registration that this token opens. [ErrNotFound]
	// when there is no such registration or the token is another's.
	Status(ctx context.Context, id string, token Token) (Registration, error)

	// Review returns one registration with its conflicts. [ErrNotFound].
	Review(ctx context.Context, id string) (Review, error)

	// Pending calls each with every pending registration, oldest first, and
	// stops at its first error, which it returns. It reads in pages, so that a
	// slow caller holds up nobody; a decision made meanwhile may or may not be
	// seen.
	Pending(ctx context.Context, each func(Review) error) error

	// Approve makes the registration's server a listed entry, or updates the
	// entry that it belongs to. Errors: [ErrNotFound], [*DecidedError],
	// [*RevisionError], [*TakenError], [*UpdateError], and a
	// [*serverlist.FieldError] when the entry could not be published.
	Approve(ctx context.Context, a Approval) (Entry, error)

	// Reject ends a pending registration. Errors: [ErrNotFound],
	// [*DecidedError].
	Reject(ctx context.Context, id, reason, admin string) (Registration, error)

	// Revoke takes an entry out of the list. Its id is never given again.
	// Errors: [ErrNotFound], [*DecidedError] when it is revoked already.
	Revoke(ctx context.Context, entry, reason, admin string) (Entry, error)

	// Prune forgets registrations, those of mirrors too, that were rejected,
	// revoked or withdrawn before the given time, at most limit of each kind, with
	// their e-mail addresses and tokens, and returns how many. What the audit log
	// says of them stays.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)

	// Entry returns an entry, listed or revoked. [ErrNotFound].
	Entry(ctx context.Context, id string) (Entry, error)

	// Listed calls each with every listed entry in the order of their ids, all
	// of one moment, and returns the change number of that moment. line is the
	// entry's canonical JSON without line feed, valid during the call only. It
	// stops at the first error of each, which it returns. The caller should not
	// block in each: old data cannot be cleaned up meanwhile.
	Listed(ctx context.Context, each func(id string, line []byte) error) (change int64, err error)

	// AddAdmin stores the hash of an admin's token. [*TakenError] when the
	// name has one.
	AddAdmin(ctx context.Context, name string, hash TokenHash) error

	// CheckAdmin returns the name of the admin whose token this is, in a time
	// that does not depend on how much of the token is right. [ErrNotFound].
	CheckAdmin(ctx context.Context, token Token) (name string, err error)

	// RemoveAdmin makes an admin's token useless. [ErrNotFound].
	RemoveAdmin(ctx context.Context, name string) error

	// Admins returns the admins that have a token, by name.
	Admins(ctx context.Context) ([]Admin, error)

	// PublishEdition appends an edition to the sequence of its type, if the
	// newest one has the version previous (0: there is none). [ErrConflict]
	// when somebody else was faster: nothing is stored then. Its version is
	// higher than the one before, or its epoch is. The documents of the newest
	// two editions are kept, of older ones the rest.
	PublishEdition(ctx context.Context, previous int64, e Edition) error

	// NewestEdition returns the newest edition of a type, by epoch and then
	// version, with its document. [ErrNotFound] when there is none.
	NewestEdition(ctx context.Context, typ string) (Edition, error)

	// Edition returns one edition of a type. [ErrNotFound].
	Edition(ctx context.Context, typ string, version int64) (Edition, error)

	// Editions returns the newest editions of a type, newest first, at most
	// limit, without their documents.
	Editions(ctx context.Context, typ string, limit int) ([]Edition, error)

	// PublishTrust appends trust documents and the editions that hold under
	// them, all or nothing. [ErrConflict] when the first document does not
	// follow the newest one that is stored, or one of the lists has another
	// newest edition than its Swap says: nothing is stored then.
	PublishTrust(ctx context.Context, s Succession) error

	// Trust returns the trust documents from this number on, in order. All are
	// kept for ever.
	Trust(ctx context.Context, from int64) ([]TrustDocument, error)

	// ConfirmRemoval records that an admin wants the list of this type to be
	// published although it loses many entries, as it is at this change.
	// [*ConfirmError] when there is no such change yet: nobody can have seen
	// what it removes. It ends what was counted as lost before; see PastList.
	ConfirmRemoval(ctx context.Context, typ string, change int64, admin string) error

	// PastList returns the ids that an edition of this type had a day ago, or a
	// few hours more; where there is none so old, those of the oldest since an
	// admin has confirmed a loss. nil: none is known.
	PastList(ctx context.Context, typ string) (ids []string, err error)

	// ConfirmedRemoval returns the highest change confirmed for a type; 0:
	// none.
	ConfirmedRemoval(ctx context.Context, typ string) (change int64, err error)

	// Counts returns how much there is of everything.
	Counts(ctx context.Context) (Counts, error)

	// Close ends the use of the store. Calls in flight finish first.
	Close() error
}

// A Request is what a server's operator sends.
type Request struct {
	Server serverlist.Server // as it shall be listed; its ID is ignored
	Email  string            // of the requester; never published
	Source netip.Addr        // where the request came from
	Token  TokenHash         // of the token that opens the status; see [NewToken]
}

// Limits keep a flood out of the queue.
type Limits struct {
	Queue     int           // pending registrations; 0: DefaultQueue, negative: no limit
	PerSource int           // new requests of one source within Window; 0: no limit. An IPv6 source is its /64. Its network may send NetworkFactor times as many
	Window    time.Duration // 0: DefaultWindow
}

// Defaults of [Limits].
const (
	DefaultQueue  = 20_000
	DefaultWindow = time.Hour
)

// NetworkFactor is how many times as much as one source the network around it
// may send, an IPv4 /24 or an IPv6 /48.
const NetworkFactor = 8

// Status is what has become of a registration.
type Status string

// The states of a registration. Pending is the only one that can be decided.
const (
	Pending  Status = "pending"
	Approved Status = "approved"
	Rejected Status = "rejected"
	Revoked  Status = "revoked" // it was approved, and its entry was revoked later
)

// A Registration is a request in the queue, or what became of it.
type Registration struct {
	ID         string // "r" and a number: short, stable, and no secret
	Status     Status
	Server     serverlist.Server // as it was asked for; ID is empty
	Email      string            // private
	Source     netip.Addr        // of the first request
	LastSource netip.Addr        // of the newest request with this identity
	Created    time.Time
	Updated    time.Time // of the newest request with this identity; Created when there was one only
	Requests   int       // how often it was sent
	Revision   int       // from 1; one more whenever it was sent with another Server
	Kind       Kind      // what it asks for
	Signed     bool      // by the entry's own key
	Entry      string    // the entry it became; while pending the entry that approving it changes; else ""
	Decided    time.Time // zero while pending
	Admin      string    // who decided
	Reason     string    // of a rejection or a revocation
}

// A Review is what an admin judges by.
type Review struct {
	Registration
	Conflicts []Conflict // at most MaxConflicts, listed entries first
	Findings  *Findings  // nil: the root has not looked yet
}

// MaxConflicts is the most conflicts that one [Review] shows. A flood of equal
// requests makes no review longer.
const MaxConflicts = 20

// A Conflict is something that a registration has in common with a listed
// entry or with another pending registration. It accuses nobody: the admin
// decides.
type Conflict struct {
	Kind         ConflictKind
	Value        string // what is the same, in the form in which it is compared
	Entry        string // id of the listed entry, or ""
	Registration string // id of the pending registration, or ""
}

// ConflictKind says what is the same.
type ConflictKind string

// The kinds of conflicts.
const (
	SameName    ConflictKind = "name"    // after NFC and case folding
	SameAddress ConflictKind = "address" // after the normalisation of NormalAddress
	SameKey     ConflictKind = "key"
	SameHost    ConflictKind = "host"       // an address that a host name of either leads to
	LooksAlike  ConflictKind = "look-alike" // a name that looks the same, as by letters of another script
)

// An Approval is an admin's yes.
type Approval struct {
	Registration string // id
	Revision     int    // what the admin has seen, [Registration].Revision; 0: whatever it is now
	Entry        string // id of the new entry; "": made from the server's name
	Replace      bool   // Entry names a listed entry, which this server replaces: it has moved, and is the requester's
	NewOwner     bool   // of a request that updates an entry: the entry is the requester's from now on
	Admin        string // who decides
}

// EntryState says whether an entry is in the list.
type EntryState string

// The states of an entry.
const (
	EntryListed  EntryState = "listed"
	EntryRevoked EntryState = "revoked"
)

// An Entry is a server that is or was in the list.
type Entry struct {
	Server       serverlist.Server // as it is listed, with its ID
	State        EntryState
	Registration string // id of the registration that it shows
	Owner        string // id of the registration whose owner is the entry's; see [OwnerStore]
	Created      time.Time
	Updated      time.Time
	Change       int64       // the change that made it what it is
	FirstChange  int64       // the change that made it
	Allowed      []string    // members that its key may change without an admin; nil: those that the root allows
	Reason       string      // of the revocation
	Suspended    *Suspension // nil: it is not
}

// An Admin is somebody who has a token.
type Admin struct {
	Name    string
	Created time.Time
}

// An Edition is a published list.
type Edition struct {
	Type      string    // as "server-list/1"
	Version   int64     // unique; higher than that of the edition before, unless the epoch is
	Epoch     int64     // of the newest trust document at that time
	Issued    time.Time // whole seconds
	Head      []byte    // the signed text
	Document  []byte    // all of it; nil where only the metadata are kept
	Change    int64     // the newest change that it includes; 0: not known
	Published time.Time // when it was stored
	Entries   int       // in its body; -1: it is older than this member
	IDs       []string  // of its entries, ordered; set by who publishes, never returned
}

// A TrustDocument is a published trust document. The store does not verify it.
type TrustDocument struct {
	Version   int64 // its number, from 1
	Document  []byte
	Published time.Time // when it was stored
}

// A Succession is what takes effect together: trust documents, and editions
// of the lists that hold under the last of them.
type Succession struct {
	Documents []TrustDocument // at least one, of consecutive numbers; Published is ignored
	Lists     []Swap          // at most one of each type
	Admin     string          // who decided; "": nobody did, it is recorded as no decision
}

// A Swap is an edition and the version of the one that it replaces (0: there
// is none).
type Swap struct {
	Previous int64
	Edition  Edition
}

// Action is what an admin did, in the audit log.
type Action = audit.Action

// The actions.
const (
	ActionApprove      Action = "approve"
	ActionReject       Action = "reject"
	ActionRevoke       Action = "revoke"
	ActionAddMirror    Action = "add-mirror"
	ActionRemoveMirror Action = "remove-mirror"
	ActionLeaveOut     Action = "leave-mirror-out" // by the watcher
	ActionTakeIn       Action = "take-mirror-in"   // by the watcher
	ActionConfirm      Action = "confirm-removal"
	ActionPublishTrust Action = "publish-trust"
	ActionAddAdmin     Action = "add-admin"
	ActionRemoveAdmin  Action = "remove-admin"
)

// Counts says how much there is.
type Counts struct {
	Pending        int   // registrations
	Listed         int   // entries
	Mirrors        int   // those left out of the list, too
	LeftOut        int   // mirrors
	PendingMirrors int   // registrations of mirrors
	Messages       int   // that wait to be sent
	Change         int64 // the newest change number
}
