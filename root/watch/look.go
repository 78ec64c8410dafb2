package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// wholeEvery is how often an edition that a URL serves is fetched whole.
// Between two such looks its head is enough.
const wholeEvery = 24 * time.Hour

// A look is what was seen of one mirror.
type look struct {
	check    store.MirrorCheck
	evidence []store.Evidence
}

// A view is what the root has published, as a round begins.
type view struct {
	chain     *keys.Chain
	published Published
	places    []place // of the root and of all mirrors
}

// A looker fetches. It is safe for concurrent use.
type looker struct {
	cfg    *Config
	public *serverlist.Fetcher // for all mirrors at public addresses

	mu      sync.Mutex
	private map[string]*serverlist.Fetcher // by the URLs of a mirror at a private address
	whole   map[string]wholeLook           // by URL
	trusts  map[string]trustLook           // by URL of the folder
}

// A wholeLook is when a URL served an edition whole and right.
type wholeLook struct {
	text string
	at   time.Time
}

const maxRemembered = 10_000 // URLs

func newLooker(cfg *Config) *looker {
	return &looker{
		cfg: cfg, public: newFetcher(cfg), private: make(map[string]*serverlist.Fetcher),
		whole: make(map[string]wholeLook), trusts: make(map[string]trustLook),
	}
}

func newFetcher(cfg *Config, pinned ...string) *serverlist.Fetcher {
	return &serverlist.Fetcher{Tuning: cfg.Tuning, AllowPrivate: cfg.AllowPrivate, Pinned: pinned, Redirect: refuseRedirect}
}

// fetcher returns the one for a mirror. A URL that is written as a private
// address is there because an admin wants it to be; that allows nothing to
// other mirrors.
func (l *looker) fetcher(urls []string) *serverlist.Fetcher {
	var pinned []string
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil && isPrivate(u.Hostname()) {
			pinned = append(pinned, raw)
		}
	}
	if len(pinned) == 0 || l.cfg.AllowPrivate {
		return l.public
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := strings.Join(pinned, "\n")
	f := l.private[key]
	if f == nil {
		if len(l.private) >= maxRemembered {
			clear(l.private)
		}
		f = newFetcher(l.cfg, pinned...)
		l.private[key] = f
	}
	return f
}

func isPrivate(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && serverlist.IsPrivateAddress(ip) || strings.EqualFold(host, "localhost")
}

// closeIdle closes the connections that a round has left.
func (l *looker) closeIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.public.CloseIdleConnections()
	for _, f := range l.private {
		f.CloseIdleConnections()
	}
}

// view reads the trust documents of the root.
func (l *looker) view(p Published, places []place) (*view, error) {
	docs := p.Trust()
	if len(docs) == 0 || p.Current(serverlist.TypeServerList) == nil {
		return nil, errors.New("nothing is published yet")
	}
	chain, err := keys.NewChain(docs[0].Bytes())
	for _, d := range docs[1:] {
		if err != nil {
			break
		}
		chain, err = chain.Extend(d.Bytes())
	}
	return &view{chain, p, places}, err
}

// mirror looks at all URLs of a mirror, one after the other.
func (l *looker) mirror(ctx context.Context, v *view, m *store.WatchedMirror) look {
	began := l.cfg.Now()
	f := l.fetcher(m.Mirror.URLs)
	ctx = v.guard(ctx, m)
	var all []found
	for _, u := range m.Mirror.URLs {
		ctx, cancel := context.WithTimeout(ctx, l.cfg.LookTime)
		all = append(all, l.url(ctx, v, f, u))
		cancel()
	}
	out := combine(all)
	out.check.At = began.UTC().Truncate(time.Second)
	out.check.Took = l.cfg.Now().Sub(began).Truncate(time.Millisecond)
	for i := range out.evidence {
		out.evidence[i].At, out.evidence[i].Mirror = out.check.At, m.Mirror.ID
	}
	return out
}

// found is what one URL serves.
type found struct {
	url      string
	state    store.MirrorState
	head     *keys.Head // of the server list; nil: none that verifies
	problem  string     // what is wrong, or worth knowing
	evidence []store.Evidence
}

