package serverlist

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
)

// A cache that cannot be written or read costs the cache, and says so.
func TestBrokenCache(t *testing.T) {
	t.Parallel()
	t.Run("cannot be written", func(t *testing.T) {
		t.Parallel()
		p := newPlay(t, "a")
		p.cfg.Cache = brokenCache{DirCache(t.TempDir()), nil, errors.New("read-only file system")}
		c := p.client()
		for range 2 {
			r, err := c.Refresh(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			expectList(t, r, SourceLive, "cat2")
			expectAttempt(t, r.Attempts, "cache/server.list: failed: cannot store it: read-only file system; it is shown all the same")
		}
		r, err := c.Cached() // in memory
		if err != nil || r.From == "cache/server.list" {
			t.Fatalf("%v, from %s", err, r.From)
		}
		expectList(t, r, SourceCached, "cat2")
	})
	t.Run("cannot be read", func(t *testing.T) {
		t.Parallel()
		p := newPlay(t, "a")
		p.cfg.Cache = brokenCache{DirCache(t.TempDir()), errors.New("input/output error"), nil}
		r := p.refresh()
		expectList(t, r, SourceLive, "cat2")
		expectAttempt(t, r.Attempts, "cache/server.list: failed: cannot read the cache: input/output error")
		p.cfg.Static = static(p.servers("shipped"), nil)
		clear(p.net)
		r = p.refresh()
		expectList(t, r, SourceStatic, "shipped")
		expectAttempt(t, r.Attempts, "cache/server.list: failed: cannot read the cache: input/output error")
	})
	t.Run("is a file", func(t *testing.T) {
		t.Parallel()
		p := newPlay(t, "a")
		file := filepath.Join(t.TempDir(), "cache")
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		p.cfg.Cache = DirCache(file)
		r := p.refresh()
		expectList(t, r, SourceLive, "cat2")
		expectAttempt(t, r.Attempts, file, "failed: cannot store it")
	})
	t.Run("holds nonsense", func(t *testing.T) {
		t.Parallel()
		p := newPlay(t, "a")
		p.cfg.Cache = DirCache(t.TempDir())
		p.cfg.Static = static(p.servers("shipped"), nil)
		clear(p.net)
		for _, name := range []string{"server.list", "mirror.list", "trust/2.trust"} {
			if err := p.cfg.Cache.Store(name, []byte("<html>"), p.now); err != nil {
				t.Fatal(err)
			}
		}
		r := p.refresh()
		expectList(t, r, SourceStatic, "shipped")
		expectAttempt(t, r.Attempts, "server.list: refused: envelope")
		expectAttempt(t, r.Attempts, "2.trust: refused: envelope")
	})
	t.Run("newest generation is damaged", func(t *testing.T) {
		t.Parallel()
		p := newPlay(t, "a")
		clear(p.net)
		dir := t.TempDir()
		p.cfg.Cache = DirCache(dir)
		old := p.servers("old")
		p.now = p.now.Add(time.Second)
		for _, doc := range [][]byte{old, p.servers("new")} {
			if err := p.cfg.Cache.Store("server.list", doc, p.now); err != nil {
				t.Fatal(err)
			}
		}
		expectList(t, p.refresh(), SourceCached, "new")
		file := filepath.Join(dir, "server.list")
		data, _ := os.ReadFile(file)
		data[len(data)-5] ^= 1
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		r := p.refresh()
		expectList(t, r, SourceCached, "old")
		expectAttempt(t, r.Attempts, file+": refused: body")
	})
}

// Two programs share a folder: neither goes back behind what the other has.
func TestSharedCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		p.cfg.Cache = DirCache(t.TempDir())
		one, two := p.client(), p.client()
		refresh := func(c *Client) Result {
			t.Helper()
			r, err := c.Refresh(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		expectList(t, refresh(one), SourceLive, "cat2")
		p.now = p.now.Add(time.Second)
		middle := p.servers("middle")
		p.now = p.now.Add(time.Second)
		newest := p.servers("newest")
		put := func(doc []byte) {
			p.root.put("/server.list", doc)
			p.site("a").put("/server.list", doc)
		}
		put(newest)
		expectList(t, refresh(two), SourceLive, "newest")
		put(middle)
		expectList(t, refresh(one), SourceCached, "newest")
		put(newest)
		expectList(t, refresh(one), SourceLive, "newest")
		entries, err := p.cfg.Cache.Load("server.list")
		if err != nil || len(entries) != 2 || string(entries[0].Data) != string(newest) {
			t.Errorf("%d generations, %v", len(entries), err)
		}
	})
}

