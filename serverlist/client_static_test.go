package serverlist_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// What the program shipped with and cannot be read is not called absent.
func TestUnreadableStatic(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "a")
	folder := p.Folder()
	for _, name := range []string{"server.list", "trust/2.trust"} {
		folder[name] = &fstest.MapFile{Mode: fs.ModeDir}
	}
	p.cfg.Static = folder
	r := p.refresh()
	expectList(t, r, serverlist.SourceLive, "cat2")
	expectAttempt(t, r.Attempts, "static/server.list: failed: cannot read it: server.list is not a file")
	expectAttempt(t, r.Attempts, "static/trust/2.trust: failed: cannot read it: trust/2.trust is not a file")
}

// An installer removes the folder of a program that runs: what is shown stays,
// as do the mirrors that it names.
func TestStaticVanishes(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "a")
	folder := p.Folder()
	p.cfg.Static = folder
	c := p.client()
	r, err := c.Cached()
	if err != nil {
		t.Fatal(err)
	}
	expectList(t, r, serverlist.SourceStatic, "cat2")
	clear(folder)
	saved := p.net["a.example"]
	clear(p.net)
	expectList(t, refresh(t, c), serverlist.SourceStatic, "cat2")
	p.net["a.example"] = saved
	expectList(t, refresh(t, c), serverlist.SourceLive, "cat2")
}
