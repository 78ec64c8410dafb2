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

	isRestored bool // for who has the seat

	served atomic.Pointer[map[string]*Document] // by name; a map is never changed

	mu   sync.Mutex    // guards news and the progress of the lists
	news chan struct{} // closed and replaced when progress was made
}

// A list is one of the two lists. All but its progress belongs to who has the
// seat.
type list struct {
	typ, name string
	signer    *keys.Signer
	every     time.Duration
	snapshot  func(context.Context) (*snapshot, error)

	newest   *edition  // nil: none that verifies
	inStore  int64     // version of the store's newest edition as far as it is known; 0: none
	due      bool      // to be issued again, whatever its age
	issuedAt time.Time // when this process last issued one, by its own clock

	progress
}

// progress is what others want to know of a list.
type progress struct {
	covered  int64 // the change that is served; -1: not known
	attempts int64 // begun so far
	failedIn int64 // the attempt that failed last
	failures int   // in a row
	err      error // of the last attempt
}

// New returns a publisher. It reads and writes nothing yet.
func New(cfg Config) (*Publisher, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	p := &Publisher{
		cfg: cfg, write: writePublic,
		seat: make(chan struct{}, 1), changed: make(chan struct{}, 1), news: make(chan struct{}),
	}
	p.mirrors = &list{typ: serverlist.TypeMirrorList, name: MirrorListName,
		signer: cfg.Mirrors, every: cfg.MirrorsEvery, snapshot: p.snapshotMirrors}
	p.servers = &list{typ: serverlist.TypeServerList, name: ServerListName,
		signer: cfg.List, every: cfg.ServersEvery, snapshot: p.snapshotServers}
	for _, l := range p.lists() {
		l.covered = -1
	}
	return p, nil
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

// serve makes documents available, in place of those of the same names.
func (p *Publisher) serve(docs ...*Document) {
	next := make(map[string]*Document)
	if old := p.served.Load(); old != nil {
		maps.Copy(next, *old)
	}
	for _, d := range docs {
		next[d.Name] = d
	}
	p.served.Store(&next)
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
func (p *Publisher) Document(name string) *Document {
	if served := p.served.Load(); served != nil {
		return (*served)[name]
	}
	return nil
}

// Documents returns all that is served, ordered by name.
func (p *Publisher) Documents() []*Document {
	served := p.served.Load()
	if served == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(*served), func(a, b *Document) int { return strings.Compare(a.Name, b.Name) })
}

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
