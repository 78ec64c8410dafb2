package issue_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
)

// inBubble runs a test with a clock of its own, which moves only when all
// goroutines wait. The store is opened and closed inside.
func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

// run runs a publisher until the test ends.
func run(t *testing.T, p *issue.Publisher) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context())) // that of t ends too early
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stop := errors.New("the test is over")
	t.Cleanup(func() {
		cancel(stop)
		if err := <-done; err != stop {
			t.Errorf("Run returned %v, want the cause of its end", err)
		}
	})
	synctest.Wait()
}

func TestScheduleOfUnchangedLists(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		start := time.Now()
		p := w.publisher()
		run(t, p)
		issued := map[string][]time.Duration{}
		for range 25 {
			for _, typ := range []string{mirrors, servers} {
				at := p.Current(typ).Issued.Sub(start)
				if seen := issued[typ]; len(seen) == 0 || seen[len(seen)-1] != at {
					issued[typ] = append(seen, at)
				}
				if f := w.file(typ).Freshness(time.Now()); f != "fresh" {
					t.Errorf("after %v %s is %s", time.Since(start), typ, f)
				}
			}
			time.Sleep(time.Hour)
			synctest.Wait()
		}
		for typ, every := range map[string]time.Duration{mirrors: 4 * time.Hour, servers: 6 * time.Hour} {
			for i, at := range issued[typ] {
				if at != time.Duration(i)*every {
					t.Errorf("edition %d of %s was issued after %v, want every %v", i, typ, at, every)
				}
			}
			if want := int(24*time.Hour/every) + 1; len(issued[typ]) != want {
				t.Errorf("%d editions of %s in a day, want %d", len(issued[typ]), typ, want)
			}
		}
	})
}

func TestChangesArePublishedTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.publisher()
		run(t, p)
		start := time.Now()
		var ids []string
		for range 20 {
			ids = append(ids, w.add(1)...)
			p.Changed()
		}
		change := w.revoke(ids[0])
		if err := p.Wait(t.Context(), servers, change); err != nil {
			t.Fatal(err)
		}
		w.check(p, servers, ids[1:]...)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("the changes were published after %v", took)
		}
		if n := w.editions(servers); n > 3 {
			t.Errorf("21 changes at once made %d editions", n)
		}
		d := p.Current(servers)
		if d.Issued.After(time.Now()) || d.Version != d.Issued.Unix() {
			t.Errorf("version %d was issued %v, now it is %v", d.Version, d.Issued, time.Now())
		}
	})
}

// One edition a second at most, and none of them dated into the future.
func TestOneEditionASecond(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.publisher()
		start := time.Now()
		for i := range 5 {
			w.add(1)
			w.publish(p, servers)
			if d := p.Current(servers); d.Version != start.Unix()+int64(i) || d.Issued.After(time.Now()) {
				t.Errorf("edition %d: version %d, issued %v at %v", i, d.Version, d.Issued, time.Now())
			}
		}
	})
}

// A clock that is an hour behind stays behind: still one edition a second.
func TestOneEditionASecondOfAWrongClock(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.publish(w.publisher(), servers)
		last := time.Now().Unix()
		p := w.publisher(func(c *issue.Config) { c.Now = func() time.Time { return time.Now().Add(-time.Hour) } })
		start := time.Now()
		for i := range 5 {
			w.add(1)
			w.publish(p, servers)
			if v := p.Current(servers).Version; v != last+int64(i)+1 {
				t.Errorf("edition %d: version %d, want %d", i, v, last+int64(i)+1)
			}
		}
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("5 editions took %v, want 4s", took)
		}
	})
}

// A decision that was not published before a crash is published at the start.
func TestStartPublishesWhatWasDecided(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.publish(w.publisher(), servers)
		ids := w.add(2)
		time.Sleep(time.Minute)
		p := w.publisher()
		run(t, p)
		w.check(p, servers, ids...)
	})
}

var errFull = errors.New("no space left on device")

