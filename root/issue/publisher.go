package issue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A Publisher signs and publishes. It starts no goroutine; [Publisher.Run]
// blocks. All methods may be called concurrently.
type Publisher struct {
	cfg     Config
	write   func(path string, data []byte) error // replaced by tests
	mirrors *list
	servers *list
	seat    chan struct{} // holds one element while somebody restores or publishes
	changed chan struct{} // holds one element while a change waits for Run

	// For who has the seat.
	authority  *authority
	recorded   int64 // number of the store's newest trust document; 0: none
	isRestored bool
	hasLooked  bool        // at what others have
	found      *keys.Chain // that others have; nil: nothing newer, or it is in force

	view atomic.Pointer[view] // what is served

	mu   sync.Mutex    // guards news and the progress of the lists
	news chan struct{} // closed and replaced when progress was made
}

// A list is one of the two lists. All but its progress belongs to who has the
// seat.
type list struct {
	typ, name string
	role      string // that signs it
	every     time.Duration
	snapshot  func(context.Context) (*snapshot, error)

	newest   *edition  // nil: none that verifies
	known    *edition  // the newest that readers may have, even if it does not verify any more; nil: none
	inStore  place     // of the store's newest edition as far as it is known
	due      bool      // to be issued again, whatever its age
	behind   bool      // the store is older than what is published: every lost entry waits for an admin
	issuedAt time.Time // when this process last issued one, by its own clock

	progress
}

// progress is what others want to know of a list.
type progress struct {
	covered  int64 // the change that is served; -1: not known
	released int64 // the change that an admin has confirmed since the start; -1: none
	attempts int64 // begun so far
	failedIn int64 // the attempt that failed last
	failures int   // in a row
	err      error // of the last attempt
}

// A view is everything that is served at one moment. It is never changed: the
// next one takes its place as a whole.
type view struct {
	trust []*keys.Trust        // in order
	docs  map[string]*Document // by name
}

// next returns the view of these documents and lists. Documents that were
// served before stay what they are.
func (v *view) next(trust []*keys.Trust, lists map[*list]*edition) *view {
	next := &view{trust: trust, docs: make(map[string]*Document)}
	for _, t := range trust {
		name := trustName(t)
		if next.docs[name] = v.docs[name]; next.docs[name] == nil {
			next.docs[name] = trustDocument(t)
		}
	}
	for l, e := range lists {
		if e != nil {
			next.docs[l.name] = e.doc
		}
	}
	return next
}

// New returns a publisher for the longer of two chains of trust documents, the
// one given and the store's. It looks for the keys to sign with and writes
// nothing yet. Errors: [*TrustError], and those of the store.
func New(ctx context.Context, cfg Config) (*Publisher, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	p := &Publisher{
		cfg: cfg, write: writePublic,
		seat: make(chan struct{}, 1), changed: make(chan struct{}, 1), news: make(chan struct{}),
		hasLooked: cfg.Look == nil,
	}
	p.mirrors = &list{typ: serverlist.TypeMirrorList, name: MirrorListName, role: "mirrors",
		every: cfg.MirrorsEvery, snapshot: p.snapshotMirrors}
	p.servers = &list{typ: serverlist.TypeServerList, name: ServerListName, role: "list",
		every: cfg.ServersEvery, snapshot: p.snapshotServers}
	for _, l := range p.lists() {
		l.covered, l.released = -1, -1
	}
	p.view.Store(&view{})
	chain, recorded, err := follow(ctx, cfg.Store, cfg.Chain, 1)
	if err != nil {
		return nil, err
	}
	p.recorded = recorded
	p.authority, err = p.authorize(chain)
	return p, err
}

// lists returns the lists in the order in which they are published.
func (p *Publisher) lists() []*list { return []*list{p.mirrors, p.servers} }

func (p *Publisher) list(typ string) (*list, error) {
	for _, l := range p.lists() {
		if l.typ == typ {
			return l, nil
		}
	}
	return nil, fmt.Errorf("type %q is not one that a root publishes", typ)
}

// sit takes the seat; the caller gives it up by calling rise.
func (p *Publisher) sit(ctx context.Context) (rise func(), err error) {
	select {
	case p.seat <- struct{}{}:
		return func() { <-p.seat }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Idle returns when nobody publishes, or the cause of ctx's end: then one
// attempt has been under way since the call.
func (p *Publisher) Idle(ctx context.Context) error {
	rise, err := p.sit(ctx)
	if err == nil {
		rise()
	}
	return err
}

// Current returns the list of this type that is served; nil when there is none
// yet. It takes no lock.
func (p *Publisher) Current(typ string) *Document {
	l, err := p.list(typ)
	if err != nil {
		return nil
	}
	return p.Document(l.name)
}

// Document returns what is served under a name; nil when there is none. It
// takes no lock.
func (p *Publisher) Document(name string) *Document { return p.view.Load().docs[name] }

// Documents returns all that is served, ordered by name.
func (p *Publisher) Documents() []*Document {
	return slices.SortedFunc(maps.Values(p.view.Load().docs), func(a, b *Document) int { return strings.Compare(a.Name, b.Name) })
}

// Trust returns the trust documents that are served, in order.
func (p *Publisher) Trust() []*keys.Trust { return slices.Clone(p.view.Load().trust) }

// State says how the publishing of the list of this type goes.
func (p *Publisher) State(typ string) State {
	l, err := p.list(typ)
	if err != nil {
		return State{Type: typ, Err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := State{Type: typ, Document: p.Document(l.name), Covered: l.covered, Err: l.err, Failed: l.failures}
	if s.Document != nil {
		s.Next = s.Document.Issued.Add(l.every)
	}
	return s
}
