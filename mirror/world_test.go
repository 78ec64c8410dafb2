package mirror

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const t0 = 1_793_000_000 // version, and so the time of issue, of a first edition

// A host serves documents as a root or another mirror does, with faults.
type host struct {
	url string

	mu    sync.Mutex
	files map[string][]byte
	fault http.HandlerFunc // answers instead of the files; nil: none
	sent  int              // bytes of bodies
	stop  func()
}

// newHost starts a real server on loopback.
func newHost(t testing.TB) *host {
	h := &host{files: map[string][]byte{}}
	s := httptest.NewServer(h)
	h.url, h.stop = s.URL+"/", sync.OnceFunc(s.Close)
	t.Cleanup(h.stop)
	return h
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fault != nil {
		h.fault(w, r)
		return
	}
	data, ok := h.files[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(data)))
	counter := &countingWriter{ResponseWriter: w}
	http.ServeContent(counter, r, "", time.Time{}, bytes.NewReader(data))
	h.sent += counter.n
}

type countingWriter struct {
	http.ResponseWriter
	n int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.n += len(p)
	return w.ResponseWriter.Write(p)
}

// serve puts a set online.
func (h *host) serve(docs publish.Documents) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range docs.Trust.Documents() {
		h.files[publish.TrustName(d.Version)] = d.Bytes()
	}
	h.files[publish.MirrorList] = docs.Mirrors.Bytes()
	h.files[publish.ServerList] = docs.Servers.Bytes()
}

// put replaces one file; nil removes it.
func (h *host) put(name string, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[name] = data
	if data == nil {
		delete(h.files, name)
	}
}

func (h *host) setFault(f http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = f
}

func (h *host) sentSince(before int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sent - before
}

// A world is a signing root, the host it publishes on, and a mirror of one
// folder.
type world struct {
	*publishtest.Root
	t      testing.TB
	host   *host
	folder string
	cfg    Config
}

func newWorld(t testing.TB) *world {
	w := &world{Root: publishtest.NewRoot(t, "ms.example.org"), t: t, host: newHost(t), folder: filepath.Join(t.TempDir(), "www")}
	w.cfg = Config{
		Root:    w.host.url,
		Trust:   w.Chain().Pinned().Bytes(),
		Targets: []Target{{Target: publish.Folder{Path: w.folder}}},
		Now:     func() time.Time { return time.Unix(t0+3600, 0) },
	}
	return w
}

// once runs a new mirror, which knows nothing of the runs before.
func (w *world) once() (Report, error) {
	w.t.Helper()
	m, err := New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return m.Once(w.t.Context())
}

func (w *world) mustOnce() Report {
	w.t.Helper()
	report, err := w.once()
	if err != nil {
		w.t.Fatal(err)
	}
	if !report.OK {
		w.t.Fatalf("no error, and the report is not OK: %+v", report)
	}
	return report
}

// wantFolder checks every byte of a published folder.
func wantFolder(t testing.TB, dir string, docs publish.Documents) {
	t.Helper()
	want := map[string][]byte{publish.MirrorList: docs.Mirrors.Bytes(), publish.ServerList: docs.Servers.Bytes()}
	for _, d := range docs.Trust.Documents() {
		want[publish.TrustName(d.Version)] = d.Bytes()
	}
	for name, data := range want {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, data) {
			t.Errorf("%s is not what it should be:\n%.300s", name, got)
		}
	}
}

// stamps tells whether files were written: a replaced file is another file.
func stamps(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			fmt.Fprintf(&b, "%s %v %+v\n", path, info.ModTime(), info.Sys())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func flip(data []byte, at int) []byte {
	changed := bytes.Clone(data)
	changed[(at+len(data))%len(data)] ^= 1
	return changed
}

func state(report Report, name string) publish.State {
	for _, o := range report.Targets[0].Documents {
		if o.Name == name {
			return o.State
		}
	}
	return ""
}
