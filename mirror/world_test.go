package mirror

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const t0 = 1_793_000_000 // version, and so the time of issue, of a first edition

// A host is the web server of a root or of another mirror: it has what is put
// on it.
type host struct {
	*serverlisttest.Site
	url  string
	stop func()
	sent atomic.Int64 // bytes of bodies
}

// newHost starts a real server on loopback.
func newHost(t testing.TB) *host {
	h := &host{Site: &serverlisttest.Site{}}
	s := httptest.NewUnstartedServer(h)
	s.Listener.Close()
	var err error
	if s.Listener, err = net.Listen("tcp", testenv.FreeAddress(t)); err != nil { // where nobody else listens after it has stopped
		t.Fatal(err)
	}
	s.Config.ErrorLog = log.New(failing{t}, "", 0) // a handler that panics by itself has not served what it should
	s.Start()
	h.url, h.stop = s.URL+"/", s.Close
	t.Cleanup(h.stop)
	return h
}

type failing struct{ t testing.TB }

func (f failing) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("panic")) {
		f.t.Errorf("%s", p)
	}
	return len(p), nil
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.Site.ServeHTTP(&countingWriter{w, &h.sent}, r)
}

type countingWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

// Flush sends what was written, as the faults of a site do in the middle of a
// document.
func (w *countingWriter) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.n.Add(int64(len(p)))
	return w.ResponseWriter.Write(p)
}

// serve puts a set online.
func (h *host) serve(docs publish.Documents) { serve(h.Site, docs) }

// siteOf returns a site that serves a set.
func siteOf(docs publish.Documents) *serverlisttest.Site {
	site := &serverlisttest.Site{}
	serve(site, docs)
	return site
}

func serve(site *serverlisttest.Site, docs publish.Documents) {
	for _, d := range docs.Trust.Documents() {
		site.Put(publish.TrustName(d.Version), d.Bytes())
	}
	site.Put(publish.MirrorList, docs.Mirrors.Bytes())
	site.Put(publish.ServerList, docs.Servers.Bytes())
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
	w := &world{Root: publishtest.NewRoot(serverlisttest.Options{}), t: t, host: newHost(t), folder: filepath.Join(t.TempDir(), "www")}
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
