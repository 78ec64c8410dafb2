package serverlist_test

import (
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