// rank orders states by which of several URLs decides: a lie counts wherever it
// is, and otherwise the best.
func rank(s store.MirrorState) int {
	switch s {
	case store.MirrorForked:
		return 0
	case store.MirrorWrong:
		return 1
	case store.MirrorWell:
		return 2
	case store.MirrorBehind:
		return 3
	case store.MirrorIncomplete:
		return 4
	case store.MirrorStale:
		return 5
	}
	return 6
}

// maxProblem bounds what is stored of the problems of a mirror, in bytes.
const maxProblem = 1000

func combine(all []found) look {
	var out look
	best := all[0]
	var problems []string
	for _, f := range all {
		if rank(f.state) < rank(best.state) {
			best = f
		}
		if f.problem != "" {
			problems = append(problems, f.problem)
		}
		out.evidence = append(out.evidence, f.evidence...)
	}
	text := strings.Join(problems, "; ")
	if len(text) > maxProblem {
		text = strings.ToValidUTF8(text[:maxProblem], "") + "..."
	}
	out.check = store.MirrorCheck{State: best.state, URL: best.url, Error: text}
	if h := best.head; h != nil {
		out.check.Version, out.check.Epoch, out.check.Issued = h.Version, h.Epoch, h.Issued
	}
	return out
}

// url looks at one URL: the server list, and in a folder the mirror list and
// the trust documents.
func (l *looker) url(ctx context.Context, v *view, f *serverlist.Fetcher, base string) found {
	out := l.document(ctx, v, f, base, issue.ServerListName, serverlist.TypeServerList)
	if !strings.HasSuffix(base, "/") || out.state == store.MirrorUnreachable {
		return out
	}
	out.add(l.document(ctx, v, f, base, issue.MirrorListName, serverlist.TypeMirrorList))
	trust := l.trust(ctx, v, f, base)
	out.add(trust)
	if trust.state == store.MirrorIncomplete && out.state == store.MirrorWell { // one that is late gets it with the lists
		out.state = store.MirrorIncomplete
	}
	return out
}

// add takes over what is wrong with another document of the same URL: a lie
// counts wherever it is.
func (a *found) add(b found) {
	if b.problem != "" {
		a.problem = strings.TrimPrefix(a.problem+"; "+b.problem, "; ")
	}
	if b.state == store.MirrorForked || b.state == store.MirrorWrong && a.state != store.MirrorForked {
		a.state = b.state
	}
	a.evidence = append(a.evidence, b.evidence...)
}

// document looks at one document of a URL.
func (l *looker) document(ctx context.Context, v *view, f *serverlist.Fetcher, base, name, typ string) found {
	place, err := serverlist.DocumentURL(base, name)
	if err != nil {
		return found{url: base, state: store.MirrorUnreachable, problem: err.Error()}
	}
	d := &visit{l, v, f, place, serverlist.Want{Origin: v.chain.Origin(), Type: typ}}
	out := found{url: base}
	note, err := f.Head(ctx, place, d.want, v.chain)
	if outcome(err) == serverlist.OutcomeRefused {
		note, err = d.older(ctx, err)
	}
	if err != nil {
		out.state, out.problem = stateOf(err), err.Error()
		return out
	}
	out.head = &note.Head
	out.state, out.problem, out.evidence = d.place(ctx, note)
	if out.state.Ill() && out.state != store.MirrorStale {
		return out
	}
	if err := d.whole(ctx, note); err != nil {
		out.state, out.problem = stateOf(err), err.Error()
	}
	return out
}

// A visit is one document at one URL.
type visit struct {
	*looker
	*view
	f    *serverlist.Fetcher
	url  string
	want serverlist.Want
}

// older looks again at what does not verify under the newest trust document: a
// mirror that is behind is no liar because the root has changed its keys. What
// is found must be what the root has published once, or the refusal stands.
func (d *visit) older(ctx context.Context, refused error) (*keys.Note, error) {
	want := d.want
	want.Held, want.FirstSeen = serverlist.Stored, time.Unix(0, 0)
	note, err := d.f.Head(ctx, d.url, want, d.chain)
	if err != nil {
		return nil, refused
	}
	e, err := d.cfg.Store.Edition(ctx, want.Type, note.Head.Version)
	if err != nil || !bytes.Equal(e.Head, note.Text) {
		return nil, refused
	}
	d.want = want
	return note, nil
}

