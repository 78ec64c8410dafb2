package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// OwnerStore is what the owner of a request or of an entry does with it.
//
// # Who the owner is
//
// The owner of a pending request is whoever holds its first status token, or
// one that was given later to the same source; whoever repeats the request from
// elsewhere may see its status and no more. Approved, the request makes its
// owner that of the new entry. From then on the owner stays, whatever updates
// the entry, until a transfer is approved or an admin says otherwise
// ([Approval].NewOwner, [Approval].Replace). Beside the token, the entry's own
// key speaks for its owner ([OwnerStore.SignedRequest]).
//
// # One queue
//
// What an owner asks for is a registration like any other, of a [Kind] of its
// own: it waits, and an admin approves or rejects it. An entry has at most one
// pending request of its owner beside at most one transfer: a newer request
// takes the place of the older one and is one more revision of it. It fits into
// the queue even when that is full, since a flood must not keep owners from
// correcting what is listed.
//
// A withdrawal waits like an edit: whoever gets hold of a status URL, which
// people paste into chats, cannot take a server off the list with it. Only the
// withdrawal of a request that is still pending takes effect at once.
type OwnerStore interface {
	// Holding returns what a token opens. [ErrNotFound].
	Holding(ctx context.Context, id string, token Token) (Holding, error)

	// Edit changes a pending request of the token's owner, or asks for their
	// entry to be changed. An edit to what is listed already takes back what was
	// asked for; it is [ErrNoChange] when that is nothing. Errors:
	// [ErrNotFound], [ErrNotOwner], [*DecidedError], [*SameServerError],
	// [*serverlist.FieldError].
	Edit(ctx context.Context, id string, token Token, e Edit) (Registration, error)

	// Withdraw ends a pending request of the token's owner, or asks for their
	// entry to be taken out of the list. Errors: [ErrNotFound], [ErrNotOwner],
	// [*DecidedError].
	Withdraw(ctx context.Context, id string, token Token, source netip.Addr) (Registration, error)

	// OfferTransfer lets whoever holds the offer's token take the entry over.
	// It takes the place of an earlier offer. The entry stays the owner's until
	// an admin approves what comes of it. Errors: [ErrNotFound],
	// [ErrNotOwner], [*DecidedError].
	OfferTransfer(ctx context.Context, id string, token Token, o Offer) (entry string, err error)

	// Offered returns the entry that was offered, and until when it may be taken
	// over. [ErrNotFound] as of TakeOver.
	Offered(ctx context.Context, entry string, offer Token) (Entry, time.Time, error)

	// TakeOver asks for the entry that was offered. The offer ends. Errors:
	// [ErrNotFound] when there is no such offer or it is over, [ErrOtherEmail].
	TakeOver(ctx context.Context, entry string, offer Token, t TakeOver) (Registration, error)

	// SignedRequest takes a request that the entry's key has signed, which the
	// caller has verified. What changes only allowed members is done at once.
	// Errors: [ErrNotFound], [*DecidedError], [ErrNotOwner] when the entry has
	// another key, [*ReplayError], [*TooSoonError],
	// [*serverlist.FieldError].
	SignedRequest(ctx context.Context, r SignedRequest) (SignedResult, error)

	// Allow says which members of an entry its key may change without an
	// admin; nil: those that the root allows everywhere. Errors:
	// [ErrNotFound], [*DecidedError].
	Allow(ctx context.Context, entry string, members []string, admin string) error

	// Shown returns the first edition of the server list that includes a
	// change, without its document. [ErrNotFound].
	Shown(ctx context.Context, change int64) (Edition, error)

	// PutProof stores what was proven about a registration, and replaces an
	// earlier proof of the same kind and subject. [ErrNotFound].
	PutProof(ctx context.Context, id string, p Proof) error

	// Proofs returns what was proven about a registration, whether it still
	// holds or not.
	Proofs(ctx context.Context, id string) ([]Proof, error)
}

