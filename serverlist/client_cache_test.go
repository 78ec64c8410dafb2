package serverlist_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// brokenCache fails where it is told to.
type brokenCache struct {
	serverlist.Cache
	load, store error
}

func (b brokenCache) Load(name string) ([]serverlist.CacheEntry, error) {
	if b.load != nil {
		return nil, b.load
	}
	return b.Cache.Load(name)
}

func (b brokenCache) Store(name string, data []byte, seen time.Time) error {
	if b.store != nil {
		return b.store
	}
	return b.Cache.Store(name, data, seen)
}

// A cache that cannot be written or read costs the cache, and says so.
func TestBrokenCache(t *testing.T) {
	t.Parallel()
	t.Run("cannot be written", func(t *testing.T) {
		t.Parallel()
		p := newPlay(t, "a")
		p.cfg.Cache = brokenCache{serverlist.DirCache(t.TempDir()), nil, errors.New("read-only file system")}
		c := p.client()
		for range 2 {
			r, err := c.Refresh(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			expectList(t, r, serverlist.SourceLive, "cat2")
			expectAttempt(t, r.Attempts, "cache/server.list: failed: cannot store it: read-only file system; it is shown all the same")
		}
		r, err := c.Cached() // in memory
		if err != nil || r.From == "cache/server.list" {
			t.Fatalf("%v, from %s", err, r.From)
		}
		expectList(t, r, serverlist.SourceCached, "cat2")
	})
	t.Run("cannot be read", func(t *testing.T) {
		t.Parallel()
		p := newPlay(t, "a")
		p.cfg.Cache = brokenCache{serverlist.DirCache(t.TempDir()), errors.New("input/output error"), nil}
		r := p.refresh()
		expectList(t, r, serverlist.SourceLive, "cat2")
		expectAttempt(t, r.Attempts, "cache/server.list: failed: cannot read the cache: input/output error")
		p.cfg.Static = p.shipped(p.servers("shipped"), nil)
		clear(p.net)
		r = p.refresh()
		expectList(t, r, serverlist.SourceStatic, "shipped")
		expectAttempt(t, r.Attempts, "cache/server.list: failed: cannot read the cache: input/output error")
	})
	t.Run("is a file", func(t *testing.T) {
		t.Parallel()
		p := newPlay(t, "a")
		file := filepath.Join(t.TempDir(), "cache")
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		p.cfg.Cache = serverlist.DirCache(file)
		r := p.refresh()
		expectList(t, r, serverlist.SourceLive, "cat2")
		expectAttempt(t, r.Attempts, file, "failed: cannot store it")
	})
	t.Run("holds nonsense", func(t *testing.T) {
		t.Parallel()
		p := newPlay(t, "a")
		p.cfg.Cache = serverlist.DirCache(t.TempDir())
		p.cfg.Static = p.shipped(p.servers("shipped"), nil)
		clear(p.net)
		for _, name := range []string{"server.list", "mirror.list", "trust/2.trust"} {
			p.store(name, []byte("<html>"), p.Clock.Now())
		}
		r := p.refresh()
		expectList(t, r, serverlist.SourceStatic, "shipped")
		expectAttempt(t, r.Attempts, "server.list: refused: envelope")
		expectAttempt(t, r.Attempts, "2.trust: refused: envelope")
	})
	t.Run("newest generation is damaged", func(t *testing.T) {
		t.Parallel()
		p := newPlay(t, "a")
		clear(p.net)
		dir := t.TempDir()
		p.cfg.Cache = serverlist.DirCache(dir)
		for _, id := range []string{"old", "new"} {
			p.store("server.list", p.servers(id), p.Clock.Now())
			p.Clock.Advance(time.Second)
		}
		expectList(t, p.refresh(), serverlist.SourceCached, "new")
		file := filepath.Join(dir, "server.list")
		data, _ := os.ReadFile(file)
		data[len(data)-5] ^= 1
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		r := p.refresh()
		expectList(t, r, serverlist.SourceCached, "old")
		expectAttempt(t, r.Attempts, file+": refused: body")
	})
}

// Two programs share a folder: neither goes back behind what the other has.
func TestSharedCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		p.cfg.Cache = serverlist.DirCache(t.TempDir())
		one, two := p.client(), p.client()
		expectList(t, refresh(t, one), serverlist.SourceLive, "cat2")
		p.publish("middle")
		newest := p.publish("newest")
		expectList(t, refresh(t, two), serverlist.SourceLive, "newest")
		for _, site := range p.site {
			site.SetFault(serverlisttest.Old)
		}
		expectList(t, refresh(t, one), serverlist.SourceCached, "newest")
		for _, site := range p.site {
			site.SetFault(serverlisttest.Honest)
		}
		expectList(t, refresh(t, one), serverlist.SourceLive, "newest")
		entries, err := p.cfg.Cache.Load("server.list")
		if err != nil || len(entries) != 2 || string(entries[0].Data) != string(newest) {
			t.Errorf("%d generations, %v", len(entries), err)
		}
	})
}

// racingCache stores a newer list of another program just before ours.
type racingCache struct {
	serverlist.Cache
	newer []byte
	seen  time.Time
	once  sync.Once
}

func (r *racingCache) Load(name string) ([]serverlist.CacheEntry, error) {
	entries, err := r.Cache.Load(name)
	if name == "server.list" {
		r.once.Do(func() { err = errors.Join(err, r.Cache.Store(name, r.newer, r.seen)) })
	}
	return entries, err
}