func TestFailuresAreRetried(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var full atomic.Bool
		var tries atomic.Int64
		p := w.publisher()
		p.SetWriter(func(path string, data []byte) error {
			if full.Load() {
				tries.Add(1)
				return errFull
			}
			return issue.WritePublic(path, data)
		})
		run(t, p)
		before := p.Current(servers)
		time.Sleep(time.Minute)
		full.Store(true)
		e := w.approve()
		if err := p.Wait(t.Context(), servers, e.Change); !errors.Is(err, errFull) {
			t.Errorf("Wait: %v, want the reason", err)
		}
		if p.Current(servers) != before {
			t.Error("something else is served than before")
		}
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		// 1, 2, 4 ... 256, then 300 seconds: 9 + 1 more tries in 15 minutes.
		if n := tries.Load(); n < 8 || n > 12 {
			t.Errorf("%d tries in 15 minutes", n)
		}
		if s := p.State(servers); s.Failed < 8 || !errors.Is(s.Err, errFull) {
			t.Errorf("state %+v", s)
		}
		full.Store(false)
		// The next change does not wait for the pause to end.
		if err := p.Wait(t.Context(), servers, w.approve().Change); err != nil {
			t.Fatal(err)
		}
		w.check(p, servers, "s1", "s2")
		if s := p.State(servers); s.Failed != 0 || s.Err != nil {
			t.Errorf("state %+v", s)
		}
	})
}

// A list that cannot be published holds up neither the other one nor its own
// next try.
func TestOneListFailing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		ids := w.add(30)
		p := w.publisher()
		run(t, p)
		first := p.Current(mirrors).Issued
		change := w.revoke(ids[:20]...)
		var removal *issue.RemovalError
		if err := p.Wait(t.Context(), servers, change); !errors.As(err, &removal) {
			t.Errorf("Wait: %v", err)
		}
		if err := p.Wait(t.Context(), mirrors, change); err != nil {
			t.Errorf("the other list: %v", err)
		}
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		if !p.Current(mirrors).Issued.After(first) {
			t.Error("the mirror list was not issued again")
		}
		if err := p.Confirm(t.Context(), servers, change, "alice"); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(t.Context(), servers, change); err != nil {
			t.Fatal(err)
		}
		w.check(p, servers, ids[20:]...)
	})
}

// While a removal waits for an admin, what was published before stays fresh.
func TestListStaysFreshWhileARemovalWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		ids := w.add(30)
		p := w.publisher()
		run(t, p)
		change := w.revoke(ids[:20]...)
		var removal *issue.RemovalError
		if err := p.Wait(t.Context(), servers, change); !errors.As(err, &removal) {
			t.Fatalf("Wait: %v", err)
		}
		for range 30 {
			time.Sleep(time.Hour)
			synctest.Wait()
			w.check(p, servers, slices.Clone(ids)...) // it sorts them
			if f := w.file(servers).Freshness(time.Now()); f != "fresh" {
				t.Fatalf("the list is %s", f)
			}
			if err := p.State(servers).Err; !errors.As(err, &removal) || removal.Change != change {
				t.Fatalf("state: %v", err)
			}
		}
		if n := w.editions(servers); n != 6 { // one at first, then one in six hours
			t.Errorf("%d editions in 30 hours", n)
		}
		if err := p.Confirm(t.Context(), servers, change, "alice"); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(t.Context(), servers, change); err != nil {
			t.Fatal(err)
		}
		w.check(p, servers, ids[20:]...)
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.publisher() // nobody runs it
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Wait(ctx, servers, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait: %v", err)
		}
	})
}

// A brokenStore cannot be read.
type brokenStore struct{ store.Store }

func (brokenStore) Editions(context.Context, string, int) ([]store.Edition, error) {
	return nil, errors.New("disk I/O error")
}

func TestStartIsRetried(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.publisher(func(c *issue.Config) { c.Store = brokenStore{w.store} })
		run(t, p)
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := p.State(servers); s.Failed < 15 || s.Err == nil || p.Current(servers) != nil {
			t.Errorf("state %+v", s)
		}
	})
}
