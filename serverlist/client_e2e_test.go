package serverlist_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// A published folder, as a root or mirror has it, behind a real file server.
type folder struct {
	dir    string
	server *httptest.Server
}

func newFolder(t testing.TB) *folder {
	t.Helper()
	dir := t.TempDir()
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(s.Close)
	return &folder{dir, s}
}

func (f *folder) put(t testing.TB, name string, data []byte) {
	t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (f *folder) url() string { return f.server.URL + "/" }

func (w docWorld) mirrorList(t testing.TB, urls ...string) []byte {
	t.Helper()
	var list []serverlist.Mirror
	for i, u := range urls {
		list = append(list, serverlist.Mirror{ID: fmt.Sprintf("m%d", i), Operator: fmt.Sprintf("Operator %d", i), URLs: []string{u}})
	}
	body, err := serverlist.EncodeMirrors(list)
	if err != nil {
		t.Fatal(err)
	}
	d := w.draft(body)
	d.Type = serverlist.TypeMirrorList
	return w.sign(t, d)
}

// TestClientOnSockets is the whole way with real servers, connections and
// files; the other tests of the client look at the details without them.
func TestClientOnSockets(t *testing.T) {
	t.Parallel()
	w := newDocWorld(t)
	doc := w.sign(t, w.draft(manyServers(t, 1000)))
	root, good, tampered := newFolder(t), newFolder(t), newFolder(t)
	changed := append([]byte(nil), doc...)
	changed[len(changed)/2] ^= 1
	for _, f := range []*folder{root, good, tampered} {
		f.put(t, "mirror.list", w.mirrorList(t, good.url(), tampered.url()))
		f.put(t, "trust/1.trust", w.chain.Pinned().Bytes())
		f.put(t, "server.list", doc)
	}
	tampered.put(t, "server.list", changed)

	cacheDir, staticDir := filepath.Join(t.TempDir(), "cache"), root.dir
	cfg := serverlist.Config{
		Trust: w.chain.Pinned().Bytes(), Root: []string{root.server.URL}, Cache: serverlist.DirCache(cacheDir),
		Now: func() time.Time { return docIssued.Add(time.Hour) },
	}
	refresh := func() serverlist.Result {
		t.Helper()
		c, err := serverlist.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(r.List.Servers) != 1000 {
			t.Errorf("%d servers", len(r.List.Servers))
		}
		return r
	}
	for range 5 {
		if err := os.RemoveAll(cacheDir); err != nil {
			t.Fatal(err)
		}
		if r := refresh(); r.Source != serverlist.SourceLive || r.From != good.url()+"server.list" {
			t.Errorf("%s from %s: %v", r.Source, r.From, r.Attempts)
		}
	}
	root.server.Close()
	if r := refresh(); r.Source != serverlist.SourceLive {
		t.Errorf("root down: %s, %v", r.Source, r.Attempts)
	}
	good.server.Close()
	tampered.server.Close()
	if r := refresh(); r.Source != serverlist.SourceCached || r.From != filepath.Join(cacheDir, "server.list") {
		t.Errorf("all down: %s from %s", r.Source, r.From)
	}
	if err := os.RemoveAll(cacheDir); err != nil {
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
	w := newDocWorld(t)
	root := newFolder(t)
	root.put(t, "server.list", w.sign(t, w.draft(nil)))
	root.put(t, "mirror.list", w.mirrorList(t, "http://127.0.0.1:1/"))
	stuck := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	c, err := serverlist.New(serverlist.Config{
		Trust: w.chain.Pinned().Bytes(), Root: []string{stuck.URL, root.url()},
		Tuning: serverlist.Tuning{HedgeEmpty: time.Millisecond, HedgeHeld: time.Millisecond, Silent: 50 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if r, err := c.Refresh(context.Background()); err != nil || r.Source != serverlist.SourceLive {
			t.Errorf("%v, %v", r.Source, err)
		}
	}
	root.server.Close()
	stuck.Close()
	goleak.VerifyNone(t, before)
}

// BenchmarkRefresh is a refresh on loopback with a list of about 3 MB, beside a
// plain GET of the same bytes: with nothing new, and with a new edition.
func BenchmarkRefresh(b *testing.B) {
	w := newDocWorld(b)
	body := manyServers(b, 11_000)
	root, mirror := newFolder(b), newFolder(b)
	edition := 0
	publish := func(n int) []byte {
		d := w.draft(body)
		d.Issued = d.Issued.Add(time.Duration(n) * time.Second)
		d.FreshUntil, d.OldAfter = d.Issued.AddDate(1, 0, 0), d.Issued.AddDate(2, 0, 0)
		d.Version = d.Issued.Unix()
		doc := w.sign(b, d)
		root.put(b, "server.list", doc)
		mirror.put(b, "server.list", doc)
		return doc
	}
	root.put(b, "mirror.list", w.mirrorList(b, mirror.url()))
	doc := publish(0)
	newClient := func(b *testing.B, cache serverlist.Cache) *serverlist.Client {
		c, err := serverlist.New(serverlist.Config{Trust: w.chain.Pinned().Bytes(), Root: []string{root.url()}, Cache: cache})
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
			get(b, mirror.url()+"server.list")
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
				edition++
				publish(edition)
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
