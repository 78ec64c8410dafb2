// Package watch looks at the mirrors of a root as clients do, remembers how
// they are, and keeps those out of the mirror list that clients are better off
// without.
//
// # A look
//
// Of every URL of a mirror the head of the server list is fetched and verified,
// and the whole list when its edition is new there or a day has passed; where
// the URL is a folder, the mirror list and the trust documents, too. One URL
// that lies makes the mirror lie; otherwise one that is well is enough. All of
// it goes through [serverlist.Fetcher], with the limits and the rules that
// clients have: private addresses only where an admin has approved such a URL,
// or the configuration allows them. One that sends clients on to the root, or to
// another mirror, counts as one that cannot be reached: it holds nothing itself.
//
// A mirror that has the newest edition of the root is well, however old that
// is. One with an older edition is behind, and stale when that is past its
// fresh-until. One that has what the root has never published under that
// number, signed all the same, is forked: both heads are kept as evidence. One
// that lacks a trust document is incomplete: clients that know an older one
// cannot follow a change of keys there, and its contact is told.
//
// # Leaving out and taking in
//
// What counts is how long a mirror was seen ill, not how often, and not the
// time in which nobody looked. [Policy] has the times and why they are what
// they are. A round decides about all mirrors at once, and what it changes is
// one change of the store and so one edition of the mirror list.
//
// When more than half of the listed mirrors are ill in one round, and more than
// one, and none is well, the root suspects its own network, or its own
// publishing: it says so, records what it saw, and judges nobody. One that has
// the newest edition proves that both work, and the others are judged; at a
// private address it proves that only for others at such addresses. A single
// mirror says nothing about the root's network, so that it is judged. A fork is
// judged all the same: no network makes signatures. The root's own entry is no
// mirror and never at stake.
package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Published is what the root serves: [*issue.Publisher].
type Published interface {
	Current(typ string) *issue.Document
	Trust() []*keys.Trust
	Changed()
}

// Config configures a [Watcher].
type Config struct {
	Store        store.Store // required
	Published    Published   // required
	RootEntry    bool        // the mirror list has an entry of the root itself
	PublicURL    string      // of the root; "": it has none
	AllowPrivate bool        // look at private addresses wherever they are named
	Policy       Policy      // zero fields: the defaults named there
	Tuning       serverlist.Tuning
	Parallel     int           // mirrors looked at at once; 0: 8
	LookTime     time.Duration // the most for one URL; 0: 2 min
	Keep         int           // checks kept of each mirror; 0: 500

	// Tell makes the messages about an event, which are stored together with
	// what it is about; nil: nobody is written to.
	Tell func(Event) []store.Message

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: silent
}

// An Event is a change that people want to know of.
type Event struct {
	Kind   Kind
	At     time.Time
	Mirror store.WatchedMirror // as it was before; zero for events of the root itself
	Watch  store.Watch         // as it is now
	Check  store.MirrorCheck   // what was seen
	Detail string              // in a sentence
}

// Kind says what has happened.
type Kind string

// The kinds of events.
const (
	Warned   Kind = "warned"   // a mirror has been ill for some time
	LeftOut  Kind = "left-out" // it is no longer in the list
	TakenIn  Kind = "taken-in" // it is in the list again
	Suspects Kind = "suspects" // the root suspects its own network
	Forked   Kind = "forked"   // a signed document that the root did not publish
)

// A Watcher looks at mirrors. It is safe for concurrent use.
type Watcher struct {
	cfg  Config
	look *looker
	seat chan struct{} // holds one element during a round
	wake chan struct{}

	mu    sync.Mutex
	state State
}

// State is what the watcher has to say about itself.
type State struct {
	Last     time.Time // end of the last round; zero: none yet
	Took     time.Duration
	Looked   int  // mirrors in that round
	Ill      int  // of those that are listed
	Suspects bool // its own network
	Proven   bool // its own network works: a mirror is well
	Err      error
}

