// Package alive looks at the servers of listed entries, and takes those out of
// the list that stay dead.
//
// # A look
//
// Every entry is looked at once in [Policy].Every, one after the other and never
// many at once. A server whose protocol the root can speak is alive when it
// answers, and silent when it does not. About a game that the root has no probe
// for it says nothing, since its players may use UDP, unless the configuration
// says that its servers accept TCP connections. That nobody answers a question
// about a host name says nothing either; a name that DNS denies makes the server
// silent.
//
// # What follows
//
// Only time that was seen counts. A server that was seen silent for
// [Policy].WarnAfter makes its owner be told; after [Policy].Grace its entry is
// suspended, not revoked: id and claims stay, and it comes back by itself when
// the server lives again. Each look that finds it alive begins everything anew,
// and so does an admin who puts the entry back.
//
// When more than half of the listed servers that the root can judge are silent,
// and more than one, and nothing else on the Internet was reached lately, it
// suspects its own network and holds nothing against anybody. One server that
// answers proves that the network works, unless it is at a private address, and
// so does a mirror that is well: then who is silent is silent. And however many
// have died, it suspends no more than a fifth of the list in a day: a mistake of
// the root must not empty it.
package alive

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/root/inspect"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/probe"
)

// Policy says how often is looked and what follows. Zero fields mean the
// defaults that they name.
type Policy struct {
	// Every is the time in which each entry is looked at once. 6 h: four
	// connections a day are nothing to a server, and 10,000 entries are one
	// every two seconds.
	Every time.Duration

	// WarnAfter is how long a server is seen silent until its owner is told. A
	// week: holidays of whoever runs it, and a machine that has to be bought.
	WarnAfter time.Duration

	// Grace is how long a server is seen silent until its entry is suspended. 30
	// days: entries live for weeks without any contact, and a player who finds
	// one silent server has lost a second.
	Grace time.Duration

	// TCP are games whose servers accept TCP connections although there is no
	// probe for them. A connection is then a sign of life.
	TCP []string
}

// WithDefaults returns the policy with its defaults in place of zero fields.
func (p Policy) WithDefaults() Policy {
	p.setDefaults()
	return p
}

func (p *Policy) setDefaults() {
	if len(p.TCP) == 0 {
		p.TCP = nil
	}
	setDefault(&p.Every, 6*time.Hour)
	setDefault(&p.WarnAfter, 7*24*time.Hour)
	setDefault(&p.Grace, 30*24*time.Hour)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// An Asker asks a server: [*inspect.Inspector].
type Asker interface {
	Ask(ctx context.Context, s *serverlist.Server) ([]store.HostFinding, store.ProbeFinding)
}

// Config configures a [Checker].
type Config struct {
	Store    store.Store // required
	Asker    Asker       // required
	Changed  func()      // told when the list is another; nil: nobody
	Policy   Policy
	Parallel int // servers asked at once; 0: 8
	Batch    int // entries looked at in a round; 0: as many as it takes
	Keep     int // looks kept of each entry; 0: 60

	// Reached tells whether something other than a server was reached on the
	// Internet lately; nil: it is not known.
	Reached func() bool

	// Tell is called for every event. What it returns is put into the outbox when
	// the event is Suspects; the others are in the audit log, from which people
	// are told. nil: nobody is told.
	Tell func(Event) []store.Message

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: silent
}

// An Event is what somebody wants to know of a server.
type Event struct {
	Kind   Kind
	At     time.Time
	Entry  store.LivingEntry // as it was before; zero for Suspects
	Alive  store.Alive       // as it is now
	Left   time.Duration     // until the entry is suspended, of Warned
	Detail string            // in a sentence
}

// Kind says what has happened.
type Kind string

// The kinds of events.
const (
	Warned   Kind = "silent" // the server was silent for some time
	Dead     Kind = "dead"   // its entry is out of the list
	Back     Kind = "back"   // and in it again
	Suspects Kind = "suspects"
)

// A Checker looks at the servers of entries. It is safe for concurrent use.
type Checker struct {
	cfg  Config
	seat sync.Mutex // held during a round

	mu       sync.Mutex
	suspects bool
	answered time.Time // when a server on the Internet was last seen alive
}

// New returns a checker. It does nothing before Run or Round.
func New(cfg Config) (*Checker, error) {
	if cfg.Store == nil || cfg.Asker == nil {
		return nil, errors.New("alive: Store and Asker are required")
	}
	cfg.Policy.setDefaults()
	setDefault(&cfg.Parallel, 8)
	setDefault(&cfg.Keep, 60)
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	if cfg.Tell == nil {
		cfg.Tell = func(Event) []store.Message { return nil }
	}
	if cfg.Reached == nil {
		cfg.Reached = func() bool { return false }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Checker{cfg: cfg}, nil
}

// Suspects tells whether the checker suspects its own network.
func (c *Checker) Suspects() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.suspects
}

// rounds is how many parts the entries are looked at in, so that the looks are
// spread over the time.
const rounds = 60

// Run looks at all entries again and again, until ctx ends. Failures are logged
// and tried again.
func (c *Checker) Run(ctx context.Context) error {
	ticker := time.NewTicker(max(c.cfg.Policy.Every/rounds, time.Second))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		if err := c.Round(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Log.Error("what was seen of servers could not be stored; it is tried again", "err", err)
		}
	}
}