// place compares what verifies with what the root has published.
func (d *visit) place(ctx context.Context, note *keys.Note) (store.MirrorState, string, []store.Evidence) {
	current := d.published.Current(d.want.Type) // after the fetch: it may have been published meanwhile
	if current == nil {
		return store.MirrorWell, "", nil
	}
	if note.Head.Version == current.Version && note.Head.Epoch == current.Epoch {
		if bytes.HasPrefix(current.Bytes, note.Text) {
			return store.MirrorWell, "", nil
		}
		return d.forked(ctx, note, signedHead(current.Bytes))
	}
	known, err := d.cfg.Store.Edition(ctx, d.want.Type, note.Head.Version)
	switch {
	case err == nil && known.Epoch == note.Head.Epoch && !bytes.Equal(known.Head, note.Text):
		return d.forked(ctx, note, known.Head)
	case errors.Is(err, store.ErrNotFound) && serverlist.CompareHeads(&note.Head, &keys.Head{Epoch: current.Epoch, Version: current.Version}) < 0:
		return d.unknown(note)
	case note.Head.Epoch > current.Epoch || note.Head.Epoch == current.Epoch && note.Head.Version > current.Version:
		return store.MirrorWell, fmt.Sprintf("%s: signed edition %d is newer than any that this root has published: was it restored from a backup, or does somebody else have a key?", d.url, note.Head.Version), nil
	case d.cfg.Now().Before(note.Head.FreshUntil):
		return store.MirrorBehind, "", nil
	}
	return store.MirrorStale, fmt.Sprintf("%s: edition %d is stale since %s; the newest is %d", d.url, note.Head.Version,
		note.Head.FreshUntil.UTC().Format(time.RFC3339), current.Version), nil
}

// unknown judges an older edition that the root has no record of. It is no fork
// for that: a database from a backup lacks some.
func (d *visit) unknown(note *keys.Note) (store.MirrorState, string, []store.Evidence) {
	state := store.MirrorStale
	if d.cfg.Now().Before(note.Head.FreshUntil) {
		state = store.MirrorBehind
	}
	return state, fmt.Sprintf("%s: signed edition %d is none that this root has on record: was its database restored from a backup, or does somebody else have a key?", d.url, note.Head.Version), nil
}

// forked keeps both heads, with their signatures where they can be had.
func (d *visit) forked(ctx context.Context, note *keys.Note, held []byte) (store.MirrorState, string, []store.Evidence) {
	served := note.Text
	if list, err := d.f.List(ctx, d.url, d.want, d.chain, nil); err == nil && bytes.Equal(list.Text(), note.Text) {
		served = list.Bytes()[:int64(len(list.Bytes()))-list.Head.BodySize]
	}
	problem := fmt.Sprintf("%s: edition %d of epoch %d is signed and is not what this root has published under that number", d.url, note.Head.Version, note.Head.Epoch)
	return store.MirrorForked, problem, []store.Evidence{{URL: d.url, Held: bytes.Clone(held), Served: bytes.Clone(served)}}
}

// signedHead returns the text and the signatures of a document, which end at
// its second blank line.
func signedHead(document []byte) []byte {
	text, rest, _ := bytes.Cut(document, []byte("\n\n"))
	signatures, _, _ := bytes.Cut(rest, []byte("\n\n"))
	return document[:min(len(document), len(text)+len(signatures)+4)]
}

// whole fetches and verifies the whole document, unless that was done lately.
func (d *visit) whole(ctx context.Context, note *keys.Note) error {
	now := d.cfg.Now()
	d.mu.Lock()
	last, ok := d.looker.whole[d.url]
	d.mu.Unlock()
	if ok && last.text == string(note.Text) && now.Sub(last.at) < wholeEvery {
		return nil
	}
	list, err := d.f.List(ctx, d.url, d.want, d.chain, nil)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.looker.whole) >= maxRemembered {
		clear(d.looker.whole)
	}
	d.looker.whole[d.url] = wholeLook{string(list.Text()), now}
	return nil
}

// outcome tells what an error of the Fetcher means; "" for none of its own.
func outcome(err error) serverlist.Outcome {
	var fe *serverlist.FetchError
	if errors.As(err, &fe) {
		return fe.Outcome
	}
	return ""
}

func stateOf(err error) store.MirrorState {
	if outcome(err) == serverlist.OutcomeRefused {
		return store.MirrorWrong
	}
	return store.MirrorUnreachable
}
