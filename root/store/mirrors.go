package store

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// MirrorStore is the part of a [Store] that keeps mirrors: requests to list
// one, the mirrors themselves, and what the watcher has seen of them.
//
// Two requests are the same when the id that is wished and the e-mail address
// are, the latter without regard to case. A pending one is updated, and keeps
// its id and its place in the queue; that of a listed mirror waits like any
// other, and approving it updates the mirror. The requests of mirrors have a
// queue of their own, so that neither flood keeps the others out.
type MirrorStore interface {
	// RegisterMirror puts a request into the queue of mirrors, or updates the
	// pending one of the same identity. The limits hold as for
	// [Store.Register], and so do the errors.
	RegisterMirror(ctx context.Context, r MirrorRequest, limits Limits) (MirrorRegistration, error)

	// MirrorStatus returns the registration that this token opens.
	// [ErrNotFound] when there is none or the token is another's.
	MirrorStatus(ctx context.Context, id string, token Token) (MirrorRegistration, error)

	// ReviewMirror returns one registration with its conflicts. [ErrNotFound].
	ReviewMirror(ctx context.Context, id string) (MirrorReview, error)

	// PendingMirrors calls each with every pending registration, as
	// [Store.Pending] does.
	PendingMirrors(ctx context.Context, each func(MirrorReview) error) error

	// ApproveMirror puts the mirror into the list, or updates the one that the
	// registration belongs to, and returns it with the change number. Errors:
	// [ErrNotFound], [*DecidedError], [*RevisionError], [*TakenError],
	// [*URLTakenError].
	ApproveMirror(ctx context.Context, a MirrorApproval) (WatchedMirror, int64, error)

	// RejectMirror ends a pending registration. tell as in [MirrorApproval].
	// Errors: [ErrNotFound], [*DecidedError].
	RejectMirror(ctx context.Context, id, reason, admin string, tell Tell) (MirrorRegistration, error)

	// AddMirror adds a mirror under a free id and returns the change number.
	// email, which may be empty, is whom to write to and never published. An id
	// that was removed is free again. [*TakenError], [*URLTakenError].
	AddMirror(ctx context.Context, m serverlist.Mirror, email, admin string) (change int64, err error)

	// RemoveMirror removes a mirror and returns the change number.
	// [ErrNotFound].
	RemoveMirror(ctx context.Context, id, admin string) (change int64, err error)

	// Mirrors returns the mirrors to be listed, in the order of their ids, and
	// the change number of that moment. Those that are left out are not among
	// them.
	Mirrors(ctx context.Context) (mirrors []serverlist.Mirror, change int64, err error)

	// WatchedMirrors returns all mirrors in the order of their ids, those that
	// are left out, too.
	WatchedMirrors(ctx context.Context) ([]WatchedMirror, error)

	// RecordChecks stores what a round of the watcher has seen, all or nothing,
	// and returns the change number if that leaves mirrors out of the list or
	// takes some in again, else 0. What is about a mirror that was removed or
	// changed since is left out. Of each mirror's history the newest keep
	// checks stay.
	RecordChecks(ctx context.Context, seen []Seen, keep int) (change int64, err error)

	// MirrorChecks returns the history of a mirror, newest first, at most limit.
	MirrorChecks(ctx context.Context, mirror string, limit int) ([]MirrorCheck, error)

	// Evidence returns pairs of signed heads, newest first, at most limit. An
	// empty mirror means those of all.
	Evidence(ctx context.Context, mirror string, limit int) ([]Evidence, error)
}

// A MirrorRequest is what a mirror's operator sends.
type MirrorRequest struct {
	Mirror serverlist.Mirror // as it shall be listed; the id is a wish
	Email  string            // of the operator; never published
	Source netip.Addr
	Token  TokenHash // of the token that opens the status
}

// A MirrorRegistration is a mirror's request in the queue, or what became of
// it.
type MirrorRegistration struct {
	ID         string // "m" and a number
	Status     Status // never Revoked
	Mirror     serverlist.Mirror
	Email      string // private
	Source     netip.Addr
	LastSource netip.Addr
	Created    time.Time
	Updated    time.Time
	Requests   int
	Revision   int
	Entry      string // the mirror it became; while pending the listed one that approving it updates; else ""
	Decided    time.Time
	Admin      string
	Reason     string
}

