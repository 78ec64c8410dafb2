package serverlist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/signed-metaserver/metaserver/keys"
)

const (
	headRange     = 8 << 10 // bytes that a request for a head asks for
	maxTrustSteps = 256     // trust documents fetched in one walk
	maxTrustBytes = keys.MaxTrustText + 1 + keys.MaxSignatureBlock + 1
	maxValidators = 1000 // URLs whose ETag is remembered
	maxValidator  = 512  // bytes of an ETag; a longer one is not
)

// A Fetcher gets documents from single URLs. It verifies a head before it
// reads a body, and keeps every limit and timeout of Tuning and Limits. The
// zero value is ready to use; do not change the fields after the first call.
// A Fetcher is safe for concurrent use and must not be copied.
//
// It speaks http and https, follows at most three redirects and none from a
// public to a private address, sends neither cookies nor Referer nor anything
// that tells one installation from another, and remembers ETags in memory
// only.
//
// Errors are of type [*FetchError], except that a list which is not news is
// told by [ErrNotModified], [ErrOlder] and [*ConflictError].
type Fetcher struct {
	// HTTP may bring a Transport of the caller's own; nothing else of it is
	// used. nil, or a client without one: a transport of the Fetcher's own,
	// which takes proxies from the environment. To a transport of type
	// *http.Transport without a dialer the Fetcher adds its own, which does not
	// connect to addresses that must not be asked. A dialer of the caller's own
	// (http.DefaultTransport has one) connects, and so does what another
	// transport has below it, but such a connection is closed before a request
	// is written to it, unless it leads to a proxy. A transport that does not
	// tell of its connections as package httptrace says decides by itself
	// whom it asks.
	HTTP *http.Client

	Tuning       Tuning   // zero fields: the defaults named there
	Limits       Limits   // zero fields: the caps of the format; those of a Want come first
	AllowPrivate bool     // dial private and loopback addresses wherever they are named
	Pinned       []string // URLs the user chose: these hosts may have private addresses, and one whose host is written as a private address allows all

	// Redirect, if not nil, may refuse a redirect to a URL that is permitted
	// otherwise. The request fails with its error. The context is the caller's.
	Redirect func(ctx context.Context, to *url.URL) error

	once sync.Once
	http *http.Client
	mu   sync.Mutex
	seen map[string]validators // by URL; in memory only, so that no mirror can recognise a player by them

	proxySeen atomic.Bool // a request went by way of a proxy
}

// validators are what a server gave to recognise a document by.
type validators struct {
	etag, modified string
	text           string // head text of the document they belong to
}

// List gets the list at url. If held is not nil, the request is conditional
// and anything that is not newer than held comes back as [ErrNotModified],
// [ErrOlder] or [*ConflictError], without its body having been read.
func (f *Fetcher) List(ctx context.Context, url string, want Want, chain *keys.Chain, held *List) (*List, error) {
	return f.list(ctx, url, want, chain, held, say{})
}

// A say is what a caller does while a list arrives; nil: nothing.
type say struct {
	proceed  func(context.Context) error // once the head is verified and news; may take its time or return an error
	verified func(data []byte)           // once the document is verified, before it is parsed
}

// list is List with a say in between.
func (f *Fetcher) list(ctx context.Context, url string, want Want, chain *keys.Chain, held *List, say say) (*List, error) {
	want = f.limit(want)
	a, err := f.get(ctx, url, f.conditions(url, held))
	if err != nil {
		return nil, err
	}
	defer a.close()
	if a.notModified {
		return nil, ErrNotModified
	}
	l, err := readList(a, want, chain, func(n *keys.Note, prefix []byte) error {
		a.watch.headVerified()
		f.remember(url, a, n)
		err := news(n, held, url, prefix)
		if err == nil && say.proceed != nil {
			err = say.proceed(a.watch.ctx)
		}
		a.watch.startBody(n.Head.BodySize)
		return err
	}, say.verified)
	if err != nil && err != ErrNotModified {
		f.forget(url)
	}
	return l, a.explain(err)
}

