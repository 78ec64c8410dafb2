package serverlist

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A mirror that serves an old edition does not win, whichever is asked first.
func TestFrozenMirror(t *testing.T) {
	for i := range 10 {
		synctest.Test(t, func(t *testing.T) {
			p := newPlay(t, "frozen", "good")
			p.now = p.now.Add(time.Hour)
			p.site("good").put("/server.list", p.servers("news"))
			expectList(t, p.refresh(), SourceLive, "news")
			if slices.Contains(p.root.asked(), "/server.list") {
				t.Errorf("round %d: the root was asked though two operators can be compared", i)
			}
		})
	}
}

// The newer list that a comparison finds may be large and the line slow.
func TestNewsMayTakeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "frozen", "slow")
		p.now = p.now.Add(time.Hour)
		doc := p.bigServers(300 << 10)
		head := p.newSite(doc, nil)
		p.net["slow.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				head.ServeHTTP(rw, r)
				return
			}
			dripping(doc, 10<<10, time.Second, 0).ServeHTTP(rw, r) // 30 s
		})
		p.root.put("/server.list", nil)
		if r := p.refresh(); len(r.List.Servers) < 900 || r.From != "http://slow.example/server.list" {
			t.Errorf("%d servers from %s%s", len(r.List.Servers), r.From, lines(r.Attempts))
		}
	})
}

// When all mirrors of the list are frozen, the list they serve is not fresh
// one day, and then somebody who is not on it is asked.
func TestFrozenMirrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a", "b")
		p.cfg.Static = static(nil, p.mirrors("outsider http://outsider.example/"))
		p.cfg.Root = nil
		old := p.servers("cat2")
		p.now = p.now.Add(48 * time.Hour)
		p.net["outsider.example"] = p.newSite(p.servers("news"), nil)
		// The mirror list in the cache is newer than the static one and does
		// not name the outsider.
		p.cfg.Cache = DirCache(t.TempDir())
		p.now = p.now.Add(-time.Hour)
		mirrors := p.mirrorList("a", "b")
		p.now = p.now.Add(time.Hour)
		if err := p.cfg.Cache.Store("mirror.list", mirrors, p.now); err != nil {
			t.Fatal(err)
		}
		if err := p.cfg.Cache.Store("server.list", old, p.now); err != nil {
			t.Fatal(err)
		}
		r := p.refresh()
		expectList(t, r, SourceLive, "news")
		if r.From != "http://outsider.example/server.list" || len(r.Mirrors.Mirrors) != 2 {
			t.Errorf("from %s", r.From)
		}

		// Without the outsider the frozen list is still shown, and labelled.
		delete(p.net, "outsider.example")
		p.cfg.Cache = nil
		p.cfg.Static = static(old, mirrors)
		r = p.refresh()
		expectList(t, r, SourceLive, "cat2")
		if r.Freshness != Stale || r.Age != 49*time.Hour {
			t.Errorf("%s, age %v", r.Freshness, r.Age)
		}
	})
}

func TestRollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a", "b")
		p.cfg.Cache = DirCache(t.TempDir())
		p.now = p.now.Add(time.Hour)
		if err := p.cfg.Cache.Store("server.list", p.servers("newer"), p.now); err != nil {
			t.Fatal(err)
		}
		r := p.refresh()
		expectList(t, r, SourceCached, "newer")
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
		p.cfg.Cache = DirCache(dir)
		expectList(t, p.refresh(), SourceLive, "cat2")
		p.site("a").put("/server.list", p.servers("impostor"))
		for range 2 {
			r := p.refresh()
			expectList(t, r, SourceLive, "cat2") // the root still has it
			expectAttempt(t, r.Attempts, "http://a.example/server.list: refused: signed with the epoch and version", "tell the admins")
		}
		files, _ := filepath.Glob(filepath.Join(dir, "conflict", "[0-9]"))
		if len(files) != 1 {
			t.Fatalf("evidence in %v", files)
		}
		pair, _ := os.ReadFile(files[0])
		for _, head := range bytes.SplitAfterN(pair, []byte("\n\n"), 3)[:2] {
			if len(head) == 0 {
				t.Errorf("evidence:\n%s", pair)
			}
		}
		end := noteEnd(pair) + 1
		for _, head := range [][]byte{pair[:end], pair[end:]} {
			if _, err := OpenHead(head, p.want(TypeServerList), p.chain(1)); err != nil {
				t.Errorf("evidence does not verify: %v", err)
			}
		}
	})
}

func TestEvidenceIsBounded(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	dir := t.TempDir()
	p.cfg.Cache = DirCache(dir)
	c := p.client()
	for i := range maxConflicts + 3 {
		c.storeConflict(&ConflictError{Held: []byte("held"), Got: fmt.Append(nil, i)})
	}
	files, _ := filepath.Glob(filepath.Join(dir, "conflict", "[0-9]*"))
	files = slices.DeleteFunc(files, func(f string) bool { return filepath.Ext(f) != "" })
	if len(files) != maxConflicts {
		t.Errorf("%d pairs", len(files))
	}
}

// rotate publishes trust/2 with another list key, and editions signed by it,
// at these sites.
func (p *play) rotate(revoke bool, sites ...*site) {
	p.now = p.now.Add(time.Hour)
	if revoke {
		p.addTrust("list-2", "list-1")
	} else {
		p.addTrust("list-2")
	}
	p.now = p.now.Add(time.Minute)
	for _, s := range sites {
		s.put("/trust/2.trust", p.docs[1])
		s.put("/server.list", p.servers("rotated"))
	}
}

