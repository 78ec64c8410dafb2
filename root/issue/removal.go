package issue

import (
	"context"
	"errors"
	"fmt"

	"github.com/signed-metaserver/metaserver/root/store"
)

// An edition may lose this many entries, or this part of them, without
// confirmation, and so may all editions of a day together.
const (
	freeRemovals       = 10
	freeRemovalPercent = 20
)

// checkRemoval refuses an edition that loses many entries, against the newest
// one or against that of a day ago, unless an admin has confirmed this state of
// the store.
func (p *Publisher) checkRemoval(ctx context.Context, l *list, s *snapshot) error {
	loss, err := p.lossOf(ctx, l, s)
	if err != nil || loss == nil || p.isReleased(l, s.change) {
		return err
	}
	if l.behind { // what an older state of the store has confirmed was another loss
		return loss
	}
	confirmed, err := p.cfg.Store.ConfirmedRemoval(ctx, l.typ)
	if err != nil {
		return fmt.Errorf("reading what was confirmed: %w", err)
	}
	if confirmed >= s.change && confirmed > 0 {
		return nil
	}
	return loss
}

// lossOf returns what an edition loses, if that is too much; nil: it is not.
func (p *Publisher) lossOf(ctx context.Context, l *list, s *snapshot) (*RemovalError, error) {
	if l.known == nil {
		return nil, nil
	}
	e := &RemovalError{Type: l.typ, Change: s.change, Removed: countMissing(l.known.ids, s.ids), Of: len(l.known.ids), Behind: l.behind}
	switch {
	case e.isMany() || l.behind && e.Removed > 0:
		return e, nil
	case e.Removed == 0 || l.behind: // whoever loses nothing now does not wait
		return nil, nil
	}
	past, err := p.cfg.Store.PastList(ctx, l.typ)
	if err != nil {
		return nil, fmt.Errorf("reading what was listed a day ago: %w", err)
	}
	e.Day, e.Removed, e.Of = true, countMissing(past, s.ids), len(past)
	if !e.isMany() {
		return nil, nil
	}
	return e, nil
}

func (e *RemovalError) isMany() bool {
	return e.Removed > freeRemovals && e.Removed*100 > e.Of*freeRemovalPercent
}

// countMissing counts the ids of before that are not in now. Both are ordered.
func countMissing(before, now []string) (n int) {
	for _, id := range before {
		for len(now) > 0 && now[0] < id {
			now = now[1:]
		}
		if len(now) == 0 || now[0] != id {
			n++
		}
	}
	return n
}

// Confirm releases the edition that a [RemovalError] named, and signals it. The
// change must be the one that waits now: [*store.ConfirmError] otherwise.
func (p *Publisher) Confirm(ctx context.Context, typ string, change int64, admin string) error {
	l, err := p.list(typ)
	if err != nil {
		return err
	}
	if pending := pendingRemoval(p.State(typ).Err); change != pending || pending == 0 {
		return &store.ConfirmError{Change: change, Pending: pending}
	}
	if err := p.cfg.Store.ConfirmRemoval(ctx, l.typ, change, admin); err != nil {
		return err
	}
	p.mu.Lock()
	l.released = change
	p.mu.Unlock()
	p.Changed()
	return nil
}

// isReleased tells whether this process was told to publish this change.
func (p *Publisher) isReleased(l *list, change int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.released == change
}

// pendingRemoval returns the change that waits for confirmation; 0: none.
func pendingRemoval(err error) int64 {
	var removal *RemovalError
	if !errors.As(err, &removal) {
		return 0
	}
	return removal.Change
}