// Head gets the verified head of the list at url: at most 8 KiB where the
// server can serve a range.
func (f *Fetcher) Head(ctx context.Context, url string, want Want, chain *keys.Chain) (*keys.Note, error) {
	note, _, err := f.head(ctx, url, want, chain)
	return note, err
}

// head also returns the beginning of the document, with LF line ends.
func (f *Fetcher) head(ctx context.Context, url string, want Want, chain *keys.Chain) (*keys.Note, []byte, error) {
	want = f.limit(want)
	ranged := http.Header{"Range": {fmt.Sprintf("bytes=0-%d", headRange-1)}, "Accept-Encoding": {"identity"}}
	note, prefix, err := f.headOf(ctx, url, ranged, want, chain)
	var fe *FetchError
	if errors.Is(err, ErrShortHead) || errors.As(err, &fe) && fe.status == http.StatusRequestedRangeNotSatisfiable {
		// The head with its signatures is longer than the range, or the host
		// has its own idea of ranges.
		note, prefix, err = f.headOf(ctx, url, http.Header{"Accept-Encoding": {"identity"}}, want, chain)
	}
	return note, prefix, err
}

func (f *Fetcher) headOf(ctx context.Context, url string, header http.Header, want Want, chain *keys.Chain) (*keys.Note, []byte, error) {
	a, err := f.get(ctx, url, header)
	if err != nil {
		return nil, nil, err
	}
	defer a.close()
	prefix, err := readPrefix(&lfReader{r: a})
	if a.partial && errors.As(err, new(*keys.Error)) {
		err = ErrShortHead // the range ends between CR and LF
	}
	if err != nil {
		return nil, nil, a.explain(err)
	}
	note, err := OpenHead(prefix, want, chain)
	if err != nil {
		return nil, nil, a.explain(err)
	}
	return note, prefix, nil
}

// Extend asks base for the trust documents after the newest of chain, one by
// one, until there is none, and returns the chain with what verified, and how
// many documents were added: at most 256 in one call. No document, a gap or an
// HTML page end the walk without an error. With an error the chain returned
// still holds what was added before it; it is never nil.
//
// base follows the rule of [DocumentURL].
func (f *Fetcher) Extend(ctx context.Context, base string, chain *keys.Chain) (*keys.Chain, int, error) {
	for n := range maxTrustSteps {
		url, err := DocumentURL(base, TrustName(chain.Newest().Version+1))
		if err != nil {
			return chain, n, &FetchError{URL: base, Outcome: OutcomeFailed, Detail: err.Error(), Err: err}
		}
		longer, err := f.trust(ctx, url, chain)
		var fe *FetchError
		if errors.As(err, &fe) && fe.Outcome == OutcomeAbsent {
			return chain, n, nil
		}
		if err != nil {
			return chain, n, err
		}
		chain = longer
	}
	return chain, maxTrustSteps, nil
}