// New returns a watcher. It does nothing before Run or Round.
func New(cfg Config) (*Watcher, error) {
	if cfg.Store == nil || cfg.Published == nil {
		return nil, errors.New("watch: Store and Published are required")
	}
	cfg.Policy.setDefaults()
	setDefault(&cfg.Parallel, 8)
	setDefault(&cfg.LookTime, 2*time.Minute)
	setDefault(&cfg.Keep, 500)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Tell == nil {
		cfg.Tell = func(Event) []store.Message { return nil }
	}
	return &Watcher{cfg: cfg, look: newLooker(&cfg), seat: make(chan struct{}, 1), wake: make(chan struct{}, 1)}, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// State returns how the watching goes.
func (w *Watcher) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// Wake says that there may be mirrors which nobody has looked at. It never
// blocks.
func (w *Watcher) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run looks at all mirrors on schedule, with jitter, and at new ones soon after
// [Watcher.Wake], until ctx ends. Failures are logged and tried again.
func (w *Watcher) Run(ctx context.Context) error {
	timer := time.NewTimer(rand.N(time.Minute)) // soon after a start, and not with it
	defer timer.Stop()
	for {
		fresh := false
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.wake:
			fresh = true
		case <-timer.C:
			timer.Reset(w.pause())
		}
		if _, err := w.round(ctx, fresh); err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("what was seen of the mirrors could not be stored; the next round tries again", "err", err)
		}
	}
}

// pause returns the time until the next round, a tenth more or less.
func (w *Watcher) pause() time.Duration {
	tenth := w.cfg.Policy.Every / 10
	return w.cfg.Policy.Every - tenth + rand.N(2*tenth+1)
}

// Round looks at all mirrors now and returns when what it has seen is stored
// and, where that changes the list, the publisher knows. It returns the number
// of that change; 0: none.
func (w *Watcher) Round(ctx context.Context) (change int64, err error) { return w.round(ctx, false) }

// round looks at all mirrors, or at those that are new.
func (w *Watcher) round(ctx context.Context, fresh bool) (change int64, err error) {
	select {
	case w.seat <- struct{}{}:
		defer func() { <-w.seat }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	begun := w.cfg.Now()
	all, err := w.cfg.Store.WatchedMirrors(ctx)
	if err != nil {
		return 0, err
	}
	places, others := w.places(all), 0
	if fresh {
		listed := countListed(all)
		all = onlyNew(all)
		others = listed - countListed(all)
	}
	looks, err := w.lookAll(ctx, all, places)
	if err != nil {
		return 0, err
	}
	r := w.judge(all, looks, fresh, others)
	change, err = w.cfg.Store.RecordChecks(ctx, r.seen, w.cfg.Keep)
	if err == nil && len(r.own) > 0 {
		err = w.cfg.Store.PutMessages(ctx, r.own)
	}
	w.note(r, begun, fresh, err)
	if change > 0 {
		w.cfg.Published.Changed()
	}
	return change, err
}

func countListed(all []store.WatchedMirror) (n int) {
	for _, m := range all {
		if m.Watch.LeftOut.IsZero() {
			n++
		}
	}
	return n
}

func onlyNew(all []store.WatchedMirror) []store.WatchedMirror {
	var fresh []store.WatchedMirror
	for _, m := range all {
		if m.Watch.State == store.MirrorNew {
			fresh = append(fresh, m)
		}
	}
	return fresh
}

// lookAll looks at mirrors, a few at once and in random order.
func (w *Watcher) lookAll(ctx context.Context, all []store.WatchedMirror, places []place) ([]look, error) {
	if len(all) == 0 {
		return nil, nil
	}
	v, err := w.look.view(w.cfg.Published, places)
	if err != nil {
		return nil, fmt.Errorf("what the root itself has published cannot be read: %w", err)
	}
	defer w.look.closeIdle()
	looks := make([]look, len(all))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(w.cfg.Parallel)
	for _, i := range rand.Perm(len(all)) {
		g.Go(func() error {
			looks[i] = w.look.mirror(ctx, v, &all[i])
			return context.Cause(ctx) // a round that was ended half-way says nothing
		})
	}
	return looks, g.Wait()
}

// note remembers how a round went and says what an operator should know.
func (w *Watcher) note(r round, begun time.Time, fresh bool, err error) {
	w.mu.Lock()
	before := w.state
	now := w.cfg.Now()
	if !fresh {
		w.state = State{Last: now, Took: now.Sub(begun), Looked: len(r.seen), Ill: r.ill, Suspects: r.suspects, Proven: r.proven}
	}
	if err != nil {
		w.state.Suspects = before.Suspects // what was to be said of it is not stored
	}
	w.state.Err = err
	w.mu.Unlock()
	if err != nil || fresh {
		return
	}
	if before.Suspects && !r.suspects {
		w.cfg.Log.Info("most mirrors are well again", "ill", r.ill, "listed", r.listed)
	}
}
