package serverlist_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// evidence are the pairs of heads that a folder has, without the generations
// before them.
func evidence(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "conflict", "[0-9]"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Another program has stored another edition of one number: what this one shows
// stays, and both heads are kept.
func TestHeldStaysWhateverIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		dir := t.TempDir()
		p.cfg.Cache = serverlist.DirCache(dir)
		c := p.client()
		expectList(t, refresh(t, c), serverlist.SourceLive, "cat2")
		p.store("server.list", p.servers("impostor"), p.Clock.Now())
		clear(p.net)
		for range 2 {
			r := refresh(t, c)
			expectList(t, r, serverlist.SourceCached, "cat2")
			expectAttempt(t, r.Attempts, "server.list: refused: has the epoch and version of the list in use, but differs")
		}
		if files := evidence(t, dir); len(files) != 1 {
			t.Errorf("evidence in %v", files)
		}
	})
}

// Another program stores an edition just before this one has another of the same
// number: what is stored stays.
func TestStoredStaysWhateverIsFetched(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "a")
	inner := serverlist.DirCache(t.TempDir())
	p.cfg.Cache = &racingCache{Cache: inner, newer: p.servers("first"), seen: p.Clock.Now()}
	expectList(t, p.refresh(), serverlist.SourceLive, "cat2")
	p.cfg.Cache = inner
	clear(p.net)
	expectList(t, p.refresh(), serverlist.SourceCached, "first")
}

// A mirror that adds signature lines to one head, or a program that holds the
// other of the two, fills no further place.
func TestEvidenceOfOnePairIsKeptOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		dir := t.TempDir()
		p.cfg.Cache = serverlist.DirCache(dir)
		p.refresh()
		genuine, impostor := p.Folder()["server.list"].Data, serverlisttest.Servers("impostor")
		for i := range 3 {
			p.site["a"].Put("server.list", p.Sign(impostor, p.Signer("list/1"), p.Signer(fmt.Sprintf("stranger/%d", i))))
			p.refresh()
		}
		p.cfg.Static = p.shipped(p.Sign(impostor), nil)
		p.cfg.Cache = memoryOnly{p.cfg.Cache}
		p.site["a"].Put("server.list", genuine)
		expectList(t, p.refresh(), serverlist.SourceStatic, "impostor")
		if files := evidence(t, dir); len(files) != 1 {
			t.Errorf("evidence in %v", files)
		}
	})
}

// memoryOnly has no lists.
type memoryOnly struct{ serverlist.Cache }

func (m memoryOnly) Load(name string) ([]serverlist.CacheEntry, error) {
	if filepath.Ext(name) == ".list" {
		return nil, nil
	}
	return m.Cache.Load(name)
}

func (m memoryOnly) Store(name string, data []byte, seen time.Time) error {
	if bytes.HasSuffix([]byte(name), []byte(".list")) {
		return nil
	}
	return m.Cache.Store(name, data, seen)
}