// Kind is what a registration asks for.
type Kind string

// The kinds of registrations.
const (
	KindNew        Kind = "new"        // a server to be listed
	KindEdit       Kind = "edit"       // an entry to be changed, by its owner
	KindWithdrawal Kind = "withdrawal" // an entry to be taken out of the list, by its owner
	KindTransfer   Kind = "transfer"   // an entry to get another owner
)

// Withdrawn is the state of what its owner has taken back: a request that was
// pending, or one whose entry was withdrawn later.
const Withdrawn Status = "withdrawn"

// Actions about owners.
const (
	ActionWithdraw Action = "withdraw"
	ActionTransfer Action = "transfer"
	ActionAllow    Action = "allow"
)

// A Holding is what a status token opens.
type Holding struct {
	Registration
	Owner  bool          // the token is the owner's, of the pending request or of the entry
	Listed *Entry        // the entry that the registration became, listed or not; nil: none
	Open   *Registration // the pending request of the owner about that entry; nil: none
	Newest *Registration // of those that are decided, the newest; nil: none
}

// An Edit is an entry as its owner wants it.
type Edit struct {
	Server serverlist.Server // all of it; ID and what this version does not know stay as they are
	Email  string            // "": as it is
	Source netip.Addr
}

// An Offer hands an entry over.
type Offer struct {
	Token   TokenHash // of the token that takes it
	Email   string    // of the new owner
	Expires time.Time
}

// A TakeOver accepts an offer.
type TakeOver struct {
	Email  string // as the offer says
	Key    string // the new key of the entry; "": it has none any more
	Source netip.Addr
	Token  TokenHash // of the new owner's status token
}

// A SignedRequest is an edit or a withdrawal under the entry's own key.
type SignedRequest struct {
	Entry    string
	Key      string            // whose signature was verified, as an entry writes it
	Sequence int64             // above that of every request before
	Kind     Kind              // KindEdit or KindWithdrawal
	Server   serverlist.Server // of an edit, as in [Edit]
	Source   netip.Addr
	Allowed  []string      // what the root allows where the entry says nothing of its own
	Pause    time.Duration // between two changes without an admin
}

// A SignedResult says what has become of a [SignedRequest].
type SignedResult struct {
	Done    bool         // at once; Request is zero
	Changed []string     // members
	Request Registration // that waits for an admin
	Entry   Entry        // as it is now
}

// A Proof says that the requester controls what the registration names.
type Proof struct {
	Kind    string
	Subject string // the host, or the key
	Token   string // what was shown; the proof holds while the registration has the same
	At      time.Time
}

// Errors about owners.
var (
	ErrNotOwner   = errors.New("this is not the owner's token or key")
	ErrOtherEmail = errors.New("the entry was offered to another e-mail address")
	ErrNoChange   = errors.New("this is what is listed already")
)

// A SameServerError refuses to make one server out of two.
type SameServerError struct {
	Entry        string // the listed entry that it would be equal to, or ""
	Registration string // the pending registration, or ""
}

func (e *SameServerError) Error() string {
	other := "entry " + e.Entry
	if e.Entry == "" {
		other = "registration " + e.Registration
	}
	return fmt.Sprintf("%s has the same game, addresses and e-mail address: it is the same server; edit or withdraw that one", other)
}

// A ReplayError refuses a signed request that was sent before, or is older than
// one that was.
type ReplayError struct {
	Entry    string
	Sequence int64 // of the newest one
}

func (e *ReplayError) Error() string {
	return fmt.Sprintf("the newest signed request about %s has the sequence %d; this one must have a higher one, and may be a replay", e.Entry, e.Sequence)
}

// A TooSoonError refuses one more change without an admin.
type TooSoonError struct {
	RetryAfter time.Duration // whole seconds, at least one
}

func (e *TooSoonError) Error() string {
	return fmt.Sprintf("the entry was changed a moment ago; try again in %s", e.RetryAfter)
}
