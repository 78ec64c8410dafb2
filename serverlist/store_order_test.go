package serverlist_test

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A dyingCache takes so many documents and no more, as if the program had been
// killed then.
type dyingCache struct {
	serverlist.Cache
	left int
}

func (d *dyingCache) Store(name string, data []byte, seen time.Time) error {
	if d.left == 0 {
		return errors.New("killed")
	}
	d.left--
	return d.Cache.Store(name, data, seen)
}

// A program is killed after any of its stores. What it has stored verifies at
// the next start, without network: lists come after the trust documents.
func TestKilledBetweenStores(t *testing.T) {
	for stores, want := range []string{"shipped", "shipped", "shipped", "rotated"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlay(t)
			p.cfg.Static = p.shipped(p.servers("shipped"), nil)
			p.rotate(false)
			p.Publish(serverlisttest.Mirrors())
			inner := serverlist.DirCache(t.TempDir())
			p.cfg.Cache = &dyingCache{inner, stores}
			expectList(t, p.refresh(), serverlist.SourceLive, "rotated")
			p.cfg.Cache = inner
			r, err := p.client().Cached()
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range r.Attempts {
				if a.Outcome == serverlist.OutcomeRefused {
					t.Errorf("after %d stores: %s", stores, a)
				}
			}
			if got := ids(r.List)[0]; got != want {
				t.Errorf("after %d stores shows %s, want %s%s", stores, got, want, lines(r.Attempts))
			}
		})
	}
}

// Two programs share a cache; the newer one pins a later trust document. It
// stores that too, and so does not take away the older one's list.
func TestCacheOfTwoPins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t)
		dir := serverlist.DirCache(t.TempDir())
		p.cfg.Cache = dir
		older := p.cfg
		expectList(t, p.refresh(), serverlist.SourceLive, "cat2")
		p.rotate(false)
		p.cfg.Trust = p.Chain().Newest().Bytes()
		for i := range 2 { // until no generation is of the older program
			p.Clock.Advance(time.Hour)
			p.publish(fmt.Sprintf("news-%d", i))
			expectList(t, p.refresh(), serverlist.SourceLive, fmt.Sprintf("news-%d", i))
		}
		older.HTTP = &http.Client{Transport: serverlisttest.Net{}}
		p.cfg = older
		expectList(t, p.refresh(), serverlist.SourceCached, "news-1")
		if entries, err := dir.Load("trust/1.trust"); err != nil || len(entries) > 0 {
			t.Errorf("stored what every program pins or is ahead of: %d, %v", len(entries), err)
		}
	})
}

// Two programs know one trust document with different signatures, each of them
// enough. They do not write it again and again.
func TestTrustIsStoredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t)
		p.rotate(false)
		var docs [][]byte
		for _, signers := range [][]string{{"admin/alice", "admin/bob"}, {"admin/bob", "admin/carol"}} {
			doc, err := keys.Sign(p.Chain().Newest().Text(), p.Signer(signers[0]), p.Signer(signers[1]))
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, doc)
		}
		counter := &dyingCache{serverlist.DirCache(t.TempDir()), 100}
		p.cfg.Cache = counter
		for round := range 3 {
			for _, doc := range docs {
				p.cfg.Trust = doc
				r := p.refresh()
				expectList(t, r, serverlist.SourceLive, "rotated")
				if got := attemptWith(r.Attempts, "cannot store it"); got != "" {
					t.Errorf("round %d: %s", round, got)
				}
			}
			counter.left = 0
		}
	})
}

// What was written ahead and not kept leaves nothing behind: the older of two
// editions that come at once, and what a cache that is locked cannot take.
func TestNothingIsLeftInCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a", "b")
		dir := t.TempDir()
		p.cfg.Cache = serverlist.DirCache(dir)
		p.site["a"].SetFault(serverlisttest.Frozen)
		for i := range 5 {
			p.Clock.Advance(time.Hour)
			p.publish(fmt.Sprintf("news-%d", i))
			if i == 3 {
				err := p.cfg.Cache.(serverlist.SharedCache).StoreUnless("conflict/1", nil, time.Time{}, func([]serverlist.CacheEntry) bool {
					p.refresh()
					return true
				})
				if err != nil {
					t.Error(err)
				}
			}
			p.refresh()
		}
		temps, err := filepath.Glob(filepath.Join(dir, ".durable-*"))
		if err != nil || len(temps) > 0 {
			t.Errorf("left behind: %v, %v", temps, err)
		}
		expectList(t, p.refresh(), serverlist.SourceLive, "news-4")
	})
}