// racingCache stores a newer list of another program just before ours.
type racingCache struct {
	Cache
	newer []byte
	seen  time.Time
	once  sync.Once
}

func (r *racingCache) Load(name string) ([]CacheEntry, error) {
	entries, err := r.Cache.Load(name)
	if name == "server.list" {
		r.once.Do(func() { err = errors.Join(err, r.Cache.Store(name, r.newer, r.seen)) })
	}
	return entries, err
}

func TestNewerInCacheStays(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "a")
	now := p.now
	p.now = now.Add(time.Minute)
	inner := DirCache(t.TempDir())
	p.cfg.Cache = &racingCache{Cache: inner, newer: p.servers("newer"), seen: now}
	p.now = now
	expectList(t, p.refresh(), SourceLive, "cat2")
	p.cfg.Cache = inner
	clear(p.net)
	expectList(t, p.refresh(), SourceCached, "newer")
}

func TestTieGoesToTheCache(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	clear(p.net)
	doc := p.servers("cat2")
	p.cfg.Cache, p.cfg.Static = DirCache(t.TempDir()), static(doc, nil)
	if err := p.cfg.Cache.Store("server.list", doc, p.now); err != nil {
		t.Fatal(err)
	}
	expectList(t, p.refresh(), SourceCached, "cat2")
}

// A newer static list of a new program beats the old cache, and what a mirror
// confirms is stored.
func TestStaticConfirmed(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "a")
	p.cfg.Cache = DirCache(t.TempDir())
	shipped := p.servers("cat2")
	p.now = p.now.Add(-time.Hour)
	if err := p.cfg.Cache.Store("server.list", p.servers("old"), p.now); err != nil {
		t.Fatal(err)
	}
	p.now = p.now.Add(time.Hour)
	p.cfg.Static = static(shipped, nil)
	c := p.client()
	r, _ := c.Cached()
	expectList(t, r, SourceStatic, "cat2")
	r, err := c.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expectList(t, r, SourceLive, "cat2")
	p.cfg.Static = nil
	clear(p.net)
	expectList(t, p.refresh(), SourceCached, "cat2")
}

// What is unchanged is asked for with the ETag, and stays live.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "a")
	c := p.client()
	for i := range 3 {
		r, err := c.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		expectList(t, r, SourceLive, "cat2")
		if i > 0 {
			expectAttempt(t, r.Attempts, "http://a.example/server.list: unchanged")
			expectAttempt(t, r.Attempts, "http://root.example/mirror.list: unchanged")
		}
	}
	asked := p.site("a").asked()
	if n := len(slices.DeleteFunc(asked, func(s string) bool { return s != "/server.list (conditional)" })); n != 2 {
		t.Errorf("%d conditional requests", n)
	}
}

// The root may name itself in the mirror list, under further URLs.
func TestRootInMirrorList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t)
		p.net["second.example"] = p.root
		p.cfg.Static = static(nil, p.mirrors("root http://second.example/"))
		delete(p.net, "root.example")
		r := p.refresh()
		expectList(t, r, SourceLive, "cat2")
		expectAttempt(t, r.Attempts, "http://second.example/mirror.list: ")
		if r.From != "http://second.example/server.list" {
			t.Errorf("from %s", r.From)
		}
	})
}

// The root is down for weeks and a mirror's list names a newer mirror list.
func TestMirrorListFromMirror(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		p.cfg.Static = static(nil, p.mirrorList("a"))
		delete(p.net, "root.example")
		p.now = p.now.Add(time.Minute)
		p.site("a").put("/mirror.list", p.mirrorList("a", "b"))
		p.site("a").put("/server.list", p.sign(TypeServerList, nil, func(d *Draft) { d.Mirrors = p.now.Unix() }))
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
		p.root.put("/mirror.list", p.mirrors("someone http://users.example/~someone/my.list"))
		p.net["users.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/~someone/my.list":
				http.Redirect(rw, r, "http://cdn.example/server.list", http.StatusFound)
			default:
				http.NotFound(rw, r)
			}
		})
		p.net["cdn.example"] = p.root
		r := p.refresh()
		expectList(t, r, SourceLive, "cat2")
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
	p.cfg.Cache = DirCache(t.TempDir())
	var wg sync.WaitGroup
	for range 2 {
		c := p.client()
		for range 2 {
			wg.Go(func() {
				for range 3 {
					r, err := c.Refresh(t.Context())
					if err != nil || r.Source != SourceLive {
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
