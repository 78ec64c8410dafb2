package serverlist_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A mirror that serves an old edition does not win, whichever is asked first.
func TestFrozenMirror(t *testing.T) {
	for i := range 10 {
		synctest.Test(t, func(t *testing.T) {
			p := newPlay(t, "frozen", "good")
			p.site["frozen"].SetFault(serverlisttest.Frozen)
			p.Clock.Advance(time.Hour)
			p.publish("news")
			expectList(t, p.refresh(), serverlist.SourceLive, "news")
			if slices.Contains(p.site["root"].Asked(), "server.list") {
				t.Errorf("round %d: the root was asked though two operators can be compared", i)
			}
		})
	}
}

// The newer list that a comparison finds may be large and the line slow.
func TestNewsMayTakeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "frozen", "slow")
		p.site["frozen"].SetFault(serverlisttest.Frozen)
		p.Clock.Advance(time.Hour)
		doc := p.Publish(serverlist.Draft{Body: manyServers(t, 1000)})
		p.net["slow.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				p.site["slow"].ServeHTTP(rw, r)
				return
			}
			dripping(doc, 10<<10, time.Second, 0).ServeHTTP(rw, r) // about 30 s
		})
		p.site["root"].Put("server.list", nil)
		if r := p.refresh(); len(r.List.Servers) != 1000 || r.From != "http://slow.example/server.list" {
			t.Errorf("%d servers from %s%s", len(r.List.Servers), r.From, lines(r.Attempts))
		}
	})
}

// When all mirrors of the list are frozen, the list they serve is not fresh
// one day, and then somebody who is not on it is asked. In many of the orders in
// which they may be asked that happens without the day, so it is tried often.
func TestFrozenMirrors(t *testing.T) {
	for range 10 {
		synctest.Test(t, frozenMirrors)
	}
}

func frozenMirrors(t *testing.T) {
	p := newPlay(t, "a", "b")
	p.cfg.Static = p.shipped(nil, p.mirrorList("outsider"))
	p.cfg.Root = nil
	old := p.Folder()["server.list"].Data
	p.site["a"].SetFault(serverlisttest.Frozen)
	p.site["b"].SetFault(serverlisttest.Frozen)
	p.net["outsider.example"] = p.Site(serverlisttest.Honest)
	p.Clock.Advance(47 * time.Hour)
	// The mirror list in the cache is newer than the static one and does
	// not name the outsider.
	p.cfg.Cache = serverlist.DirCache(t.TempDir())
	mirrors := p.mirrorList("a", "b")
	p.Clock.Advance(time.Hour)
	p.publish("news")
	p.store("mirror.list", mirrors, p.Clock.Now())
	p.store("server.list", old, p.Clock.Now())
	r := p.refresh()
	expectList(t, r, serverlist.SourceLive, "news")
	if r.From != "http://outsider.example/server.list" || len(r.Mirrors.Mirrors) != 2 {
		t.Errorf("from %s", r.From)
	}

	// Without the outsider the frozen list is still shown, and labelled.
	delete(p.net, "outsider.example")
	p.cfg.Cache = nil
	p.cfg.Static = p.shipped(old, mirrors)
	r = p.refresh()
	expectList(t, r, serverlist.SourceLive, "cat2")
	if r.Freshness != serverlist.Stale || r.Age != 49*time.Hour {
		t.Errorf("%s, age %v", r.Freshness, r.Age)
	}
}

func TestRollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a", "b")
		p.cfg.Cache = serverlist.DirCache(t.TempDir())
		p.Clock.Advance(time.Hour)
		p.store("server.list", p.servers("newer"), p.Clock.Now())
		r := p.refresh()
		expectList(t, r, serverlist.SourceCached, "newer")
		for _, host := range []string{"a", "b", "root"} {
			expectAttempt(t, r.Attempts, "http://"+host+".example/server.list: older")
		}
	})
}

// Two editions of one number: what is held stays, and the evidence is kept.
func TestEquivocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		dir := t.TempDir()
		p.cfg.Cache = serverlist.DirCache(dir)
		expectList(t, p.refresh(), serverlist.SourceLive, "cat2")
		p.site["a"].Put("server.list", p.servers("impostor"))
		for range 2 {
			r := p.refresh()
			expectList(t, r, serverlist.SourceLive, "cat2") // the root still has it
			expectAttempt(t, r.Attempts, "http://a.example/server.list: refused: signed with the epoch and version", "tell the admins")
		}
		files, _ := filepath.Glob(filepath.Join(dir, "conflict", "[0-9]"))
		if len(files) != 1 {
			t.Fatalf("evidence in %v", files)
		}
		pair, _ := os.ReadFile(files[0])
		parts := bytes.SplitAfter(pair, []byte("\n\n")) // text and signatures of each, and nothing after them
		if len(parts) != 5 || len(parts[4]) > 0 {
			t.Fatalf("evidence:\n%s", pair)
		}
		for _, head := range [][]byte{slices.Concat(parts[0], parts[1]), slices.Concat(parts[2], parts[3])} {
			if _, err := serverlist.OpenHead(head, p.Want(serverlist.TypeServerList), p.Chain()); err != nil {
				t.Errorf("evidence does not verify: %v", err)
			}
		}
	})
}

func TestEvidenceIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 8
		p := newPlay(t, "a")
		dir := t.TempDir()
		p.cfg.Cache = serverlist.DirCache(dir)
		p.refresh()
		for i := range most + 3 {
			p.site["a"].Put("server.list", p.servers(fmt.Sprintf("impostor-%d", i)))
			p.refresh()
		}
		files, _ := filepath.Glob(filepath.Join(dir, "conflict", "[0-9]*"))
		files = slices.DeleteFunc(files, func(f string) bool { return filepath.Ext(f) != "" })
		if len(files) != most {
			t.Errorf("%d pairs", len(files))
		}
	})
}

// rotate publishes trust/2 with another list key, which revokes the one before
// if asked, and an edition signed by it.
func (p *play) rotate(revoke bool) {
	p.Clock.Advance(time.Hour)
	change := serverlisttest.Change{Lists: []string{"list/2"}}
	if revoke {
		change.Revoke = []string{"list/1"}
	}
	p.Amend(change)
	p.Clock.Advance(time.Minute)
	p.publish("rotated")
}

// Whoever is asked first has the new list key's signature; the client walks
// the chain there and goes on.
func TestRotation(t *testing.T) {
	for name, rootDown := range map[string]bool{"root up": false, "root down": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t, "a", "b")
				dir := t.TempDir()
				p.cfg.Cache = serverlist.DirCache(dir)
				p.Clock.Advance(-time.Hour)
				p.cfg.Static = p.shipped(p.servers("shipped"), nil)
				p.Clock.Advance(time.Hour)
				expectList(t, p.refresh(), serverlist.SourceLive, "cat2")
				p.rotate(false)
				if rootDown {
					delete(p.net, "root.example")
				}
				// Offline, a client that has not heard of it shows its cache.
				delete(p.net, "a.example")
				delete(p.net, "b.example")
				if rootDown {
					expectList(t, p.refresh(), serverlist.SourceCached, "cat2")
				}
				p.net["a.example"], p.net["b.example"] = p.site["a"], p.site["b"]

				r := p.refresh()
				expectList(t, r, serverlist.SourceLive, "rotated")
				if n := r.Trust.Newest().Version; n != 2 {
					t.Errorf("trust document %d", n)
				}
				expectAttempt(t, r.Attempts, "/trust/2.trust: used")

				// The next start knows trust/2 from the cache, without network.
				clear(p.net)
				r = p.refresh()
				expectList(t, r, serverlist.SourceCached, "rotated")
				// And a list of the old key is still good enough to be shown.
				if err := os.Remove(filepath.Join(dir, "server.list")); err != nil {
					t.Fatal(err)
				}
				expectList(t, p.refresh(), serverlist.SourceCached, "cat2")
				if err := os.Remove(filepath.Join(dir, "server.list.previous")); err != nil {
					t.Fatal(err)
				}
				expectList(t, p.refresh(), serverlist.SourceStatic, "shipped")
			})
		})
	}
}

// A stolen list key is revoked. What was stored before that stays; what was
// stored after it, or nobody knows when, goes: the generation before it or the
// shipped list is shown instead.
func TestRevocation(t *testing.T) {
	for name, tt := range map[string]struct {
		seen time.Duration // of the cached list after it was issued; the revocation is an hour after that; negative: unknown
		want string
	}{
		"seen before":  {0, "cached"},
		"seen after":   {2 * time.Hour, "shipped"},
		"seen unknown": {-1, "shipped"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t)
				p.cfg.Cache = serverlist.DirCache(t.TempDir())
				p.cfg.Static = p.shipped(p.servers("shipped"), nil)
				p.Clock.Advance(time.Second)
				var seen time.Time
				if tt.seen >= 0 {
					seen = p.Clock.Now().Add(tt.seen)
				}
				p.store("server.list", p.servers("cached"), seen)
				// The root has the new trust document, but no list yet.
				p.rotate(true)
				p.site["root"].Put("server.list", nil)
				source := serverlist.SourceCached
				if tt.want == "shipped" {
					source = serverlist.SourceStatic
				}
				r := p.refresh()
				expectList(t, r, source, tt.want)
				if tt.want == "shipped" {
					expectAttempt(t, r.Attempts, "server.list: refused", "revoked")
				}
				// Without network the next start comes to the same result.
				clear(p.net)
				expectList(t, p.refresh(), source, tt.want)
			})
		})
	}
}

