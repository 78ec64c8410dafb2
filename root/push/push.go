// Package push brings what a root publishes to static hosts, through the same
// targets that mirrors use, so that a root needs no public listener at all.
//
// Each target has a loop of its own, off the path of publishing: one that fails
// stops nothing, and is tried again, later each time. A visit reads back what
// is there, writes what is newer and reads it back again, and then fetches all
// of it from the public URL, if that is known; see package publish. Nothing is
// remembered over a restart: the first visit finds out.
package push

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// Published is what the root serves: [*issue.Publisher].
type Published interface {
	Documents() []*issue.Document
	News() <-chan struct{}
}

// A Target is a host, and where the world finds what is there.
type Target struct {
	publish.Target
	PublicURL string // a folder, or the server list itself; "": not known, and not looked at
}

// Config configures a [Pusher].
type Config struct {
	Targets   []Target
	Published Published // required

	Settle     time.Duration    // pause after news, in which more may come; 0: 1 s
	RetryFirst time.Duration    // pause after a first failure, doubled with each further one; 0: 10 s
	RetryMost  time.Duration    // the longest such pause; 0: 15 min
	Again      time.Duration    // without news a target is visited after this, and repaired; 0: 6 h
	VisitTime  time.Duration    // the most for one visit; 0: 30 min
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: silent
}

// A State says how it goes with one target.
type State struct {
	Target    string
	PublicURL string
	Servers   int64     // version of the server list that it holds; 0: not known
	Mirrors   int64     // the same of the mirror list
	Trust     int64     // number of the newest trust document that it holds
	Current   bool      // it holds what the root publishes now
	Visited   time.Time // end of the last visit; zero: none yet
	Done      time.Time // end of the last visit without an error; zero: none yet
	Failures  int       // in a row
	Err       error     // of the last visit
	Next      time.Time // when it is visited again at the latest
}

// A Pusher visits targets. It is safe for concurrent use.
type Pusher struct {
	cfg  Config
	sets sets

	mu     sync.Mutex
	states []State
	tried  []string // by target: the set of the last visit
	done   []string // by target: the set that it holds
}

// New returns a pusher. It does nothing before Run.
func New(cfg Config) *Pusher {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&cfg.Settle, time.Second)
	set(&cfg.RetryFirst, 10*time.Second)
	set(&cfg.RetryMost, 15*time.Minute)
	set(&cfg.Again, 6*time.Hour)
	set(&cfg.VisitTime, 30*time.Minute)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pusher{cfg: cfg, states: make([]State, len(cfg.Targets)),
		tried: make([]string, len(cfg.Targets)), done: make([]string, len(cfg.Targets))}
	named := make(map[string]int)
	for i, t := range cfg.Targets {
		name := t.String()
		if named[name]++; named[name] > 1 {
			name += fmt.Sprintf(" (%d)", named[name]) // metrics tell targets by their names
		}
		p.states[i] = State{Target: name, PublicURL: t.PublicURL}
	}
	return p
}

// States returns how it goes with each target, in their order.
func (p *Pusher) States() []State {
	now := idOf(p.cfg.Published.Documents())
	p.mu.Lock()
	defer p.mu.Unlock()
	out := append([]State(nil), p.states...)
	for i := range out {
		out[i].Current = p.done[i] == now && now != ""
	}
	return out
}

// Run brings every target to what is published, at the start and whenever that
// changes, until ctx ends.
func (p *Pusher) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for i := range p.cfg.Targets {
		g.Go(func() error { return p.follow(ctx, i) })
	}
	return g.Wait()
}

// follow visits one target for ever, from when there is something to bring.
func (p *Pusher) follow(ctx context.Context, i int) error {
	if err := p.awaitLists(ctx); err != nil {
		return err
	}
	for {
		news := p.cfg.Published.News()
		pause := p.visit(ctx, i)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := p.await(ctx, i, news, pause); err != nil {
			return err
		}
	}
}

// awaitLists waits until both lists are published: a new root has none yet.
func (p *Pusher) awaitLists(ctx context.Context) error {
	for {
		news := p.cfg.Published.News()
		if idOf(p.cfg.Published.Documents()) != "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-news:
		}
	}
}

// await waits until a target is to be visited: after pause, or soon after news
// that concern it. One that fails is visited for news, too, since what fails may
// be a look at it after a publication that works; but not more often than after
// a first failure.
func (p *Pusher) await(ctx context.Context, i int, news <-chan struct{}, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	next := p.cfg.Now().Add(pause)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return nil
		case <-news:
		}
		news = p.cfg.Published.News()
		if soon := p.soon(i); soon > 0 {
			timer.Reset(min(soon, next.Sub(p.cfg.Now())))
			news = nil
		}
	}
}