func TestNewerInCacheStays(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "a")
	inner := serverlist.DirCache(t.TempDir())
	p.Clock.Advance(time.Minute)
	p.cfg.Cache = &racingCache{Cache: inner, newer: p.servers("newer"), seen: p.Clock.Now()}
	p.Clock.Advance(-time.Minute)
	expectList(t, p.refresh(), serverlist.SourceLive, "cat2")
	p.cfg.Cache = inner
	clear(p.net)
	expectList(t, p.refresh(), serverlist.SourceCached, "newer")
}

func TestTieGoesToTheCache(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	clear(p.net)
	p.cfg.Cache, p.cfg.Static = serverlist.DirCache(t.TempDir()), p.Folder()
	p.store("server.list", p.Folder()["server.list"].Data, p.Clock.Now())
	expectList(t, p.refresh(), serverlist.SourceCached, "cat2")
}

// A newer static list of a new program beats the old cache, and what a mirror
// confirms is stored.
func TestStaticConfirmed(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "a")
	p.cfg.Cache = serverlist.DirCache(t.TempDir())
	p.cfg.Static = p.shipped(p.Folder()["server.list"].Data, nil)
	p.Clock.Advance(-time.Hour)
	p.store("server.list", p.servers("old"), p.Clock.Now())
	p.Clock.Advance(time.Hour)
	c := p.client()
	r, _ := c.Cached()
	expectList(t, r, serverlist.SourceStatic, "cat2")
	expectList(t, refresh(t, c), serverlist.SourceLive, "cat2")
	p.cfg.Static = nil
	clear(p.net)
	expectList(t, p.refresh(), serverlist.SourceCached, "cat2")
}

// What is unchanged is asked for with the ETag, and stays live.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "a")
	c := p.client()
	for i := range 3 {
		r := refresh(t, c)
		expectList(t, r, serverlist.SourceLive, "cat2")
		if i > 0 {
			expectAttempt(t, r.Attempts, "http://a.example/server.list: unchanged")
			expectAttempt(t, r.Attempts, "http://root.example/mirror.list: unchanged")
		}
	}
	asked := p.site["a"].Asked()
	if n := len(slices.DeleteFunc(asked, func(s string) bool { return s != "server.list (conditional)" })); n != 2 {
		t.Errorf("%d conditional requests", n)
	}
}

// The root may name itself in the mirror list, under further URLs: in the shipped
// one, and in a newer one.
func TestRootInMirrorList(t *testing.T) {
	for _, up := range []string{"shipped", "newer"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlay(t)
			mirrors := func(name string) []byte {
				body, err := serverlist.EncodeMirrors([]serverlist.Mirror{{ID: "root", URLs: urls(name), Root: true}})
				if err != nil {
					t.Fatal(err)
				}
				return p.Sign(serverlist.Draft{Type: serverlist.TypeMirrorList, Body: body})
			}
			p.cfg.Static = p.shipped(nil, mirrors("shipped"))
			p.Clock.Advance(time.Minute)
			p.cfg.Cache = serverlist.DirCache(t.TempDir())
			p.store("mirror.list", mirrors("newer"), p.Clock.Now())
			delete(p.net, "root.example")
			p.net[up+".example"] = p.site["root"]
			r := p.refresh()
			expectList(t, r, serverlist.SourceLive, "cat2")
			expectAttempt(t, r.Attempts, "http://"+up+".example/mirror.list: ")
			if r.From != "http://"+up+".example/server.list" {
				t.Errorf("from %s", r.From)
			}
		})
	}
}

// The root is down for weeks and a mirror's list names a newer mirror list.
func TestMirrorListFromMirror(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		p.cfg.Static = p.shipped(nil, p.mirrorList("a"))
		delete(p.net, "root.example")
		p.Clock.Advance(time.Minute)
		p.Publish(serverlisttest.Mirrors(urls("a", "b")...))
		p.Publish(serverlist.Draft{Mirrors: p.Clock.Now().Unix()})
		r := p.refresh()
		if len(r.Mirrors.Mirrors) != 2 {
			t.Errorf("knows %d mirrors%s", len(r.Mirrors.Mirrors), lines(r.Attempts))
		}
		expectAttempt(t, r.Attempts, "http://a.example/mirror.list: used")
	})
}

// A mirror's URL may be the server list itself, and redirect.
func TestMirrorIsAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t)
		p.Publish(serverlisttest.Mirrors("http://users.example/~someone/my.list"))
		p.net["users.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/~someone/my.list":
				http.Redirect(rw, r, "http://cdn.example/server.list", http.StatusFound)
			default:
				http.NotFound(rw, r)
			}
		})
		p.net["cdn.example"] = p.site["root"]
		r := p.refresh()
		expectList(t, r, serverlist.SourceLive, "cat2")
		if r.From != "http://users.example/~someone/my.list" {
			t.Errorf("from %s", r.From)
		}
		expectAttempt(t, r.Attempts, "http://users.example/~someone/trust/2.trust: absent")
	})
}

// Two clients and two goroutines of each, on one folder.
func TestClientsAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "a", "b")
	p.cfg.Cache = serverlist.DirCache(t.TempDir())
	var wg sync.WaitGroup
	for range 2 {
		c := p.client()
		for range 2 {
			wg.Go(func() {
				for range 3 {
					r, err := c.Refresh(t.Context())
					if err != nil || r.Source != serverlist.SourceLive {
						t.Errorf("%v, %s", err, r.Source)
					}
					if _, err := c.Cached(); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
}