// Round looks at those entries whose turn it is.
func (c *Checker) Round(ctx context.Context) error {
	c.seat.Lock()
	defer c.seat.Unlock()
	now := c.cfg.Now().UTC().Truncate(time.Second)
	counts, err := c.cfg.Store.LivingCounts(ctx, now.Add(-24*time.Hour))
	if err != nil {
		return err
	}
	share := c.cfg.Batch
	if share <= 0 { // twice what is needed: a root that was off catches up
		share = 2 + (counts.Listed+counts.Suspended)*2/rounds
	}
	due, err := c.cfg.Store.EntriesToLook(ctx, now.Add(-c.cfg.Policy.Every+time.Second), share)
	if err != nil || len(due) == 0 {
		return err
	}
	looks, err := c.lookAll(ctx, due, now)
	if err != nil {
		return err
	}
	messages := c.judge(due, looks, &counts, now)
	changed, err := c.cfg.Store.RecordLooks(ctx, looks, c.cfg.Keep)
	if err == nil && len(messages) > 0 {
		err = c.cfg.Store.PutMessages(ctx, messages)
	}
	if changed {
		c.cfg.Changed()
	}
	return err
}

func (c *Checker) lookAll(ctx context.Context, due []store.LivingEntry, now time.Time) ([]store.EntryLook, error) {
	looks := make([]store.EntryLook, len(due))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.cfg.Parallel)
	for i := range due {
		g.Go(func() error {
			looks[i] = store.EntryLook{Entry: due[i].Server.ID, Change: due[i].Change, At: now}
			var far bool
			looks[i].State, looks[i].Error, far = c.look(ctx, &due[i].Server)
			if far {
				c.prove(now)
			}
			return context.Cause(ctx) // what was called off says nothing
		})
	}
	return looks, g.Wait()
}

// look asks one server. far: it was reached on the Internet.
func (c *Checker) look(ctx context.Context, s *serverlist.Server) (state store.LivingState, problem string, far bool) {
	if !probe.Knows(*s) && !slices.Contains(c.cfg.Policy.TCP, s.Game) {
		return store.ServerUnknown, "the root has no probe for this game", false
	}
	hosts, found := c.cfg.Asker.Ask(ctx, s)
	switch found.State {
	case string(probe.Online):
		return store.ServerAlive, "", isFar(hosts)
	case string(probe.Offline):
		return store.ServerSilent, found.Error, false
	}
	denied := 0
	for _, h := range hosts {
		if h.Error == inspect.NoSuchName {
			denied++
		}
	}
	if denied > 0 && denied == len(hosts) {
		return store.ServerSilent, found.Error, false
	}
	return store.ServerUnknown, found.Error, false
}
