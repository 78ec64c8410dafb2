package root_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// TestOneProcess starts a second process on a root that is served, kills the
// first, and starts one again.
func TestOneProcess(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	child := startChild(t, dir)
	var locked *datafolder.LockedError
	if _, err := root.New(config.Config{Data: dir}); !errors.As(err, &locked) || locked.PID <= 0 || locked.PID == os.Getpid() {
		t.Errorf("beside a child: %v", err)
	}
	second := exec.Command(os.Args[0])
	second.Env = append(os.Environ(), childData+"="+dir)
	out, err := second.CombinedOutput()
	if want := fmt.Sprintf("another process (pid %d) serves the root in %s", locked.PID, dir); err == nil || !strings.Contains(string(out), want) {
		t.Errorf("a second child: %v, %s", err, out)
	}
	child.register(1) // is not disturbed
	child.stop()      // kills
	w := serveData(t, dir)
	if _, err := root.New(config.Config{Data: dir}); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("twice in one process: %v", err)
	}
	w.stop()
	startChild(t, dir).register(2)
}

// A New that fails leaves no lock behind.
func TestFailedNewUnlocks(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	away := filepath.Join(t.TempDir(), "list.key")
	key := filepath.Join(dir, "keys", "list.key")
	if err := os.Rename(key, away); err != nil {
		t.Fatal(err)
	}
	if _, err := root.New(config.Config{Data: dir}); err == nil {
		t.Error("a root without its key opens")
	}
	if err := os.Rename(away, key); err != nil {
		t.Fatal(err)
	}
	serveData(t, dir).register(1)
}

// TestStrangeDatabase: a database that is empty, or another root's, must not
// blank every client.
func TestStrangeDatabase(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, path string) error{
		"empty": func(_ *testing.T, path string) error { return os.WriteFile(path, nil, 0o600) },
		"another root's": func(t *testing.T, path string) error {
			return durable.WriteFile(path, readFile(t, filepath.Join(newData(t), "root.db")), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.register(1)
			if _, err := w.client().Approve(t.Context(), a.ID, api.Approval{}); err != nil {
				t.Fatal(err)
			}
			w.untilListed("server-1")
			w.stop()
			list := filepath.Join(w.dir, "public", "server.list")
			before := string(readFile(t, list))
			db := filepath.Join(w.dir, "root.db")
			for _, path := range []string{db, db + "-wal", db + "-shm"} {
				os.Remove(path)
			}
			if err := spoil(t, db); err != nil {
				t.Fatal(err)
			}
			if says := runFails(t, w.dir); !strings.Contains(says, "restore") || !strings.Contains(says, "backup") {
				t.Errorf("refused with %q", says)
			}
			if string(readFile(t, list)) != before {
				t.Error("another list was published")
			}
		})
	}
}

// runFails runs a root that does not start and returns why.
func runFails(t *testing.T, dir string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := root.New(config.Config{
		Data: dir, Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		Ready: func(_, _ net.Addr) { cancel() },
	})
	if err == nil {
		err = errors.Join(r.Run(ctx), r.Close())
	}
	if err == nil {
		t.Fatal("it ran")
	}
	return err.Error()
}