// Trust gets trust document n of base with LF line ends, for callers that have
// the document and compare: nothing is verified, but that it is no HTML page.
// base follows the rule of [DocumentURL]. OutcomeAbsent as for
// [Fetcher.Extend].
func (f *Fetcher) Trust(ctx context.Context, base string, n int64) ([]byte, error) {
	url, err := DocumentURL(base, TrustName(n))
	if err != nil {
		return nil, &FetchError{URL: base, Outcome: OutcomeFailed, Detail: err.Error(), Err: err}
	}
	var out []byte
	err = f.readTrust(ctx, url, func(data []byte) error {
		out = data
		_, err := keys.NewChain(data)
		if !isHTML(err) {
			err = nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// trust gets the next trust document from its URL.
func (f *Fetcher) trust(ctx context.Context, url string, chain *keys.Chain) (longer *keys.Chain, err error) {
	err = f.readTrust(ctx, url, func(data []byte) (err error) {
		longer, err = chain.Extend(data)
		return err
	})
	return longer, err
}

// readTrust gets a trust document and lets open judge it.
func (f *Fetcher) readTrust(ctx context.Context, url string, open func([]byte) error) error {
	a, err := f.get(ctx, url, nil)
	var fe *FetchError
	if errors.As(err, &fe) && fe.status == http.StatusForbidden {
		// Object stores say so of what is not there.
		return &FetchError{URL: url, Outcome: OutcomeAbsent, Detail: fe.Detail, Err: fe.Err, status: fe.status}
	}
	if err != nil {
		return err
	}
	defer a.close()
	data, err := io.ReadAll(io.LimitReader(&lfReader{r: a}, maxTrustBytes+1))
	if err == nil && len(data) > maxTrustBytes {
		err = &keys.Error{Layer: keys.LayerEnvelope, Name: "too-large", Detail: fmt.Sprintf("the document is larger than %d bytes", maxTrustBytes)}
	}
	if err != nil {
		err = htmlRather(data, err)
	} else {
		err = open(data)
	}
	if isHTML(err) {
		return &FetchError{URL: url, Outcome: OutcomeAbsent, Detail: "an HTML page instead of the document: there is none, or a captive portal answers", Err: err}
	}
	return a.explain(err)
}

// TrustName returns the name of trust document n: "trust/3.trust".
func TrustName(n int64) string { return fmt.Sprintf("trust/%d.trust", n) }

// DocumentURL returns the URL of a document ("server.list", "mirror.list",
// "trust/2.trust") at a mirror. A base that ends in "/", or has no path, is
// the folder of all documents; any other is the URL of the server list itself,
// and the others are its siblings.
func DocumentURL(base, document string) (string, error) {
	u, err := parseHTTP(base)
	if err != nil {
		return "", err
	}
	isFolder := u.RawQuery == "" && (u.Path == "" || strings.HasSuffix(u.Path, "/"))
	if !isFolder && document == NameServerList {
		return u.String(), nil
	}
	return u.ResolveReference(&url.URL{Path: document}).String(), nil
}

// news tells whether a verified head is newer than what is held.
func news(n *keys.Note, held *List, url string, prefix []byte) error {
	if held == nil {
		return nil
	}
	switch order := CompareHeads(&n.Head, &held.Head); {
	case bytes.Equal(n.Text, held.Text()):
		return ErrNotModified
	case order < 0:
		return ErrOlder
	case order == 0:
		return held.conflict(url, prefix)
	}
	return nil
}

// conflict is the error of a document that begins so and has another text and
// the same number.
func (l *List) conflict(url string, prefix []byte) *ConflictError {
	return &ConflictError{URL: url, Held: l.data[:l.body:l.body], Got: signedHead(prefix)}
}

// signedHead cuts the beginning of a document after its signatures.
func signedHead(prefix []byte) []byte {
	prefix = bytes.ReplaceAll(prefix, []byte("\r\n"), []byte("\n"))
	if end := noteEnd(prefix); end >= 0 {
		prefix = prefix[:end+1]
	}
	return bytes.Clone(prefix)
}

func (f *Fetcher) limit(want Want) Want {
	want.Limits = want.Limits.or(f.Limits)
	return want
}

// conditions makes a request conditional if this URL gave what is held.
func (f *Fetcher) conditions(url string, held *List) http.Header {
	h := http.Header{"Accept-Encoding": {"gzip"}}
	if held == nil {
		return h
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.seen[url]
	if !ok || v.text != string(held.Text()) {
		return h
	}
	if v.etag != "" {
		h.Set("If-None-Match", v.etag)
	}
	if v.modified != "" {
		h.Set("If-Modified-Since", v.modified)
	}
	return h
}

func (f *Fetcher) remember(url string, a *answer, n *keys.Note) {
	v := validators{a.header.Get("ETag"), a.header.Get("Last-Modified"), string(n.Text)}
	if v.etag+v.modified == "" || len(v.etag+v.modified) > maxValidator {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil || len(f.seen) >= maxValidators {
		f.seen = make(map[string]validators)
	}
	f.seen[url] = v
}

// forget drops the validators of a document that did not arrive whole: a later
// "not modified" would vouch for a body that nobody has seen.
func (f *Fetcher) forget(url string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.seen, url)
}

// CloseIdleConnections closes connections that are kept for a further request,
// unless they belong to a transport of the caller's own.
func (f *Fetcher) CloseIdleConnections() {
	if h, ok := f.client().Transport.(*hops); ok {
		h.first.CloseIdleConnections()
		h.redirected.CloseIdleConnections()
	}
}
