package root_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/backup"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/rejoin"
	"github.com/signed-metaserver/metaserver/root/setup"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// backUp writes a backup of a root and returns its path.
func backUp(t *testing.T, dir string, change ...func(*backup.MakeConfig)) string {
	t.Helper()
	cfg := backup.MakeConfig{Data: dir, File: filepath.Join(t.TempDir(), "backup.tar.gz"), WithKeys: true, Program: "test"}
	for _, c := range change {
		c(&cfg)
	}
	if _, err := backup.Make(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return cfg.File
}

// list approves server n and waits until it is listed.
func (w *world) list(n int) {
	w.t.Helper()
	a := w.register(n)
	if _, err := w.client().Approve(w.t.Context(), a.ID, api.Approval{}); err != nil {
		w.t.Fatal(err)
	}
}

// mirrorOf serves what a root has published, as it is now.
func mirrorOf(t *testing.T, dir string) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(dir, "public"))); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.FileServer(http.Dir(copied)))
	t.Cleanup(srv.Close)
	return srv.URL + "/"
}

// TestBackupWhileItRuns backs a root up between registrations that never stop.
// Everything acknowledged before is in it.
func TestBackupWhileItRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.list(1)
	w.untilListed("server-1")
	before := []api.Accepted{w.register(2), w.register(3)}
	var busy sync.WaitGroup
	end := make(chan struct{})
	for worker := range 2 {
		busy.Go(func() {
			for n := 1000 * (worker + 1); ; n++ {
				select {
				case <-end:
					return
				default:
					w.register(n)
				}
			}
		})
	}
	file := backUp(t, w.dir)
	close(end)
	busy.Wait()
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	w.stop()

	to := filepath.Join(t.TempDir(), "new", "data")
	report, err := backup.Restore(t.Context(), backup.RestoreConfig{Data: to, File: file, Alone: true})
	if err != nil || report.Counts == nil || report.Counts.Listed != 1 || report.Counts.Pending < 2 {
		t.Fatalf("%+v: %v", report, err)
	}
	again := serveData(t, to)
	for _, a := range before {
		if s := decode[api.Status](t, again.get(a.StatusURL), 200); s.Status != "pending" {
			t.Errorf("%+v", s)
		}
	}
	again.untilListed("server-1")
}

