package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/signed-metaserver/metaserver/root/store"
)

var concurrencyTests = map[string]func(*testing.T, *world){
	"QueueLimit":    queueLimitRace,
	"SourceLimit":   sourceLimitRace,
	"SameIdentity":  sameIdentityRace,
	"ApproveOnce":   approveRace,
	"ApproveNames":  approveNameRace,
	"Editions":      editionRace,
	"OpenAtOnce":    openRace,
	"OneOfABatch":   oneOfABatch,
	"Cancelled":     cancelled,
	"ReadWhileBusy": readWhileBusy,
}

// each calls f n times at once, with the two handles of the store in turn, and
// returns the errors.
func (w *world) each(n int, f func(i int, s store.Store) error) []error {
	w.t.Helper()
	handles := []store.Store{w.Store, w.another()}
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i, handles[i%2]) })
	}
	wg.Wait()
	return errs
}

// wantFew fails the test unless n calls succeeded and all others failed in the
// expected way.
func wantFew(t *testing.T, errs []error, n int, expected func(error) bool) {
	t.Helper()
	good := 0
	for _, err := range errs {
		switch {
		case err == nil:
			good++
		case !expected(err):
			t.Errorf("unexpected error %v", err)
		}
	}
	if good != n {
		t.Errorf("%d calls succeeded, want %d", good, n)
	}
}

func isErr(want error) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

func isA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func queueLimitRace(t *testing.T, w *world) {
	errs := w.each(60, func(i int, s store.Store) error {
		_, err := s.Register(t.Context(), request(distinct(i)), store.Limits{Queue: 10})
		return err
	})
	wantFew(t, errs, 10, isErr(store.ErrQueueFull))
	if c := w.counts(); c.Pending != 10 || len(w.pending()) != 10 {
		t.Errorf("%d pending and %d in the queue, want 10", c.Pending, len(w.pending()))
	}
}

func sourceLimitRace(t *testing.T, w *world) {
	errs := w.each(60, func(i int, s store.Store) error {
		_, err := s.Register(t.Context(), request(distinct(i)), store.Limits{PerSource: 5})
		return err
	})
	wantFew(t, errs, 5, isA[*store.SourceLimitError])
}

func sameIdentityRace(t *testing.T, w *world) {
	const n = 30
	errs := w.each(n, func(i int, s store.Store) error {
		_, err := s.Register(t.Context(), request(described(fmt.Sprint(i))), store.Limits{Queue: 1, PerSource: 1})
		return err
	})
	wantFew(t, errs, n, nil)
	wantIDs(t, "queue", w.pending(), "r1")
	if r := w.review("r1"); r.Requests != n {
		t.Errorf("%d requests, want %d", r.Requests, n)
	}
}

func approveRace(t *testing.T, w *world) {
	id := w.register().ID
	errs := w.each(20, func(i int, s store.Store) error {
		if i%3 == 0 {
			return errorOf(s.Reject(t.Context(), id, "", "bob"))
		}
		return errorOf(s.Approve(t.Context(), store.Approval{Registration: id}))
	})
	wantFew(t, errs, 1, isA[*store.DecidedError])
	if c := w.counts(); c.Pending != 0 || c.Listed > 1 {
		t.Errorf("counts %+v", c)
	}
	if d := Recorded(t, w, 10); len(d) != 1 {
		t.Errorf("recorded %+v", d)
	}
}

func approveNameRace(t *testing.T, w *world) {
	const n = 8
	for i := range n {
		w.register(distinct(i), named("Cat"))
	}
	errs := w.each(n, func(i int, s store.Store) error {
		return errorOf(s.Approve(t.Context(), store.Approval{Registration: fmt.Sprintf("r%d", i+1)}))
	})
	wantFew(t, errs, n, nil)
	wantIDs(t, "list", w.listed(), "cat", "cat-2", "cat-3", "cat-4", "cat-5", "cat-6", "cat-7", "cat-8")
	if c := w.counts(); c.Change != n {
		t.Errorf("%d changes, want %d", c.Change, n)
	}
}

func editionRace(t *testing.T, w *world) {
	const rounds = 5
	for round := range int64(rounds) {
		errs := w.each(8, func(i int, s store.Store) error {
			e := edition(servers, round+1)
			e.Document = fmt.Appendf(nil, "of %d", i)
			return s.PublishEdition(t.Context(), round, e)
		})
		wantFew(t, errs, 1, isErr(store.ErrConflict))
	}
	if all, err := w.Editions(t.Context(), servers, 100); err != nil || len(all) != rounds {
		t.Errorf("%d editions, %v; want %d", len(all), err, rounds)
	}
}

// Several processes may start on one empty store.
func openRace(t *testing.T, w *world) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			s, err := w.open(dir, w.clock)
			if err != nil {
				t.Errorf("opening: %v", err)
				return
			}
			defer s.Close()
			if _, err := s.Register(t.Context(), request(distinct(i)), unlimited); err != nil {
				t.Errorf("registering: %v", err)
			}
		})
	}
	wg.Wait()
	s, err := w.open(dir, w.clock)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if c, err := s.Counts(t.Context()); err != nil || c.Pending != 6 {
		t.Errorf("%+v, %v; want 6 pending", c, err)
	}
}

// A write that fails takes nothing of the others with it.
func oneOfABatch(t *testing.T, w *world) {
	w.fill(1)
	w.approve("r1")
	errs := w.each(64, func(i int, s store.Store) error {
		switch i % 4 {
		case 0:
			return errorOf(s.Approve(t.Context(), store.Approval{Registration: "r1"}))
		case 1:
			return s.PublishEdition(t.Context(), 7, edition(servers, 8))
		}
		return errorOf(s.Register(t.Context(), request(distinct(100+i)), unlimited))
	})
	wantFew(t, errs, 32, func(err error) bool {
		return isA[*store.DecidedError](err) || errors.Is(err, store.ErrConflict)
	})
	if got := len(w.pending()); got != 32 {
		t.Errorf("%d pending, want 32", got)
	}
}

// A cancelled call returns the cause, or did its work; the counts stay right.
func cancelled(t *testing.T, w *world) {
	errs := w.each(40, func(i int, s store.Store) error {
		ctx, cancel := context.WithCancel(t.Context())
		if i%2 == 0 {
			cancel()
		}
		defer cancel()
		_, err := s.Register(ctx, request(distinct(i)), unlimited)
		return err
	})
	done := 0
	for i, err := range errs {
		switch {
		case err == nil:
			done++
		case i%2 == 1 || !errors.Is(err, context.Canceled):
			t.Errorf("call %d: %v", i, err)
		}
	}
	if c := w.counts(); c.Pending < done || len(w.pending()) != c.Pending {
		t.Errorf("%d done, %d counted, %d in the queue", done, c.Pending, len(w.pending()))
	}
}

// Nobody who reads waits for somebody who writes, or the other way round.
func readWhileBusy(t *testing.T, w *world) {
	w.fill(3)
	w.approve("r1")
	_, err := w.Listed(t.Context(), func(string, []byte) error {
		if _, err := w.Register(t.Context(), request(distinct(99)), unlimited); err != nil {
			return err
		}
		_, err := w.Reject(t.Context(), "r2", "", "alice")
		return err
	})
	if err != nil {
		t.Error(err)
	}
	wantIDs(t, "queue", w.pending(), "r3", "r4")
}
