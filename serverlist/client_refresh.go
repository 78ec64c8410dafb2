package serverlist

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"
)

// errGrace is why a source is let go when the list is there and only what
// goes with it is still missing.
var errGrace = errors.New("let go: the list is there, and this source took too long")

// A refresh is one run of Client.Refresh.
type refresh struct {
	c    *Client
	live *confirmation // the highest list that a source has shown; nil: none

	mu       sync.Mutex
	attempts []Attempt
	ahead    []*aheadFile             // lists that are being written to the cache
	walks    map[string]chan struct{} // by base URL: closed when its trust documents have been asked for
	atRoot   string                   // a root URL that answered something
}

func newRefresh(c *Client) *refresh { return &refresh{c: c} }

func (r *refresh) run(ctx context.Context) (Result, error) {
	defer r.dropAhead()
	stored := r.reload()
	// One round is enough unless it meets a new trust document that its own list
	// is not signed under: then the sources are asked again, under that one. A
	// third round would only serve a root that changes its keys every second;
	// the next refresh does that.
	for range 2 {
		before := r.c.chain().Newest().Version
		r.round(ctx)
		moved := r.c.chain().Newest().Version > before
		if moved {
			stored = r.reload() // what is held must hold under it
		}
		// What is live must be signed under the newest document even if that is
		// not new: "not modified" speaks of what is held, for which an earlier
		// one may vouch.
		if r.holds() || !moved {
			break
		}
	}
	r.store()
	s := r.c.snapshot()
	return r.c.result(s, slices.Concat(r.sorted(), r.worthTelling(stored)), r.live)
}

// worthTelling are the attempts on what is stored: all of them if one of these
// is shown, otherwise those that went wrong.
func (r *refresh) worthTelling(stored []Attempt) []Attempt {
	if r.live == nil {
		return stored
	}
	return slices.DeleteFunc(slices.Clone(stored), func(a Attempt) bool {
		return a.Outcome != OutcomeFailed && a.Outcome != OutcomeRefused
	})
}

// reload reads the cache and the static folder again.
func (r *refresh) reload() []Attempt {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	r.c.load()
	return r.c.state.attempts
}

// round asks the mirrors that are known for the server list, and beside that
// the root for the mirror list; then it looks for signs that the answer is not
// the newest.
func (r *refresh) round(ctx context.Context) {
	r.live, r.walks = nil, make(map[string]chan struct{})
	s := r.c.snapshot()
	mirrors := r.roots(s)
	roots := newPool(r.c.failures, mirrors.everyone()...)
	mirrors.addNewest(listOf(s.mirrors))
	mirrors.add(s.static)
	q := newQuestion(NameServerList, listOf(s.servers))

	rootCtx, letGo := context.WithCancelCause(ctx)
	rootDone := make(chan struct{})
	go func() {
		defer close(rootDone)
		r.askRoot(rootCtx, s, roots, mirrors)
	}()
	r.live = r.race(ctx, q, mirrors, r.pause(q), func() {})

	grace := r.grace(q)
	after, cancel := context.WithTimeoutCause(ctx, grace, errGrace)
	defer cancel()
	var walk sync.WaitGroup
	if r.live != nil {
		base := r.live.from.base
		walk.Go(func() { r.walk(after, base) })
		r.doubt(ctx, q, mirrors, grace)
	}
	walk.Wait()
	select {
	case <-rootDone:
	case <-after.Done():
		letGo(errGrace)
		<-rootDone
	}
	letGo(nil)
	r.followHint(ctx)
}

// race asks the candidates of a pool until one has a list, and returns the
// highest that any has shown so far. It calls news whenever one has shown a
// head that is newer than what is held.
func (r *refresh) race(ctx context.Context, q *question, p *pool, pause time.Duration, news func()) *confirmation {
	t := r.c.cfg.Tuning
	(&race{
		parallel: t.Parallel, pause: pause, chance: r.bodyTime(q), silent: t.Silent,
		next: p.next, more: p.more, over: p.over,
		ask: func(ctx context.Context, c candidate, alone bool, alive func()) (*confirmation, error) {
			return r.ask(ctx, q, c, alone && !q.headsOnly, func() { news(); alive() })
		},
	}).run(ctx)
	return q.best
}

