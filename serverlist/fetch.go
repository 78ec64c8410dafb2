package serverlist

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/signed-metaserver/metaserver/keys"
)

// A Fetcher gets documents from single URLs. It verifies a head before it
// reads a body, and keeps every limit and timeout of Tuning and Limits. The
// zero value is ready to use; do not change the fields after the first call.
// A Fetcher is safe for concurrent use and must not be copied.
//
// Errors are of type [*FetchError], except that a list which is not news is
// told by [ErrNotModified], [ErrOlder] and [*ConflictError].
type Fetcher struct {
	HTTP         *http.Client // nil: a client of its own. Otherwise its Transport is used; its cookies, redirects and timeout are not
	Tuning       Tuning       // zero fields: the defaults named there
	Limits       Limits       // zero fields: the caps of the format; those of a Want come first
	AllowPrivate bool         // dial private and loopback addresses wherever they are named
	Pinned       []string     // URLs the user chose: these hosts may have private addresses, and one with a literal private address allows all

	once sync.Once
	http *http.Client
	mu   sync.Mutex
	seen map[string]validators // by URL; in memory only, so that no mirror can recognise a player by them
}

// ErrNotModified says that the source has exactly the list that is held.
var ErrNotModified = errors.New("not modified: the source has the list that is held")

// ErrOlder says that the source has a verified list with a lower
// (epoch, version) than the one held. Its body was not read.
var ErrOlder = errors.New("older than the list that is held")

// A ConflictError says that the source has a verified head with the
// (epoch, version) of the list held and another text. One of the signing keys
// signed two editions of one number: by mistake, or because it is stolen.
type ConflictError struct {
	URL  string
	Held []byte // signed head of the list that is held
	Got  []byte // signed head from URL
}

func (e *ConflictError) Error() string {
	return "signed with the same epoch and version as the list that is held, but different: a signing key is misused, or two roots sign without knowing of each other; tell the admins"
}

// A FetchError says why a URL yielded no document.
type FetchError struct {
	URL     string
	Outcome Outcome // OutcomeAbsent, OutcomeRefused or OutcomeFailed
	Detail  string  // what happened and what it may mean
	Err     error   // the cause; may be nil
}

func (e *FetchError) Error() string { return e.URL + ": " + e.Detail }

// Unwrap returns the cause.
func (e *FetchError) Unwrap() error { return e.Err }

// validators are what a server gave to recognise a document by.
type validators struct {
	etag, modified string
	text           string // head text of the document they belong to
}

// List gets the list at url. If held is not nil, the request is conditional
// and anything that is not newer than held comes back as [ErrNotModified],
// [ErrOlder] or [*ConflictError], without its body having been read.
func (f *Fetcher) List(ctx context.Context, url string, want Want, chain *keys.Chain, held *List) (*List, error) {
	return nil, errors.New("being written")
}

// Head gets the verified head of the list at url: at most 8 KiB where the
// server can serve a range.
func (f *Fetcher) Head(ctx context.Context, url string, want Want, chain *keys.Chain) (*keys.Note, error) {
	return nil, errors.New("being written")
}

// Extend asks base for the trust documents after the newest of chain, one by
// one, until there is none, and returns the chain with what verified, and how
// many documents were added: at most 256 in one call. No document, a gap or an
// HTML page end the walk without an error. With an error the chain returned
// still holds what was added before it; it is never nil.
//
// base follows the rule of [DocumentURL].
func (f *Fetcher) Extend(ctx context.Context, base string, chain *keys.Chain) (*keys.Chain, int, error) {
	return chain, 0, errors.New("being written")
}

// DocumentURL returns the URL of a document ("server.list", "mirror.list",
// "trust/2.trust") at a mirror. A base that ends in "/", or has no path, is
// the folder of all documents; any other is the URL of the server list itself,
// and the others are its siblings.
func DocumentURL(base, document string) (string, error) {
	return "", errors.New("being written")
}
