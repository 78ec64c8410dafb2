package serverlist_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// lockTaken is part of the error of who waited for the lock in vain.
const lockTaken = "another program holds the lock"

// Two programs store at once: neither's document is lost, and neither's record.
func TestDirCacheStoresAtOnce(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	for range 40 {
		dir := t.TempDir()
		if err := serverlist.DirCache(dir).Store("server.list", []byte("9"), day(9)); err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		for n := 10; n <= 11; n++ {
			both.Go(func() {
				store := func() error {
					return serverlist.DirCache(dir).Store("server.list", fmt.Append(nil, n), day(n))
				}
				err := store()
				for err != nil && strings.Contains(err.Error(), lockTaken) { // for seconds, on a busy machine
					err = store()
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		entries, err := serverlist.DirCache(dir).Load("server.list")
		if err != nil || len(entries) != 2 {
			t.Fatalf("holds %v, %v", entries, err)
		}
		for _, e := range entries {
			if n, err := strconv.Atoi(string(e.Data)); err != nil || !e.FirstSeen.Equal(day(n)) {
				t.Fatalf("%s was first seen at %v", e.Data, e.FirstSeen)
			}
		}
	}
}

// Whatever stays decides, it decides on what is there when the document would
// be stored.
func TestStoreUnless(t *testing.T) {
	t.Parallel()
	c := serverlist.DirCache(t.TempDir())
	count := func(held []serverlist.CacheEntry) bool { return len(held) == 2 }
	for i, want := range []string{"0", "10", "10"} {
		if err := c.StoreUnless("server.list", fmt.Append(nil, i), time.Now(), count); err != nil {
			t.Fatal(err)
		}
		entries, err := c.Load("server.list")
		got := ""
		for _, e := range entries {
			got += string(e.Data)
		}
		if err != nil || got != want {
			t.Errorf("after %d holds %q, %v; want %q", i, got, err, want)
		}
	}
}

// Two programs get different editions at once. Whoever stores last, the next
// start does not go back behind the newer one.
func TestTwoClientsAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		p := newPlay(t)
		p.cfg.Cache = serverlist.DirCache(t.TempDir())
		p.store("server.list", p.servers("first"), p.Clock.Now())
		var both sync.WaitGroup
		for _, id := range []string{"middle", "newest"} {
			p.Clock.Advance(time.Minute)
			cfg, site := p.cfg, p.Site(serverlisttest.Honest)
			site.Put("server.list", p.servers(id))
			cfg.HTTP = &http.Client{Transport: serverlisttest.Net{"root.example": site}}
			c, err := serverlist.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			both.Go(func() {
				for {
					r, err := c.Refresh(t.Context())
					if err != nil {
						t.Error(err)
					}
					if !strings.Contains(lines(r.Attempts), lockTaken) { // for seconds, on a busy machine
						return
					}
				}
			})
		}
		both.Wait()
		entries, err := p.cfg.Cache.Load("server.list")
		if err != nil || len(entries) == 0 {
			t.Fatalf("holds %v, %v", entries, err)
		}
		if got := ids(p.Open(serverlist.TypeServerList, entries[0].Data)); got[0] != "newest" {
			t.Fatalf("the next start shows %q", got)
		}
	}
}

// A program that holds the lock and hangs costs the others the store, not the
// list.
func TestCacheLockHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		dir := t.TempDir()
		p.cfg.Cache = serverlist.DirCache(dir)
		locked, free := make(chan struct{}), make(chan struct{})
		var holder sync.WaitGroup
		holder.Go(func() {
			err := serverlist.DirCache(dir).StoreUnless("conflict/1", nil, time.Time{}, func([]serverlist.CacheEntry) bool {
				close(locked)
				<-free
				return true
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-locked
		c := p.client()
		r := refresh(t, c)
		expectList(t, r, serverlist.SourceLive, "cat2")
		expectAttempt(t, r.Attempts, filepath.Join(dir, "server.list"), "failed: cannot store it", lockTaken)
		close(free)
		holder.Wait()
		r = refresh(t, c)
		if entries, err := p.cfg.Cache.Load("server.list"); err != nil || len(entries) != 1 {
			t.Errorf("holds %v, %v%s", entries, err, lines(r.Attempts))
		}
	})
}

// lockedFolderEnv names the folder that the test program locks until it is
// killed.
const lockedFolderEnv = "SERVERLIST_TEST_LOCKED_FOLDER"

func TestHelperHoldsLock(t *testing.T) {
	dir := os.Getenv(lockedFolderEnv)
	if dir == "" {
		t.Skip("runs in a process of its own, for TestCacheLockOfKilledProgram")
	}
	t.Error(serverlist.DirCache(dir).StoreUnless("server.list", nil, time.Time{}, func([]serverlist.CacheEntry) bool {
		fmt.Println("locked")
		select {}
	}))
}

// A program is killed while it stores. The lock goes with it.
func TestCacheLockOfKilledProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperHoldsLock$")
	cmd.Env = append(os.Environ(), lockedFolderEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := sync.OnceFunc(func() { cmd.Process.Kill(); cmd.Wait() })
	defer kill()
	for in := bufio.NewScanner(out); ; {
		if !in.Scan() {
			t.Fatal("the other program ended")
		}
		if in.Text() == "locked" {
			break
		}
	}
	if err := serverlist.DirCache(dir).Store("server.list", []byte("ours"), time.Time{}); err == nil {
		t.Error("stored though another program holds the lock")
	}
	kill()
	if err := serverlist.DirCache(dir).Store("server.list", []byte("ours"), time.Time{}); err != nil {
		t.Error(err)
	}
}

// Stores that fail half way leave the record of what is held.
func TestFailedStoresKeepRecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := serverlist.DirCache(dir)
	seen := time.Date(2026, 11, 3, 11, 42, 0, 0, time.UTC)
	if err := c.Store("server.list", []byte("held"), seen); err != nil {
		t.Fatal(err)
	}
	// Where the generation before belongs is a folder with something in it.
	if err := os.MkdirAll(filepath.Join(dir, "server.list.previous", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := c.Store("server.list", fmt.Append(nil, i), seen.Add(time.Hour)); err == nil {
			t.Fatal("stored")
		}
	}
	entries, err := c.Load("server.list")
	if err != nil || len(entries) != 1 || string(entries[0].Data) != "held" || !entries[0].FirstSeen.Equal(seen) {
		t.Errorf("holds %v, %v", entries, err)
	}
}
