//go:build unix

package serverlist_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// What may lie in a cache folder, and in the folder that a program ships with,
// in place of a document.
var oddFiles = map[string]func(t *testing.T, path string) error{
	"pipe":      func(_ *testing.T, path string) error { return syscall.Mkfifo(path, 0o600) },
	"folder":    func(_ *testing.T, path string) error { return os.MkdirAll(filepath.Join(path, "full"), 0o700) },
	"device":    func(_ *testing.T, path string) error { return os.Symlink("/dev/zero", path) },
	"circle":    func(_ *testing.T, path string) error { return os.Symlink(filepath.Base(path), path) },
	"dead link": func(_ *testing.T, path string) error { return os.Symlink("nowhere", path) },
	"not ours":  func(_ *testing.T, path string) error { return os.WriteFile(path, nil, 0) },
	"a terabyte": func(_ *testing.T, path string) error {
		return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
	},
	"a socket": listenAt,
	"half of one": func(_ *testing.T, path string) error {
		return os.WriteFile(path, []byte("ms.example.org\ntype ser"), 0o600)
	},
}

func listenAt(t *testing.T, path string) error {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	return err
}

// plant puts a thing in the place of every document of a folder.
func plant(t *testing.T, dir string, thing func(*testing.T, string) error, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), thing(t, path)); err != nil {
			t.Fatal(err)
		}
	}
}

// Somebody has put other things than documents into the cache. That costs the
// cache at most: the client neither waits for them nor reads them, and shows
// what the mirror has, and what it ships with.
func TestOddFilesInCache(t *testing.T) {
	t.Parallel()
	for name, thing := range oddFiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.cache = shortTempDir(t)
			s.cfg.Cache = serverlist.DirCache(s.cache)
			s.cfg.Static = s.folderWithout("trust/1.trust")
			plant(t, s.cache, thing, "server.list", "server.list.previous", "server.list.seen", "mirror.list", "trust/2.trust", "conflict/1")
			within(t, func() {
				s.expect(liveGood)
				s.publish("newest")
				s.expect("live, fresh: newest")
				s.goDown()
				s.cfg.Cache = serverlist.DirCache(filepath.Join(s.cache, "trust"))
				s.expect("static, fresh: good")
			})
		})
	}
}

// The same in the folder that the program ships with.
func TestOddFilesInStaticFolder(t *testing.T) {
	t.Parallel()
	for name, thing := range oddFiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			dir := shortTempDir(t)
			plant(t, dir, thing, "server.list", "mirror.list", "trust/2.trust")
			s.cfg.Static = os.DirFS(dir)
			within(t, func() { s.expect(liveGood) })
		})
	}
}

// shortTempDir is a folder with a name short enough for sockets.
func shortTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "odd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// within fails if f hangs.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("it waits for something that never comes")
	}
}