// A MirrorReview is what an admin judges by.
type MirrorReview struct {
	MirrorRegistration
	Conflicts []MirrorConflict // at most MaxConflicts, listed mirrors first
}

// A MirrorConflict is something that a request has in common with a listed
// mirror or another pending request.
type MirrorConflict struct {
	Kind         ConflictKind // SameID or SameURL
	Value        string       // in the form in which it is compared
	Mirror       string       // id of the listed mirror, or ""
	Registration string       // id of the pending request, or ""
}

// Kinds of conflicts of mirrors.
const (
	SameID  ConflictKind = "id"
	SameURL ConflictKind = "url" // after the normalisation of NormalURL
)

// A MirrorApproval is an admin's yes.
type MirrorApproval struct {
	Registration string // id
	Revision     int    // what the admin has seen; 0: whatever it is now
	Mirror       string // id in the list; "": the one wished
	Replace      bool   // a listed mirror of that id is replaced
	Admin        string
	Tell         Tell // nil: nobody is written to
}

// Tell makes the messages about a decision, which are stored together with it:
// none is lost, and none is about what was not decided. It may be called more
// than once for one decision, and must not call the store.
type Tell func(decided MirrorRegistration) []Message

// MirrorState is what the watcher thinks of a mirror.
type MirrorState string

// The states. New, Well, Behind and Incomplete are good ones; the others are
// ill.
const (
	MirrorNew         MirrorState = "new"         // not looked at yet
	MirrorWell        MirrorState = "well"        // it has the newest edition
	MirrorBehind      MirrorState = "behind"      // an older one that is still fresh
	MirrorIncomplete  MirrorState = "incomplete"  // it lacks a trust document, which clients need to follow changes of keys
	MirrorStale       MirrorState = "stale"       // one past its fresh-until, while there is a newer one
	MirrorUnreachable MirrorState = "unreachable" // no answer, or no document
	MirrorWrong       MirrorState = "wrong"       // what it serves does not verify
	MirrorForked      MirrorState = "forked"      // it serves a signed document of the same number that is another one
)

// Ill tells whether clients are better off without the mirror.
func (s MirrorState) Ill() bool {
	switch s {
	case MirrorNew, MirrorWell, MirrorBehind, MirrorIncomplete:
		return false
	}
	return true
}

// A WatchedMirror is a mirror with what the watcher knows of it.
type WatchedMirror struct {
	Mirror       serverlist.Mirror
	Email        string // private; "": nobody to write to
	Registration string // that it shows; "": an admin added it
	Created      time.Time
	Change       int64 // the change that made it what it is
	Watch        Watch
	Last         MirrorCheck // zero: none yet
}

// A Watch is what the watcher remembers of a mirror from check to check.
type Watch struct {
	State   MirrorState
	Since   time.Time     // of the state
	Checked time.Time     // the last check that counted
	LeftOut time.Time     // since when the list lacks it; zero: it does not
	IllFor  time.Duration // seen ill since it was well for long; whole seconds
	WellFor time.Duration // seen well without a break; whole seconds
	Drops   int           // how often it was left out

	WrongFor time.Duration // of IllFor: seen to serve what does not verify
}

// A MirrorCheck is one look at a mirror.
type MirrorCheck struct {
	At      time.Time
	State   MirrorState
	URL     string // that decided
	Version int64  // of the server list there; 0: none that verifies
	Epoch   int64
	Issued  time.Time
	Took    time.Duration // whole milliseconds
	Error   string
}

// Seen is what a round saw of one mirror.
type Seen struct {
	Mirror   string
	Change   int64 // [WatchedMirror].Change when the round began
	Watch    Watch
	Check    MirrorCheck
	Evidence []Evidence
	Messages []Message
}

// Evidence is a pair of signed heads that exclude each other.
type Evidence struct {
	At     time.Time
	Mirror string
	URL    string
	Held   []byte // signed head of what the root has published
	Served []byte // signed head of what the mirror served
}

// A URLTakenError refuses a URL that is another mirror's already.
type URLTakenError struct {
	URL    string
	Mirror string // id of the other
}

func (e *URLTakenError) Error() string {
	return fmt.Sprintf("the URL %s is that of mirror %s already; a URL belongs to one mirror", e.URL, e.Mirror)
}