// soon returns the pause before a visit to a target that news concern; 0: they
// do not.
func (p *Pusher) soon(i int) time.Duration {
	now := idOf(p.cfg.Published.Documents())
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.tried[i] == now:
		return 0
	case p.states[i].Failures > 0:
		return p.cfg.RetryFirst
	}
	return p.cfg.Settle
}

// visit brings one target up to date and returns when to come again.
func (p *Pusher) visit(ctx context.Context, i int) time.Duration {
	set, err := p.sets.of(p.cfg.Published)
	var report publish.Report
	if err == nil {
		visit, cancel := context.WithTimeout(ctx, p.cfg.VisitTime)
		report, err = publish.Set(visit, p.cfg.Targets[i].Target, set.docs)
		if err == nil && p.cfg.Targets[i].PublicURL != "" {
			err = publish.CheckPublic(visit, p.cfg.Targets[i].PublicURL, set.docs)
		}
		cancel()
	}
	if ctx.Err() != nil {
		return 0
	}
	return p.note(i, set, report, err)
}

// note remembers how a visit went.
func (p *Pusher) note(i int, set *set, report publish.Report, err error) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.states[i]
	now := p.cfg.Now()
	before := s.Failures
	s.Visited, s.Err = now, err
	if set != nil {
		p.tried[i] = set.id
	}
	for _, o := range report.Documents {
		switch {
		case o.Name == publish.ServerList:
			s.Servers = o.Version
		case o.Name == publish.MirrorList:
			s.Mirrors = o.Version
		case o.State != publish.Ignored:
			s.Trust = max(s.Trust, o.Version)
		}
	}
	pause := p.cfg.Again
	if err != nil {
		s.Failures++
		pause = p.pause(s.Failures)
		p.done[i] = ""
		p.cfg.Log.Error("a target could not be brought up to date; it is tried again", "target", s.Target, "again_in", pause, "err", err)
	} else {
		s.Failures, s.Done = 0, now
		p.done[i] = set.id
		if before > 0 || report.Changed() {
			p.cfg.Log.Info("target is up to date", "target", s.Target, "servers", s.Servers, "mirrors", s.Mirrors, "trust", s.Trust)
		}
	}
	s.Next = now.Add(pause)
	return pause
}

func (p *Pusher) pause(failures int) time.Duration {
	pause := p.cfg.RetryFirst
	for n := 1; n < failures && pause < p.cfg.RetryMost; n++ {
		pause *= 2
	}
	return min(pause, p.cfg.RetryMost)
}

// sets makes a set of what is published, once for all targets.
type sets struct {
	mu   sync.Mutex
	last *set
}

// A set is what is published at one moment.
type set struct {
	id   string
	docs publish.Documents
}

// idOf is the same for the same documents; "" while there are not both lists.
func idOf(docs []*issue.Document) string {
	var id strings.Builder
	lists := 0
	for _, d := range docs {
		id.WriteString(d.Name + d.ETag)
		if d.Type != keys.TypeTrust {
			lists++
		}
	}
	if lists < 2 {
		return ""
	}
	return id.String()
}

func (s *sets) of(p Published) (*set, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	docs := p.Documents()
	id := idOf(docs)
	if id == "" {
		return nil, errors.New("the root has not published both lists yet")
	}
	if s.last != nil && s.last.id == id {
		return s.last, nil
	}
	made, err := makeSet(id, docs)
	if err != nil {
		return nil, fmt.Errorf("what the root itself has published cannot be read: %w", err)
	}
	s.last = made
	return made, nil
}

func makeSet(id string, docs []*issue.Document) (*set, error) {
	chain, err := chainOf(docs)
	if err != nil {
		return nil, err
	}
	out := &set{id: id, docs: publish.Documents{Trust: chain}}
	for _, d := range docs {
		if d.Type == keys.TypeTrust {
			continue
		}
		l, err := serverlist.Open(d.Bytes, serverlist.Want{Origin: chain.Origin(), Type: d.Type}, chain)
		if err != nil {
			return nil, err
		}
		if d.Type == serverlist.TypeMirrorList {
			out.docs.Mirrors = l
		} else {
			out.docs.Servers = l
		}
	}
	return out, nil
}

// chainOf makes a chain of the trust documents among all.
func chainOf(docs []*issue.Document) (chain *keys.Chain, err error) {
	docs = slices.DeleteFunc(slices.Clone(docs), func(d *issue.Document) bool { return d.Type != keys.TypeTrust })
	if len(docs) == 0 {
		return nil, errors.New("there is no trust document")
	}
	slices.SortFunc(docs, func(a, b *issue.Document) int { return cmp.Compare(a.Version, b.Version) })
	chain, err = keys.NewChain(docs[0].Bytes)
	for _, d := range docs[1:] {
		if err != nil {
			break
		}
		chain, err = chain.Extend(d.Bytes)
	}
	return chain, err
}
