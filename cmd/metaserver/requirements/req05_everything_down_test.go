package requirements_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// TestRequirement05_EverythingDown: the root, every mirror, or both.
func TestRequirement05_EverythingDown(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	r.list("Alpha")
	folder := filepath.Join(t.TempDir(), "www")
	if _, err := r.mirrorTo(folder).Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	static := filepath.Join(t.TempDir(), "static") // as the last release was built
	command(t, "bundle", "--trust", filepath.Join(r.data, "public", "trust", "1.trust"), "--root", r.url(), "--out", static)
	web := webSpace(t, folder)
	if _, err := r.Admin.AddMirror(t.Context(), api.NewMirror{Mirror: api.Mirror{ID: "one", Operator: "One", URLs: []string{web.URL + "/"}}}); err != nil {
		t.Fatal(err)
	}
	r.list("Beta")
	if _, err := r.mirrorTo(folder).Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	cache := serverlist.DirCache(t.TempDir())
	public := r.url()
	open := func(cache serverlist.Cache) *serverlist.Client {
		return player(t, serverlist.Config{Root: []string{public}, Cache: cache, Static: os.DirFS(static)})
	}
	sees(t, open(cache), serverlist.SourceLive, "Alpha", "Beta")

	r.stop()
	if from := sees(t, open(cache), serverlist.SourceLive, "Alpha", "Beta").From; from != web.URL+"/server.list" {
		t.Errorf("the root is down, and the list is from %s", from)
	}
	web.Close()
	sees(t, open(cache), serverlist.SourceCached, "Alpha", "Beta")
	sees(t, open(serverlist.DirCache(t.TempDir())), serverlist.SourceStatic, "Alpha")

	r.start() // every mirror down, and not the root
	public = r.url()
	sees(t, open(serverlist.DirCache(t.TempDir())), serverlist.SourceLive, "Alpha", "Beta")
}
