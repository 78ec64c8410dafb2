package root

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/setup"
)

// A part that hangs is named after a minute, and no earlier; one that fails
// hangs not.
func TestHeart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var hang atomic.Bool
		h := &heart{now: time.Now, beats: []*beat{
			{name: "fails", work: func(context.Context) error { return context.DeadlineExceeded }},
			{name: "hangs", work: func(context.Context) error {
				if hang.Load() {
					<-release // whatever the context says, as a disk does
				}
				return nil
			}},
		}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.run(ctx) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if err := h.hung(); err != nil {
			t.Errorf("after an hour of well: %v", err)
		}
		if _, err := h.state("fails"); err != context.DeadlineExceeded {
			t.Errorf("the error of a part: %v", err)
		}
		hang.Store(true)
		time.Sleep(hangs)
		if err := h.hung(); err != nil {
			t.Errorf("after %v at most: %v", hangs, err)
		}
		time.Sleep(2 * beatEvery)
		if err := h.hung(); err == nil || !strings.HasPrefix(err.Error(), "hangs has not answered for 1m") || strings.Contains(err.Error(), "fails") {
			t.Errorf("after more than %v: %v", hangs, err)
		}
		if _, err := h.state("hangs"); err == nil {
			t.Error("the state of what hangs is well")
		}
		hang.Store(false)
		close(release)
		synctest.Wait()
		if err := h.hung(); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// newIdle returns a new root that nobody runs.
func newIdle(t *testing.T, cfg config.Config) *Root {
	t.Helper()
	cfg.Data = filepath.Join(t.TempDir(), "data")
	if _, err := setup.Init(t.Context(), setup.Config{Data: cfg.Data, Origin: "ms.example.org"}); err != nil {
		t.Fatal(err)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// A root whose database takes no writes is not ready, and does not hang.
func TestNotReadyWithoutStore(t *testing.T) {
	t.Parallel()
	r := newIdle(t, config.Config{})
	if err := r.publisher.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, b := range r.heart.beats {
		r.heart.once(t.Context(), b)
	}
	if missing := r.missing(); len(missing) > 0 {
		t.Errorf("missing: %q", missing)
	}
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, b := range r.heart.beats {
		r.heart.once(t.Context(), b)
	}
	if missing := r.missing(); !slices.Equal(missing, []string{"the database takes no writes"}) {
		t.Errorf("missing: %q", missing)
	}
	if err := r.Hung(); err != nil {
		t.Errorf("hung: %v", err)
	}
	r.ending.Store(true)
	if missing := r.missing(); !slices.Contains(missing, "the root is stopping") {
		t.Errorf("missing: %q", missing)
	}
}

// Before the first edition nothing is ready.
func TestNotReadyBeforeTheFirstEdition(t *testing.T) {
	t.Parallel()
	r := newIdle(t, config.Config{})
	if missing := r.missing(); !slices.Equal(missing, []string{"server.list is not published", "mirror.list is not published"}) {
		t.Errorf("missing: %q", missing)
	}
}

// A list whose time is over is named.
func TestReadyNamesAnOldList(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := newIdle(t, config.Config{Now: func() time.Time { return now }})
	if err := r.publisher.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask := func(path string) (int, string) {
		w := httptest.NewRecorder()
		r.adminRoutes().ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1"+path, nil))
		return w.Code, w.Body.String()
	}
	if status, body := ask("/readyz"); status != 200 || body != "ready\n" {
		t.Errorf("%d %q", status, body)
	}
	now = now.Add(25 * time.Hour) // and nobody has published meanwhile
	if status, body := ask("/readyz"); status != 503 || body != "server.list is old\nmirror.list is old\n" {
		t.Errorf("%d %q", status, body)
	}
	if status, body := ask("/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("%d %q: a restart would not help", status, body)
	}
}