// pause is how long to wait for a head before a further operator is asked.
func (r *refresh) pause(q *question) time.Duration {
	if q.held == nil {
		return r.c.cfg.Tuning.HedgeEmpty
	}
	return r.c.cfg.Tuning.HedgeHeld
}

// bodyTime is how long a source that has shown a head may take for the rest
// before it keeps nobody else from being asked. Who sees an empty screen waits
// less for one that may be slow on purpose.
func (r *refresh) bodyTime(q *question) time.Duration {
	if q.held == nil {
		return r.c.cfg.Tuning.BodyEmpty
	}
	return r.c.cfg.Tuning.BodyHeld
}

// grace is how long a refresh goes on once it has the server list: for the
// mirror list, the trust documents and the comparison of heads. Who has seen
// nothing yet waits less.
func (r *refresh) grace(q *question) time.Duration {
	if q.held == nil {
		return r.c.cfg.Tuning.HedgeHeld
	}
	return r.c.cfg.Tuning.Silent
}

// askRoot gets the mirror list and the next trust documents from the root.
// The mirrors it names become candidates at once.
func (r *refresh) askRoot(ctx context.Context, s state, roots, mirrors *pool) {
	defer mirrors.settle()
	roots.settle()
	q := newQuestion(NameMirrorList, listOf(s.mirrors))
	found := r.race(ctx, q, roots, r.pause(q), func() {})
	if found != nil {
		mirrors.addNewest(found.list)
	}
	mirrors.settle()
	r.mu.Lock()
	base := r.atRoot
	r.mu.Unlock()
	if base != "" {
		r.walk(ctx, base)
	}
	r.keepMirrors(found)
}

// doubt asks a second operator for its head: one source alone could hold back
// news for ever. While the list is not fresh it also asks a source that the
// mirror list does not name. The race before is over, and all that it started
// has returned: nobody else has the question, and its fields need no lock here.
func (r *refresh) doubt(ctx context.Context, q *question, mirrors *pool, grace time.Duration) {
	q.headsOnly = true
	news := r.newsTime(q)
	if len(q.compared) < 2 {
		r.compare(ctx, q, mirrors.everyone(), grace, news)
	}
	s := r.c.snapshot()
	if r.live.list.Freshness(s.now(r.c.cfg.Now())) != Fresh {
		outside := slices.DeleteFunc(mirrors.everyone(), func(c candidate) bool { return !mirrors.outside(c) })
		r.compare(ctx, q, outside, grace, news)
	}
}

// newsTime is how long a comparison may take once it has met a newer list: the
// body may be large and the line slow. Who sees an empty screen is shown the
// list that is at hand instead of one that may be slow on purpose.
func (r *refresh) newsTime(q *question) time.Duration {
	if q.held == nil {
		return 2 * r.c.cfg.Tuning.BodyHeld
	}
	return math.MaxInt64
}

// compare takes over a newer list from one of the candidates whose heads have
// not been seen yet. It waits no longer than grace for a head, and from the
// first newer one on as long as is given for news.
func (r *refresh) compare(ctx context.Context, q *question, others []candidate, grace, news time.Duration) {
	q.held = r.live.list
	others = slices.DeleteFunc(others, func(c candidate) bool { return q.compared[c.operator] || q.tried[c.base] })
	if len(others) == 0 {
		return
	}
	p := newPool(r.c.failures, others...)
	p.settle()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := time.AfterFunc(grace, func() { cancel(errGrace) })
	defer patience.Stop()
	r.live = r.race(ctx, q, p, r.c.cfg.Tuning.HedgeEmpty, sync.OnceFunc(func() { patience.Reset(news) }))
}

