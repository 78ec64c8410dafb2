package serverlist

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// A question is one list that a refresh asks sources for.
type question struct {
	name string
	held *List         // what is held: only news is fetched; nil: nothing
	turn chan struct{} // holds a token while a body is on its way

	headsOnly bool // ask for the head first even when no other source is in flight

	mu       sync.Mutex
	compared map[string]bool // operators whose verified head was compared with what is held
	tried    map[string]bool // base URLs that failed
	best     *confirmation   // the highest list that a source has shown; nil: none
}

func newQuestion(name string, held *List) *question {
	return &question{
		name: name, held: held, turn: make(chan struct{}, 1),
		compared: make(map[string]bool), tried: make(map[string]bool),
	}
}

// note takes in what a source said.
func (q *question) note(c candidate, err error) {
	if errors.Is(err, errLost) || errors.Is(err, errGrace) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if verified(err) {
		q.compared[c.operator] = true
	}
	if err != nil && !errors.Is(err, ErrNotModified) {
		q.tried[c.base] = true
	}
}

// offer takes in a list that a source has shown. The winner of a race need not
// have the highest: another may arrive at the same moment.
func (q *question) offer(found *confirmation) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.best == nil || found.list.Compare(q.best.list) > 0 {
		q.best = found
	}
}

// verified tells whether a source had a verified head, news or not.
func verified(err error) bool {
	return err == nil || errors.Is(err, ErrNotModified) || errors.Is(err, ErrOlder) || errors.As(err, new(*ConflictError))
}

// takeTurn waits until no other body is on its way, or until that one has had
// its time, from its own beginning on: two bodies at once are slower than one
// after the other, but a source that is slow on purpose must not keep the turn.
func (q *question) takeTurn(ctx context.Context, most time.Duration) (release func(), err error) {
	select {
	case q.turn <- struct{}{}:
		giveBack := sync.OnceFunc(func() { <-q.turn })
		over := time.AfterFunc(most, giveBack)
		return func() { over.Stop(); giveBack() }, nil
	case <-ctx.Done():
		return func() {}, context.Cause(ctx)
	}
}

// ask asks one source. It returns the list if that is news, and nil without an
// error if the source has what is held.
func (r *refresh) ask(ctx context.Context, q *question, c candidate, alone bool, alive func()) (*confirmation, error) {
	url, err := DocumentURL(c.base, q.name)
	if err != nil {
		return nil, err // not from a list: those have checked URLs
	}
	started, begin := r.c.cfg.Now(), time.Now()
	l, err := r.get(ctx, q, c, url, alone, alive)
	q.note(c, err)
	a := Attempt{URL: url, Document: q.name, Started: started, Took: time.Since(begin)}
	switch {
	case err == nil:
		a.Outcome, a.Detail = OutcomeUsed, describe(l)
	case errors.Is(err, ErrNotModified):
		l = q.held
		a.Outcome, a.Detail = OutcomeUnchanged, describe(l)
		err = nil
	default:
		a.Outcome, a.Detail = outcomeOf(err)
	}
	r.log(a)
	r.judge(ctx, c, a.Outcome, err)
	if err != nil {
		return nil, err
	}
	found := &confirmation{l, url, c}
	q.offer(found)
	return found, nil
}

// judge remembers, locally and for this run, how much help a source was.
func (r *refresh) judge(ctx context.Context, c candidate, outcome Outcome, err error) {
	var conflict *ConflictError
	if errors.As(err, &conflict) {
		r.c.storeConflict(conflict)
	}
	switch {
	case err == nil:
		r.c.promote(c.base)
	case ctx.Err() == nil: // not just let go
		r.c.demote(c.base)
	}
	if c.root && outcome != OutcomeFailed && outcome != OutcomeLost {
		r.mu.Lock()
		r.atRoot = c.base
		r.mu.Unlock()
	}
}

// get asks a source and, when its answer may be signed under a trust document
// that is not known yet, asks it for that document and then once more.
func (r *refresh) get(ctx context.Context, q *question, c candidate, url string, alone bool, alive func()) (*List, error) {
	chain := r.c.chain()
	l, err := r.getUnder(ctx, chain, q, url, alone, alive)
	if !needsTrust(err) {
		return l, err
	}
	r.walk(ctx, c.base)
	if longer := r.c.chain(); longer.Newest().Version > chain.Newest().Version {
		return r.getUnder(ctx, longer, q, url, alone, alive)
	}
	return l, err
}

// needsTrust tells whether a longer chain could change a refusal.
func needsTrust(err error) bool {
	var refusal *keys.Error
	return errors.As(err, &refusal) && (refusal.Layer == keys.LayerSignature || refusal.Name == "epoch-ahead")
}

// getUnder asks for the whole list, or, while others are in flight, for its
// head first.
func (r *refresh) getUnder(ctx context.Context, chain *keys.Chain, q *question, url string, alone bool, alive func()) (*List, error) {
	want := Want{Origin: chain.Origin(), Type: typeOf(q.name)}
	verified := func(data []byte) { r.writeAhead(q.name, data) }
	if !alone {
		note, prefix, err := r.c.fetch.head(ctx, url, want, chain)
		if err != nil {
			return nil, err
		}
		if err := news(note, q.held, url, prefix); err != nil {
			return nil, err
		}
		alive()
		release, err := q.takeTurn(ctx, r.bodyTime(q))
		defer release()
		if err != nil {
			return nil, &FetchError{URL: url, Outcome: OutcomeFailed, Detail: err.Error(), Err: err}
		}
		return r.c.fetch.list(ctx, url, want, chain, q.held, say{nil, verified})
	}
	release := func() {}
	defer func() { release() }()
	proceed := func(ctx context.Context) (err error) {
		alive()
		release, err = q.takeTurn(ctx, r.bodyTime(q))
		return err
	}
	return r.c.fetch.list(ctx, url, want, chain, q.held, say{proceed, verified})
}