// Whoever is asked first has the new list key's signature; the client walks
// the chain there and goes on.
func TestRotation(t *testing.T) {
	for name, rootDown := range map[string]bool{"root up": false, "root down": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t, "a", "b")
				dir := t.TempDir()
				p.cfg.Cache = DirCache(dir)
				p.now = p.now.Add(-time.Hour)
				p.cfg.Static = static(p.servers("shipped"), nil, p.docs...)
				p.now = p.now.Add(time.Hour)
				expectList(t, p.refresh(), SourceLive, "cat2")
				sites := []*site{p.root, p.site("a"), p.site("b")}
				p.rotate(false, sites...)
				if rootDown {
					delete(p.net, "root.example")
				}
				online := p.net["a.example"]
				// Offline, a client that has not heard of it shows its cache.
				delete(p.net, "a.example")
				delete(p.net, "b.example")
				if rootDown {
					expectList(t, p.refresh(), SourceCached, "cat2")
				}
				p.net["a.example"], p.net["b.example"] = online, sites[2]

				r := p.refresh()
				expectList(t, r, SourceLive, "rotated")
				if n := r.Trust.Newest().Version; n != 2 {
					t.Errorf("trust document %d", n)
				}
				expectAttempt(t, r.Attempts, "/trust/2.trust: used")

				// The next start knows trust/2 from the cache, without network.
				clear(p.net)
				r = p.refresh()
				expectList(t, r, SourceCached, "rotated")
				// And a list of the old key is still good enough to be shown.
				if err := os.Remove(filepath.Join(dir, "server.list")); err != nil {
					t.Fatal(err)
				}
				expectList(t, p.refresh(), SourceCached, "cat2")
				if err := os.Remove(filepath.Join(dir, "server.list.previous")); err != nil {
					t.Fatal(err)
				}
				expectList(t, p.refresh(), SourceStatic, "shipped")
			})
		})
	}
}

// A stolen list key is revoked. What was stored before that stays; what was
// stored after it, or nobody knows when, goes: the generation before it or the
// shipped list is shown instead.
func TestRevocation(t *testing.T) {
	hour := func(p *play, n int) time.Time { return p.now.Add(time.Duration(n) * time.Hour) }
	for name, tt := range map[string]struct {
		seen func(p *play) time.Time // of the cached list; the revocation is an hour after it was issued
		want string
	}{
		"seen before":  {func(p *play) time.Time { return hour(p, 0) }, "cached"},
		"seen after":   {func(p *play) time.Time { return hour(p, 2) }, "shipped"},
		"seen unknown": {func(*play) time.Time { return time.Time{} }, "shipped"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t)
				p.cfg.Cache = DirCache(t.TempDir())
				p.cfg.Static = static(p.servers("shipped"), nil)
				p.now = p.now.Add(time.Second)
				if err := p.cfg.Cache.Store("server.list", p.servers("cached"), tt.seen(p)); err != nil {
					t.Fatal(err)
				}
				// The root has the new trust document, but no list yet.
				p.rotate(true, p.root)
				p.root.put("/server.list", nil)
				source := SourceCached
				if tt.want == "shipped" {
					source = SourceStatic
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
		source Source
		want   string
	}{
		"new list ready":  {true, SourceLive, "rotated"},
		"no new list yet": {false, SourceStatic, "shipped"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t, "a")
				p.now = p.now.Add(-time.Minute)
				p.cfg.Static = static(p.servers("shipped"), p.mirrorList("a"))
				p.now = p.now.Add(time.Minute)
				p.rotate(true, p.root)
				if !tt.ready {
					p.root.put("/server.list", nil)
				}
				p.net["root.example"] = slowly(400*time.Millisecond, p.root)
				r := p.refresh()
				expectList(t, r, tt.source, tt.want)
				expectAttempt(t, r.Attempts, "http://a.example/server.list: used")
				expectAttempt(t, r.Attempts, "http://root.example/trust/2.trust: used")
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
	p.cfg.Static = static(p.servers("shipped"), nil, p.docs...)
	expectList(t, p.refresh(), SourceStatic, "shipped")
	if n := p.refresh().Trust.Newest().Version; n != 2 {
		t.Errorf("trust document %d", n)
	}
	// A list of the revoked key, in a folder that says it is revoked.
	p.cfg.Static = static(old, nil, p.docs...)
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
		p.site("a").put("/trust/2.trust", p.docs[0])
		r = p.refresh()
		expectList(t, r, SourceLive, "cat2")
		expectAttempt(t, r.Attempts, "http://a.example/trust/2.trust: refused", "document 1 does not follow document 1")
		p.net["a.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/trust/2.trust" {
				status(200).ServeHTTP(rw, r)
				return
			}
			p.root.ServeHTTP(rw, r)
		})
		r = p.refresh()
		expectList(t, r, SourceLive, "cat2")
		expectAttempt(t, r.Attempts, "http://a.example/trust/2.trust: absent", "HTML")
	})
}

// Two successors of one trust document, both signed: the first stays.
func TestTrustFork(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	c := p.client()
	q := newWorld(t)
	p.addTrust("list-2")
	q.addTrust("list-3")
	if err := c.adopt(p.chain(2)); err != nil {
		t.Fatal(err)
	}
	if err := c.adopt(q.chain(2)); err == nil {
		t.Error("adopted a fork")
	}
	if err := c.adopt(p.chain(1)); err != nil || c.chain().Newest().Version != 2 {
		t.Errorf("a shorter chain: %v", err)
	}
}
