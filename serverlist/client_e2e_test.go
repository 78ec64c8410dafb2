package serverlist_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestClientOnSockets is the whole way with real servers, connections and
// files; the other tests of the client look at the details without them.
func TestClientOnSockets(t *testing.T) {
	t.Parallel()
	root := newRoot()
	root.Publish(serverlist.Draft{Body: manyServers(t, 1000)})
	server := root.Site(serverlisttest.Honest).Start(t)
	good, tampered := root.Site(serverlisttest.Honest).Start(t), root.Site(serverlisttest.BodyByte).Start(t)
	root.Publish(serverlisttest.Mirrors(good.URL, tampered.URL))

	cacheDir := filepath.Join(t.TempDir(), "cache")
	cfg := serverlist.Config{
		Trust: root.Pinned(), Root: []string{server.URL}, Cache: serverlist.DirCache(cacheDir), Now: root.Clock.Now,
		Tuning: serverlist.Tuning{HedgeEmpty: time.Minute}, // on a busy machine, too, the root is asked last
	}
	refresh := func() serverlist.Result {
		t.Helper()
		c, err := serverlist.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r := refresh(t, c)
		if len(r.List.Servers) != 1000 {
			t.Errorf("%d servers", len(r.List.Servers))
		}
		return r
	}
	for range 5 {
		if err := os.RemoveAll(cacheDir); err != nil {
			t.Fatal(err)
		}
		if r := refresh(); r.Source != serverlist.SourceLive || r.From != good.URL+"/server.list" {
			t.Errorf("%s from %s: %v", r.Source, r.From, r.Attempts)
		}
	}
	server.Close()
	if r := refresh(); r.Source != serverlist.SourceLive {
		t.Errorf("root down: %s, %v", r.Source, r.Attempts)
	}
	good.Close()
	tampered.Close()
	if r := refresh(); r.Source != serverlist.SourceCached || r.From != filepath.Join(cacheDir, "server.list") {
		t.Errorf("all down: %s from %s", r.Source, r.From)
	}
	if err := os.RemoveAll(cacheDir); err != nil {
		t.Fatal(err)
	}
	staticDir := t.TempDir()
	if err := os.CopyFS(staticDir, root.Folder()); err != nil {
		t.Fatal(err)
	}
	cfg.Static = os.DirFS(staticDir)
	if r := refresh(); r.Source != serverlist.SourceStatic {
		t.Errorf("cache deleted: %s", r.Source)
	}
}

// TestNothingLingers is alone while it runs: goroutines are those of the whole
// program.
func TestNothingLingers(t *testing.T) {
	before := goleak.IgnoreCurrent()
	root := newRoot()
	root.Publish(serverlist.Draft{})
	root.Publish(serverlisttest.Mirrors("http://127.0.0.1:1/"))
	server, stuck := root.Site(serverlisttest.Honest).Start(t), root.Site(serverlisttest.Silent).Start(t)
	c, err := serverlist.New(serverlist.Config{
		Trust: root.Pinned(), Root: []string{stuck.URL, server.URL},
		Tuning: serverlist.Tuning{HedgeEmpty: time.Millisecond, HedgeHeld: time.Millisecond, Silent: 50 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if r := refresh(t, c); r.Source != serverlist.SourceLive {
			t.Errorf("%v", r.Source)
		}
	}
	server.Close()
	stuck.Close()
	goleak.VerifyNone(t, before)
}

// BenchmarkRefresh is a refresh on loopback with a list of about 3 MB, beside a
// plain GET of the same bytes: with nothing new, and with a new edition.
func BenchmarkRefresh(b *testing.B) {
	root := newRoot()
	now := time.Now().Truncate(time.Second)
	root.Clock.Set(now)
	draft := serverlist.Draft{Body: manyServers(b, 11_000), FreshUntil: now.AddDate(1, 0, 0)}
	doc := root.Publish(draft)
	mirror := root.Site(serverlisttest.Honest).Start(b)
	root.Publish(serverlisttest.Mirrors(mirror.URL))
	cfg := serverlist.Config{Trust: root.Pinned(), Root: []string{root.Site(serverlisttest.Honest).Start(b).URL}}
	newClient := func(b *testing.B, cache serverlist.Cache) *serverlist.Client {
		cfg := cfg
		cfg.Cache = cache
		c, err := serverlist.New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	refresh := func(b *testing.B, c *serverlist.Client) {
		if r, err := c.Refresh(b.Context()); err != nil || r.Source != serverlist.SourceLive {
			b.Fatal(r.Source, err)
		}
	}
	b.Run("plain-get", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			get(b, mirror.URL+"/server.list")
		}
	})
	b.Run("nothing-new", func(b *testing.B) {
		c := newClient(b, serverlist.DirCache(b.TempDir()))
		refresh(b, c)
		b.ReportAllocs()
		for b.Loop() {
			refresh(b, c)
		}
	})
	for name, cache := range map[string]func(b *testing.B) serverlist.Cache{
		"new-edition":        func(*testing.B) serverlist.Cache { return nil },
		"new-edition-cached": func(b *testing.B) serverlist.Cache { return serverlist.DirCache(b.TempDir()) },
	} {
		b.Run(name, func(b *testing.B) {
			c := newClient(b, cache(b))
			b.ReportAllocs()
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				b.StopTimer()
				root.Publish(draft)
				b.StartTimer()
				refresh(b, c)
			}
		})
	}
}

func get(tb testing.TB, url string) {
	tb.Helper()
	resp, err := http.Get(url)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil {
		tb.Fatal(err)
	}
}
