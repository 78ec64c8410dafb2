package serverlist

import (
	"context"
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// walk asks a source for the trust documents after the newest that is known,
// one by one, and adopts what verifies. Each source is asked once in a round;
// who comes second waits for what the first one finds. All documents together
// have as much time as one head: a source that is slow on purpose, with hundreds
// of them, must not keep a refresh from ending. The next one goes on from there.
func (r *refresh) walk(ctx context.Context, base string) {
	done, first := r.walkOf(base)
	if !first {
		select {
		case <-done:
		case <-ctx.Done():
		}
		return
	}
	defer close(done)
	ctx, cancel := context.WithTimeoutCause(ctx, r.c.cfg.Tuning.Head, errWalkTime)
	defer cancel()
	for range maxTrustSteps {
		chain := r.c.chain()
		name := TrustName(chain.Newest().Version + 1)
		url, err := DocumentURL(base, name)
		if err != nil {
			return
		}
		a := Attempt{URL: url, Document: name, Started: r.c.cfg.Now(), Outcome: OutcomeUsed}
		begin := time.Now()
		longer, err := r.c.fetch.trust(ctx, url, chain)
		if err == nil {
			err = r.adopt(longer, url)
		}
		a.Took = time.Since(begin)
		if err != nil {
			a.Outcome, a.Detail = outcomeOf(err)
		}
		if a.Outcome == OutcomeAbsent {
			a.Detail = fmt.Sprintf("trust document %d is the newest (%s)", chain.Newest().Version, a.Detail)
		}
		r.log(a)
		if err != nil {
			return
		}
	}
}

func (r *refresh) adopt(longer *keys.Chain, url string) error {
	if err := r.c.adopt(longer); err != nil {
		return &FetchError{URL: url, Outcome: OutcomeRefused, Detail: err.Error(), Err: err}
	}
	return nil
}

// walkOf returns what is closed when the walk at a source is over, and whether
// the caller is the one to do it.
func (r *refresh) walkOf(base string) (done chan struct{}, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done, ok := r.walks[base]
	if !ok {
		done = make(chan struct{})
		r.walks[base] = done
	}
	return done, !ok
}
