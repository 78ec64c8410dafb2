package root_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/store/storetest"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// copyData copies the data folder of a root that does not run, as a snapshot of
// its disk would.
func copyData(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"keys", "admin.token"} { // CopyFS opens them to others
		filepath.WalkDir(filepath.Join(to, d), func(path string, e fs.DirEntry, _ error) error {
			if !e.IsDir() {
				os.Chmod(path, 0o600)
			}
			return nil
		})
	}
	return to
}

// A staticHost is a mirror on a static host: what lies in its folder.
type staticHost struct {
	t      *testing.T
	url    string
	folder string
	before atomic.Pointer[func(http.ResponseWriter, *http.Request) (done bool)]
}

func newStaticHost(t *testing.T) *staticHost {
	h := &staticHost{t: t, folder: t.TempDir()}
	files := http.FileServer(http.Dir(h.folder))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before := h.before.Load(); before != nil && (*before)(w, r) {
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	h.url = srv.URL + "/"
	return h
}

// take brings what a root has published to the host.
func (h *staticHost) take(dir string) {
	h.t.Helper()
	os.RemoveAll(h.folder)
	if err := os.CopyFS(h.folder, os.DirFS(filepath.Join(dir, "public"))); err != nil {
		h.t.Fatal(err)
	}
}

// setBack makes a root that lists server-1, and returns its data folder as it
// was before it listed server-2, too, and that of now. The mirror has what it
// published last.
func setBack(t *testing.T, h *staticHost) (old, dir string) {
	t.Helper()
	dir = newData(t)
	w := serveData(t, dir)
	if _, err := w.client().AddMirror(t.Context(), api.NewMirror{Unchecked: true, Mirror: api.Mirror{ID: "a", Operator: "A", URLs: []string{h.url}}}); err != nil {
		t.Fatal(err)
	}
	w.list(1)
	w.untilListed("server-1")
	w.stop()
	old = copyData(t, dir)
	w = serveData(t, dir)
	w.list(2)
	w.untilListed("server-1", "server-2")
	w.stop()
	h.take(dir)
	return old, dir
}

// restores returns what the audit log says of restores.
func (w *world) restores() (all []string) {
	w.t.Helper()
	st, err := store.OpenSQLite(w.t.Context(), store.Config{Path: filepath.Join(w.dir, "root.db"), MustExist: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer st.Close()
	for _, r := range storetest.Recorded(w.t, st, 1000) {
		if r.Action == store.ActionRestore {
			all = append(all, r.Detail)
		}
	}
	return all
}

// untilFails waits until the server list cannot be published for this reason.
func (w *world) untilFails(says string) {
	w.t.Helper()
	w.untilList(func(l api.List) bool { return strings.Contains(l.Failure, says) })
}

// TestStartAfterSetBack: the disk was set back to an older state, and nobody
// told the root.
func TestStartAfterSetBack(t *testing.T) {
	t.Parallel()
	h := newStaticHost(t)
	old, _ := setBack(t, h)
	w := serveData(t, old)
	newest := w.untilListed("server-1", "server-2").Head.Version // as the mirror has it
	if said := w.restores(); len(said) != 1 || !strings.Contains(said[0], "set back") {
		t.Errorf("the audit log says %q", said)
	}
	w.register(3) // requests are taken
	w.untilFails("lose 1 of its 2 entries")
	w.list(2)
	if l := w.untilListed("server-1", "server-2"); l.Head.Version < newest {
		t.Errorf("went back from %d to %d", newest, l.Head.Version)
	}
	w.list(4)
	if l := w.untilListed("server-1", "server-2", "server-4"); l.Head.Version <= newest {
		t.Errorf("goes on at %d after %d", l.Head.Version, newest)
	}
	w.stop()

	// The next start finds nothing newer.
	again := serveData(t, old)
	again.list(5)
	again.untilListed("server-1", "server-2", "server-4", "server-5")
	if said := again.restores(); len(said) != 1 {
		t.Errorf("found again: %q", said)
	}
}

// untilTaken waits until a trust document is served, and the lists that came with
// it, and all waits for an admin because of server-2.
func (w *world) untilTaken(trust int) {
	w.t.Helper()
	w.until("the trust document is served", func() bool { return w.get(fmt.Sprintf("/trust/%d.trust", trust)).status == http.StatusOK })
	w.untilFails("lose 1 of its 2 entries")
	w.untilListed("server-1", "server-2")
	w.checkServed(trust)
}

// TestStartAfterSetBackOverTrust: the trust document that the snapshot lacks is
// taken over, and only then the lists that hold under it.
func TestStartAfterSetBackOverTrust(t *testing.T) {
	t.Parallel()
	h := newStaticHost(t)
	old, dir := setBack(t, h)
	w := serveData(t, dir)
	document := nextTrust(t, dir, func(t *keys.Trust) { t.Epoch++ })
	if _, err := w.client().PublishTrust(t.Context(), document); err != nil {
		t.Fatal(err)
	}
	newest := w.open("/server.list", serverlist.TypeServerList).Head
	w.stop()
	h.take(dir)

	w = serveData(t, old)
	w.untilTaken(2)
	w.list(2)
	w.list(3)
	if l := w.untilListed("server-1", "server-2", "server-3"); l.Head.Epoch != newest.Epoch || l.Head.Version <= newest.Version || l.Head.Trust != 2 {
		t.Errorf("goes on with %+v after %+v", l.Head, newest)
	}
}

// TestStartAfterSetBackOverKey: the snapshot lacks the key that signs by now. The
// root serves what it has, says which key it wants, and goes on when that is
// there.
func TestStartAfterSetBackOverKey(t *testing.T) {
	t.Parallel()
	h := newStaticHost(t)
	old, dir := setBack(t, h)
	key := newKey(t, dir, "second.key", "")
	w := serveData(t, dir)
	if _, err := w.client().PublishTrust(t.Context(), nextTrust(t, dir, signedBy(key.VerifierKey()))); err != nil {
		t.Fatal(err)
	}
	w.stop()
	h.take(dir)

	w = serveData(t, old)
	w.untilFails("cannot sign")
	w.open("/server.list", serverlist.TypeServerList)
	for _, name := range []string{"keys/second.key.pub", "keys/second.key"} {
		if err := os.WriteFile(filepath.Join(old, name), readFile(t, filepath.Join(dir, name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.untilTaken(2)
	if said := w.restores(); len(said) != 1 {
		t.Errorf("the audit log says %q", said)
	}
}

// TestStartBesideDeadMirror: a root starts without any answer, and says so.
func TestStartBesideDeadMirror(t *testing.T) {
	t.Parallel()
	h := newStaticHost(t)
	old, _ := setBack(t, h)
	if err := os.RemoveAll(h.folder); err != nil {
		t.Fatal(err)
	}
	w := serveData(t, old)
	w.list(3)
	w.untilListed("server-1", "server-3")
	if !strings.Contains(w.log.String(), "no mirror could say") {
		t.Errorf("the log does not say that nobody answered: %s", w.log.String())
	}
	if said := w.restores(); len(said) != 0 {
		t.Errorf("%q", said)
	}
}

// TestStartBesideSlowMirror: what was published is served while mirrors are
// asked, and nothing is signed.
func TestStartBesideSlowMirror(t *testing.T) {
	t.Parallel()
	h := newStaticHost(t)
	_, dir := setBack(t, h)
	answer := make(chan struct{})
	asked := make(chan struct{}, 100)
	before := func(_ http.ResponseWriter, r *http.Request) bool {
		asked <- struct{}{}
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		return false
	}
	h.before.Store(&before)
	w := serveData(t, dir, func(c *config.Config) { c.WatchOff = true })
	w.untilListed("server-1", "server-2")
	<-asked
	w.register(3)
	close(answer)
	w.list(4)
	w.untilListed("server-1", "server-2", "server-4")
}

// TestStartBesideSilentMirror: one that takes a request and never answers keeps
// nobody from deciding for long.
func TestStartBesideSilentMirror(t *testing.T) {
	t.Parallel()
	h := newStaticHost(t)
	_, dir := setBack(t, h)
	before := func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	h.before.Store(&before)
	w := serveData(t, dir, func(c *config.Config) { c.WatchOff = true; c.LookFor = 50 * time.Millisecond })
	w.list(4)
	w.untilListed("server-1", "server-2", "server-4")
}

// TestStartBesideFork: somebody else signs with the keys of this root. It
// serves what it has, and signs nothing.
func TestStartBesideFork(t *testing.T) {
	t.Parallel()
	at := time.Now().Truncate(time.Second).Add(time.Minute)
	clock := func(c *config.Config) { c.Now = func() time.Time { return at } }
	h := newStaticHost(t)
	dir := newData(t)
	w := serveData(t, dir)
	if _, err := w.client().AddMirror(t.Context(), api.NewMirror{Unchecked: true, Mirror: api.Mirror{ID: "a", Operator: "A", URLs: []string{h.url}}}); err != nil {
		t.Fatal(err)
	}
	w.stop()
	other := copyData(t, dir)
	for n, d := range []string{dir, other} {
		w := serveData(t, d, clock, func(c *config.Config) { c.Alone = true })
		w.list(n + 1)
		w.untilListed([]string{"server-1", "server-2"}[n])
		w.stop()
	}
	h.take(other)
	w = serveData(t, dir)
	w.list(3)
	w.untilFails("two roots sign")
	w.untilListed("server-1")
}

// TestStartUnreadList: a mirror shows that there is a newer list and does not
// give it. Nothing is signed until it does.
func TestStartUnreadList(t *testing.T) {
	t.Parallel()
	h := newStaticHost(t)
	old, _ := setBack(t, h)
	list := readFile(t, filepath.Join(h.folder, "server.list"))
	var whole atomic.Bool
	refused := make(chan struct{}, 100)
	before := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/server.list" || r.Header.Get("Range") != "" || whole.Load() {
			return false
		}
		w.Write(list[:len(list)-1])
		refused <- struct{}{}
		return true
	}
	h.before.Store(&before)
	w := serveData(t, old, func(c *config.Config) { c.WatchOff = true })
	<-refused
	if l := w.open("/server.list", serverlist.TypeServerList); len(l.Servers) != 1 {
		t.Errorf("serves %+v", l.Servers)
	}
	whole.Store(true)
	w.untilListed("server-1", "server-2")
}