// followHint gets the mirror list from the source of the server list if that
// names a newer one than the root gave: the root may be down for weeks.
func (r *refresh) followHint(ctx context.Context) {
	held := listOf(r.c.snapshot().mirrors)
	if r.live == nil || held != nil && held.Head.Version >= r.live.list.Head.Mirrors || r.live.list.Head.Mirrors == 0 {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.c.cfg.Tuning.Silent, errGrace)
	defer cancel()
	found, err := r.ask(ctx, newQuestion(NameMirrorList, held), r.live.from, true, func() {})
	if err == nil {
		r.keepMirrors(found)
	}
}

// keepMirrors keeps the mirror list that a source has shown, if it still holds
// under what is known of the chain by now.
func (r *refresh) keepMirrors(found *confirmation) {
	if found == nil || !r.holdsLive(found, NameMirrorList) {
		return
	}
	if a := r.c.keep(NameMirrorList, found.list, found.url, r.aheadOf(found.list)); a != nil {
		r.log(*a)
	}
}

// holds tells whether the live list is signed under the newest trust document
// that is known by now, and lets go of it if not.
func (r *refresh) holds() bool {
	if r.live != nil && !r.holdsLive(r.live, NameServerList) {
		r.live = nil
		return false
	}
	return true
}

func (r *refresh) holdsLive(found *confirmation, name string) bool {
	chain := r.c.chain()
	_, err := OpenHead(found.list.data[:found.list.body], Want{Origin: chain.Origin(), Type: typeOf(name)}, chain)
	if err == nil {
		return true
	}
	r.log(Attempt{URL: found.url, Document: name, Started: r.c.cfg.Now(), Outcome: OutcomeRefused,
		Detail: "no longer holds under the newest trust document: " + err.Error()})
	return false
}

// store keeps what this refresh has found.
func (r *refresh) store() {
	if a := r.c.storeTrust(); a != nil {
		r.log(*a)
	}
	if r.live != nil {
		held := listOf(r.c.snapshot().servers)
		if held != nil && held.Compare(r.live.list) > 0 {
			r.live = nil // another program has stored something newer meanwhile
		} else if a := r.c.keep(NameServerList, r.live.list, r.live.url, r.aheadOf(r.live.list)); a != nil {
			r.log(*a)
		}
	}
}

// writeAhead begins to write a verified list to the cache while it is parsed, if
// the cache is one that can.
func (r *refresh) writeAhead(name string, data []byte) {
	if dir, ok := r.c.cfg.Cache.(dirCache); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ahead = append(r.ahead, dir.writeAhead(name, data))
	}
}

// aheadOf returns what of a list has been written ahead; nil: nothing.
func (r *refresh) aheadOf(l *List) *aheadFile {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.ahead {
		if a.isOf(l) {
			return a
		}
	}
	return nil
}

// dropAhead removes what was written and is not kept.
func (r *refresh) dropAhead() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.ahead {
		a.drop()
	}
}

// roots are the URLs of the root: those the program pins and those that the
// mirror lists mark.
func (r *refresh) roots(s state) *pool {
	var pinned []candidate
	for _, base := range r.c.fetch.Pinned {
		pinned = append(pinned, candidate{base: base, operator: rootOperator, root: true})
	}
	p := newPool(r.c.failures, pinned...)
	p.addRoots(listOf(s.mirrors))
	p.addRoots(s.static)
	return p
}

func listOf(h *heldList) *List {
	if h == nil {
		return nil
	}
	return h.list
}

// log adds an attempt.
func (r *refresh) log(a Attempt) {
	r.c.logAttempt(a)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts = append(r.attempts, a)
}

// sorted returns the attempts in the order in which they began.
func (r *refresh) sorted() []Attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.attempts, func(a, b Attempt) int { return a.Started.Compare(b.Started) })
	return r.attempts
}
