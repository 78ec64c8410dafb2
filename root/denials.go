package root

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// A tally keeps a flood of events out of the audit log. Of events that are
// alike the first of each minute is recorded at once, the rest of the minute as
// one record that counts them. Above tallyKinds kinds a minute, one record
// counts the rest of them all. So a minute makes at most 2*tallyKinds+1
// records, of less than a kilobyte each. The zero value is ready.
type tally struct {
	mu    sync.Mutex
	began time.Time
	seen  map[tallyKind]*audit.Event // what is counted and not recorded yet; nil: nothing
	rest  audit.Event
}

// tallyKind is what events have in common that are counted together.
type tallyKind struct {
	admin, source string
	action        audit.Action
}

const (
	tallyKinds  = 16
	tallyMinute = time.Minute
)

// add takes an event and returns what is to be recorded now.
func (t *tally) add(e audit.Event, now time.Time) (record []audit.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.began) >= tallyMinute || now.Before(t.began) {
		record = t.takeLocked()
		t.began, t.seen = now, make(map[tallyKind]*audit.Event)
	}
	e.Time, e.Count = now, 1
	kind := tallyKind{e.Admin, e.Source, e.Action}
	counted, known := t.seen[kind]
	switch {
	case known && counted != nil:
		counted.Count, counted.Time = counted.Count+1, now
	case known:
		e.Detail, e.Subject = furtherOnes, ""
		t.seen[kind] = &e
	case len(t.seen) < tallyKinds:
		t.seen[kind] = nil
		record = append(record, e)
	default:
		t.rest = audit.Event{
			Time: now, Outcome: e.Outcome, Action: "many", Count: t.rest.Count + 1,
			Detail: "of further sources or kinds, within a minute of the first",
		}
	}
	return record
}

const furtherOnes = "further ones like the one before from there, within a minute of it"

// take returns what is counted and not recorded.
func (t *tally) take() []audit.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.takeLocked()
}

func (t *tally) takeLocked() (record []audit.Event) {
	for _, e := range t.seen {
		if e != nil {
			record = append(record, *e)
		}
	}
	slices.SortFunc(record, func(a, b audit.Event) int { return a.Time.Compare(b.Time) })
	for kind := range maps.Keys(t.seen) {
		t.seen[kind] = nil
	}
	if t.rest.Count > 0 {
		record = append(record, t.rest)
		t.rest = audit.Event{}
	}
	return record
}

// recordTallies writes what is counted, every minute and at the end.
func (r *Root) recordTallies(ctx context.Context) error {
	tick := time.NewTicker(tallyMinute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.noteTallies(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
			r.noteTallies(ctx)
		}
	}
}

// noteTallies records what is counted up to now.
func (s *server) noteTallies(ctx context.Context) {
	s.note(ctx, append(s.denials.take(), s.refusals.take()...)...)
}

// A recently knows what has happened within the last minute. It holds at most
// recentMost things and is safe for concurrent use; the zero value is ready.
type recently struct {
	mu    sync.Mutex
	began time.Time
	seen  map[audit.Event]bool
}

const recentMost = 4096

// first tells whether this is the first event of its kind in a minute.
func (l *recently) first(e audit.Event, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.began) >= time.Minute || now.Before(l.began) || len(l.seen) >= recentMost {
		l.began, l.seen = now, make(map[audit.Event]bool)
	}
	if l.seen[e] {
		return false
	}
	l.seen[e] = true
	return true
}
