package serverlist_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A cache may be several trust documents ahead of what the program was shipped
// with. What was tried is told of this time alone.
func TestCachedTrust(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	clear(p.net)
	p.cfg.Cache = serverlist.DirCache(t.TempDir())
	p.store("trust/2.trust", p.Amend(serverlisttest.Change{Lists: []string{"list/2"}}), p.Clock.Now())
	p.store("server.list", p.servers("stored"), time.Time{}) // by a key that document 3 does not have
	p.store("trust/3.trust", p.Amend(serverlisttest.Change{Lists: []string{"list/3"}}), p.Clock.Now())
	c := p.client()
	first, err := c.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expectList(t, first, serverlist.SourceCached, "stored")
	if n := first.Trust.Newest().Version; n != 3 {
		t.Errorf("trust document %d", n)
	}
	second, err := c.Refresh(t.Context()) // knows the trust documents
	if err != nil {
		t.Fatal(err)
	}
	third, err := c.Refresh(t.Context())
	if err != nil || len(third.Attempts) != len(second.Attempts) {
		t.Errorf("%d attempts, then %d (%v)%s", len(second.Attempts), len(third.Attempts), err, lines(third.Attempts))
	}
}

// Whoever had nothing but a list of the stolen key is asked again once the client
// knows that it is stolen.
func TestAskedAgainUnderNewTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		p.Clock.Advance(-time.Minute)
		p.cfg.Static = p.shipped(p.servers("shipped"), p.mirrorList("a"))
		p.Clock.Advance(time.Minute)
		p.site["a"].SetFault(serverlisttest.Frozen)
		p.rotate(true)
		p.site["root"].Put("server.list", nil)
		p.net["root.example"] = slowly(400*time.Millisecond, p.site["root"])
		fresh, begin := p.Site(serverlisttest.Honest), time.Now()
		p.net["a.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if time.Since(begin) < 300*time.Millisecond {
				p.site["a"].ServeHTTP(rw, r)
			} else {
				fresh.ServeHTTP(rw, r)
			}
		})
		r := p.refresh()
		expectList(t, r, serverlist.SourceLive, "rotated")
		expectAttempt(t, r.Attempts, "http://a.example/server.list: refused: no longer holds", "revoked")
	})
}

// A shipped list holds under what it was shipped with alone, even if the cache
// knows a trust document under which it would hold.
func TestStaticListNeedsItsTrust(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	clear(p.net)
	p.cfg.Cache = serverlist.DirCache(t.TempDir())
	p.Clock.Advance(time.Hour)
	p.store("trust/2.trust", p.Amend(serverlisttest.Change{Lists: []string{"list/2"}}), p.Clock.Now())
	folder := p.Folder()
	folder["server.list"] = file(p.servers("shipped"))
	p.cfg.Static = folder
	r, err := p.client().Cached()
	if err != nil {
		t.Fatal(err)
	}
	expectList(t, r, serverlist.SourceStatic, "shipped")
	delete(folder, "trust/2.trust")
	if r, err := p.client().Cached(); err == nil {
		t.Errorf("shows %v", ids(r.List))
	}
}

// forgetfulCache cannot store trust documents.
type forgetfulCache struct{ reusingCache }

func (c forgetfulCache) Store(name string, data []byte, seen time.Time) error {
	if strings.HasPrefix(name, "trust/") {
		return errors.New("no room")
	}
	return c.reusingCache.Store(name, data, seen)
}

// A list is not stored without the trust documents that it needs, which take the
// place of damaged ones.
func TestTrustIsStoredFirst(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.rotate(false)
	cache := reusingCache{"trust/2.trust": []byte("damaged")}
	p.cfg.Cache = forgetfulCache{cache}
	r := p.refresh()
	expectList(t, r, serverlist.SourceLive, "rotated")
	expectAttempt(t, r.Attempts, "server.list: failed", "trust/2.trust, which it needs", "no room")
	if _, stored := cache["server.list"]; stored {
		t.Error("the list was stored and its trust document was not")
	}
	p.cfg.Cache = cache
	p.refresh()
	if !bytes.Equal(cache["trust/2.trust"], p.Chain().Newest().Bytes()) || cache["server.list"] == nil {
		t.Errorf("stored is %q", cache["trust/2.trust"])
	}
}