// TestRestoreBesideNewerMirror: clients have seen more than the backup knows.
func TestRestoreBesideNewerMirror(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.list(1)
	w.untilListed("server-1")
	file := backUp(t, w.dir)
	w.list(2)
	w.untilListed("server-1", "server-2")
	newest := w.open("/server.list", serverlist.TypeServerList)
	cache := serverlist.DirCache(t.TempDir())
	client := func(w *world) serverlist.Result {
		t.Helper()
		c, err := serverlist.New(serverlist.Config{Trust: w.get("/trust/1.trust").body, Root: []string{w.public + "/"}, Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	client(w)
	w.stop()
	mirror := mirrorOf(t, w.dir)

	to := filepath.Join(t.TempDir(), "data")
	_, err := backup.Restore(t.Context(), backup.RestoreConfig{Data: to, File: file, Mirrors: []string{mirror}})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(to)
	if err != nil {
		t.Fatal(err)
	}
	var restored *rejoin.RestoredError
	if _, err := root.New(cfg); !errors.As(err, &restored) {
		t.Fatalf("a restored root is served without a look at its mirrors: %v", err)
	}
	found, err := rejoin.Run(t.Context(), cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Absent) != 1 || found.Absent[0] != "server-2" || len(found.Differ)+len(found.Extra) != 0 || len(found.Lists) == 0 {
		t.Errorf("%+v", found)
	}
	if again, err := rejoin.Run(t.Context(), cfg, false); again != nil || err != nil {
		t.Errorf("a second time: %+v, %v", again, err)
	}

	// Nothing is lost meanwhile: the mirror's list is served until an admin has
	// decided.
	r := serveData(t, to)
	if got := r.open("/server.list", serverlist.TypeServerList); got.Head.Version != newest.Head.Version {
		t.Errorf("serves version %d, clients have %d", got.Head.Version, newest.Head.Version)
	}
	if seen := client(r); len(seen.List.Servers) != 2 {
		t.Errorf("a client lost servers: %+v", seen.List.Servers)
	}
	r.list(2)
	r.list(3)
	r.untilListed("server-1", "server-2", "server-3")
	if got := client(r); got.List.Head.Version <= newest.Head.Version || len(got.List.Servers) != 3 {
		t.Errorf("goes on at %d after %d", got.List.Head.Version, newest.Head.Version)
	}
}

// TestRestoreWithoutMirrors: nobody answers, so the operator has to say that
// this is meant.
func TestRestoreWithoutMirrors(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	file := backUp(t, dir)
	to := filepath.Join(t.TempDir(), "data")
	silent := httptest.NewServer(http.NotFoundHandler())
	defer silent.Close()
	if _, err := backup.Restore(t.Context(), backup.RestoreConfig{Data: to, File: file, Mirrors: []string{silent.URL + "/"}}); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(to)
	if err != nil {
		t.Fatal(err)
	}
	var nobody *rejoin.NoMirrorError
	if _, err := rejoin.Run(t.Context(), cfg, false); !errors.As(err, &nobody) || !strings.Contains(err.Error(), silent.URL) {
		t.Fatalf("%v", err)
	}
	if _, err := root.New(cfg); err == nil {
		t.Fatal("it is served all the same")
	}
	if found, err := rejoin.Run(t.Context(), cfg, true); err != nil || !found.Alone {
		t.Fatal(found, err)
	}
	serveData(t, to).register(1)
}

// TestRestoreForked: a mirror has a list of the same number that the backup
// has, signed by the same key.
func TestRestoreForked(t *testing.T) {
	t.Parallel()
	at := time.Now().Truncate(time.Second).Add(time.Second)
	clock := func() time.Time { return at }
	dir := newData(t, func(c *setup.Config) { c.Now = clock })
	file := backUp(t, dir)
	other := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"keys", "admin.token"} { // as CopyFS leaves them
		filepath.WalkDir(filepath.Join(other, d), func(path string, e fs.DirEntry, _ error) error {
			if !e.IsDir() {
				os.Chmod(path, 0o600)
			}
			return nil
		})
	}
	// The other one goes on alone, and so does the one that is restored.
	w := serveData(t, other, func(c *config.Config) { c.Now = func() time.Time { return at.Add(time.Minute) } })
	w.list(1)
	w.untilListed("server-1")
	w.stop()
	w = serveData(t, dir, func(c *config.Config) { c.Now = func() time.Time { return at.Add(time.Minute) } })
	w.list(2)
	w.untilListed("server-2")
	w.stop()
	to := filepath.Join(t.TempDir(), "restored")
	_, err := backup.Restore(t.Context(), backup.RestoreConfig{Data: to, File: file, Mirrors: []string{mirrorOf(t, dir), mirrorOf(t, other)}})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(to)
	if err != nil {
		t.Fatal(err)
	}
	before := readFile(t, filepath.Join(to, "public", "server.list"))
	var fork *rejoin.ForkError
	if _, err := rejoin.Run(t.Context(), cfg, false); !errors.As(err, &fork) {
		t.Fatalf("%v", err)
	}
	if string(readFile(t, filepath.Join(to, "public", "server.list"))) != string(before) {
		t.Error("a list was taken over")
	}
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	taken := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(taken, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		cfg  backup.MakeConfig
		says string
	}{
		"no root":       {backup.MakeConfig{Data: t.TempDir(), File: filepath.Join(t.TempDir(), "x")}, "no root"},
		"a taken name":  {backup.MakeConfig{Data: dir, File: taken}, "exist"},
		"public folder": {backup.MakeConfig{Data: dir, File: filepath.Join(dir, "public", "x")}, "the world reads"},
		"no folder":     {backup.MakeConfig{Data: dir, File: filepath.Join(dir, "none", "x")}, "no such file"},
	} {
		if _, err := backup.Make(t.Context(), test.cfg); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want %q in it", what, err, test.says)
		}
	}
	if string(readFile(t, taken)) != "mine" {
		t.Error("a file was overwritten")
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	file := backUp(t, dir)
	damaged := filepath.Join(t.TempDir(), "damaged")
	data := readFile(t, file)
	for i := range 64 { // one bit alone may say the same in other words, as of where zeros are copied from
		data[len(data)/2+i] ^= 0xff
	}
	if err := os.WriteFile(damaged, data, 0o600); err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	for what, test := range map[string]struct {
		cfg  backup.RestoreConfig
		says string
	}{
		"over a root":     {backup.RestoreConfig{Data: dir, File: file}, "holds a root already"},
		"a full folder":   {backup.RestoreConfig{Data: full, File: file}, "not empty"},
		"a damaged file":  {backup.RestoreConfig{Data: filepath.Join(parent, "a"), File: damaged}, "backup"},
		"no file":         {backup.RestoreConfig{Data: filepath.Join(parent, "b"), File: filepath.Join(parent, "none")}, "no such file"},
		"a wrong mirror":  {backup.RestoreConfig{Data: filepath.Join(parent, "c"), File: file, Mirrors: []string{"ftp://x/"}}, "http"},
		"another content": {backup.RestoreConfig{Data: filepath.Join(parent, "d"), File: filepath.Join(dir, "root.toml")}, "no whole backup"},
	} {
		if _, err := backup.Restore(t.Context(), test.cfg); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want %q in it", what, err, test.says)
		}
	}
	if left, _ := os.ReadDir(parent); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Without keys nothing in the archive can sign or log in.
func TestBackupWithoutKeys(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	file := backUp(t, dir, func(c *backup.MakeConfig) { c.WithKeys = false })
	to := filepath.Join(t.TempDir(), "data")
	report, err := backup.Restore(t.Context(), backup.RestoreConfig{Data: to, File: file, Alone: true})
	if err != nil || !report.NoKeys {
		t.Fatal(report, err)
	}
	keys, _ := os.ReadDir(filepath.Join(to, "keys"))
	for _, k := range keys {
		if !strings.HasSuffix(k.Name(), ".pub") {
			t.Errorf("%s is in the backup", k.Name())
		}
	}
	if _, err := os.Stat(filepath.Join(to, "admin.token")); err == nil {
		t.Error("the admin token is in the backup")
	}
	if says := runFails(t, to); !strings.Contains(says, "keys/list.key") {
		t.Errorf("without its key: %s", says)
	}
	for _, name := range []string{"keys/list.key", "admin.token"} {
		if err := os.WriteFile(filepath.Join(to, name), readFile(t, filepath.Join(dir, name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	serveData(t, to).register(1)
}
