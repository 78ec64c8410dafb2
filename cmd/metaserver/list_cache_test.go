package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A cacheWorld is a root on loopback and a cache that real programs share.
type cacheWorld struct {
	*serverlisttest.Root
	url, trust, cache string
}

func newCacheWorld(t *testing.T) *cacheWorld {
	dir := t.TempDir()
	w := &cacheWorld{
		Root:  serverlisttest.NewRoot(serverlisttest.Options{Now: time.Now().Add(-time.Hour)}),
		trust: filepath.Join(dir, "1.trust"), cache: filepath.Join(dir, "cache"),
	}
	writeFile(t, w.trust, string(w.Pinned()))
	w.url = w.Site(serverlisttest.Honest).Start(t).URL
	return w
}

// publish publishes an edition of so many servers, of about 300 bytes each.
func (w *cacheWorld) publish(t *testing.T, servers int) {
	t.Helper()
	var all []serverlist.Server
	for i := range servers {
		id := fmt.Sprintf("server-%d", i)
		all = append(all, serverlist.Server{ID: id, Name: id, Addresses: []string{id + ".example.net:13327"}, Description: strings.Repeat("all are welcome ", 14)})
	}
	body, err := serverlist.EncodeServers(all)
	if err != nil {
		t.Fatal(err)
	}
	w.Publish(serverlist.Draft{Body: body})
}

// list prepares the real program.
func (w *cacheWorld) list(root string) (cmd *exec.Cmd, out *bytes.Buffer) {
	cmd, out = exec.Command("metaserver", "list", "--trust", w.trust, "--root", root, "--cache", w.cache, "--json"), new(bytes.Buffer)
	cmd.Stdout = out
	return cmd, out
}

// held is the version of the list that a launcher without network would show at
// this moment; 0 if it would show none.
func (w *cacheWorld) held(t *testing.T) int64 {
	t.Helper()
	client, err := serverlist.New(serverlist.Config{Trust: w.Pinned(), Cache: serverlist.DirCache(w.cache)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := client.Cached()
	if err != nil {
		return 0
	}
	return r.List.Head.Version
}

// unfinished counts the files that somebody writes, or was killed over.
func (w *cacheWorld) unfinished(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.cache, durable.TempPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// TestListKilledWhileStoring: two programs share a cache, and one of them is
// killed while something is written there. At every moment there is a list for
// whoever starts next, never older than one that has been shown and kept, and
// the lock of the dead one holds nobody up.
func TestListKilledWhileStoring(t *testing.T) {
	t.Parallel()
	w := newCacheWorld(t)
	var shown int64
	for round := range 8 {
		w.publish(t, 1500)
		left := w.unfinished(t)
		victim, _ := w.list(w.url)
		other, out := w.list(w.url)
		for _, cmd := range []*exec.Cmd{victim, other} {
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
		}
		ended := make(chan struct{})
		go func() { victim.Wait(); close(ended) }()
		for seen := 0; seen <= round; { // a different moment each round
			if w.unfinished(t) > left {
				seen++
			}
			select {
			case <-ended:
				seen = round + 1 // too fast
			default:
			}
		}
		victim.Process.Kill()
		<-ended
		if held := w.held(t); held < shown {
			t.Errorf("version %d was shown, the cache has %d", shown, held)
		}
		if err := other.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if l := decode[listOutput](t, out.Bytes()); l.Source != "live" {
			t.Errorf("the one that lives on shows a list that is %s", l.Source)
		} else if !l.tried("cannot store it") { // as after three seconds, on a busy machine
			shown = l.Version
		}
	}
	offline, out := w.list("http://127.0.0.1:1/")
	if err := offline.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if l := decode[listOutput](t, out.Bytes()); l.Source != "cached" || l.Version < shown || shown == 0 {
		t.Errorf("offline version %d is shown, %s; before it was %d", l.Version, l.Source, shown)
	}
}