// A mirror answers with a list of the stolen key before the root tells that
// the key is revoked. The answer does not survive that, whether the root has a
// new list already or not.
func TestRevocationDuringRefresh(t *testing.T) {
	for name, tt := range map[string]struct {
		ready  bool
		source serverlist.Source
		want   string
	}{
		"new list ready":  {true, serverlist.SourceLive, "rotated"},
		"no new list yet": {false, serverlist.SourceStatic, "shipped"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t, "a")
				p.Clock.Advance(-time.Minute)
				p.cfg.Static = p.shipped(p.servers("shipped"), p.mirrorList("a"))
				p.Clock.Advance(time.Minute)
				p.site["a"].SetFault(serverlisttest.Frozen)
				p.rotate(true)
				if !tt.ready {
					p.site["root"].Put("server.list", nil)
				}
				p.net["root.example"] = slowly(400*time.Millisecond, p.site["root"])
				r := p.refresh()
				expectList(t, r, tt.source, tt.want)
				expectAttempt(t, r.Attempts, "http://a.example/server.list: used")
				expectAttempt(t, r.Attempts, "http://root.example/trust/2.trust: used")
				expectAttempt(t, r.Attempts, "http://root.example/mirror.list: refused: no longer holds")
				if !tt.ready {
					expectAttempt(t, r.Attempts, "http://a.example/server.list: refused: no longer holds", "revoked")
				}
			})
		})
	}
}

// A program may ship with later trust documents than the pinned one.
func TestStaticTrust(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	clear(p.net)
	old := p.servers("old")
	p.rotate(true)
	p.Amend(serverlisttest.Change{Lists: []string{"list/3"}})
	p.cfg.Static = p.shipped(p.servers("shipped"), nil)
	expectList(t, p.refresh(), serverlist.SourceStatic, "shipped")
	if n := p.refresh().Trust.Newest().Version; n != 3 {
		t.Errorf("trust document %d", n)
	}
	// A list of the revoked key, in a folder that says it is revoked.
	p.cfg.Static = p.shipped(old, nil)
	if r, err := p.client().Cached(); err == nil {
		t.Errorf("shows %v", r.List.Servers)
	}
}

// The trust documents of a mirror are asked for at every refresh, not only at
// the root, and those that do not hold change nothing.
func TestTrustWalkAtMirror(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		r := p.refresh()
		expectAttempt(t, r.Attempts, "http://a.example/trust/2.trust: absent")
		p.site["a"].Put("trust/2.trust", p.Pinned())
		r = p.refresh()
		expectList(t, r, serverlist.SourceLive, "cat2")
		expectAttempt(t, r.Attempts, "http://a.example/trust/2.trust: refused", "document 1 does not follow document 1")
		p.site["a"].Put("trust/2.trust", []byte("<!DOCTYPE html><title>error</title>"))
		r = p.refresh()
		expectList(t, r, serverlist.SourceLive, "cat2")
		expectAttempt(t, r.Attempts, "http://a.example/trust/2.trust: absent", "HTML")
	})
}

// Two successors of one trust document, both signed: the first stays.
func TestTrustFork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, fork := newPlay(t, "a", "b"), newRoot()
		p.cfg.Static = p.shipped(nil, p.mirrorList("a", "b"))
		delete(p.net, "root.example")
		p.rotate(false)
		fork.Amend(serverlisttest.Change{Lists: []string{"list/3"}})
		// Their lists need a trust document that nobody has: each is asked for
		// the next one, and both have answered before either is let go.
		ahead := newRoot()
		ahead.Amend(serverlisttest.Change{Lists: []string{"list/4"}})
		for name, root := range map[string]*serverlisttest.Root{"a": p.Root, "b": fork} {
			site := root.Site(serverlisttest.Honest)
			site.Put("server.list", ahead.Sign(serverlisttest.Servers("ahead")))
			p.net[name+".example"] = slowly(time.Second, site)
		}
		var none *serverlist.NoListError
		if _, err := p.client().Refresh(t.Context()); !errors.As(err, &none) {
			t.Fatal(err)
		}
		expectAttempt(t, none.Attempts, "/trust/2.trust: refused: trust document 2 differs from the one that is held")
		expectAttempt(t, none.Attempts, "/trust/2.trust: used")
	})
}
