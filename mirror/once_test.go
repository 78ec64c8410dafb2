package mirror

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestOncePublishes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Rotate(true)
	docs := w.Documents(t0, "alpha", "beta")
	w.host.serve(docs)
	report := w.mustOnce()
	wantFolder(t, w.folder, docs)
	if got := report.Targets[0].String(); got != "folder "+w.folder+": published: mirror.list 1793000000, server.list 1793000000, trust 2" {
		t.Errorf("the line says %q", got)
	}

	newer := w.Documents(t0+1, "alpha")
	w.host.serve(newer)
	if report := w.mustOnce(); state(report, "server.list") != publish.Written || state(report, "trust/1.trust") != publish.Unchanged {
		t.Errorf("report of the next edition: %+v", report.Targets)
	}
	wantFolder(t, w.folder, newer)
}

// TestOnceUnchanged: without news no file is touched and no list is sent
// again, neither by a new process nor by one that goes on.
func TestOnceUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	docs := w.Documents(t0)
	body := manyServers(t, 3000)
	docs.Servers = w.List(t0, serverlist.Draft{Body: body})
	w.host.serve(docs)
	w.mustOnce()
	before := stamps(t, w.folder)
	sent := w.host.sent.Load()

	report := w.mustOnce()
	if got := w.host.sent.Load() - sent; got > int64(len(body)/2) {
		t.Errorf("without news the root sent %d bytes; the list has %d", got, len(body))
	}
	if got := report.Targets[0].String(); !strings.Contains(got, "up to date: mirror.list 1793000000, server.list 1793000000, trust 1") {
		t.Errorf("the line says %q", got)
	}
	m, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := m.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if after := stamps(t, w.folder); after != before {
		t.Errorf("files were written again:\n%s\n%s", before, after)
	}
}

func manyServers(t testing.TB, n int) []byte {
	t.Helper()
	servers := make([]serverlist.Server, n)
	for i := range servers {
		id := fmt.Sprintf("server-%05d", i)
		servers[i] = serverlist.Server{
			ID: id, Name: "The server " + id, Description: strings.Repeat("A quiet place for adventurers. ", 4),
			Game: "crossfire", Addresses: []string{id + ".example.net:13327"},
		}
	}
	body, err := serverlist.EncodeServers(servers)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestOnceOverAFilledFolder(t *testing.T) {
	t.Parallel()
	put := func(t *testing.T, dir string, trust, mirrors, servers []byte) {
		t.Helper()
		for name, data := range map[string][]byte{"trust/1.trust": trust, "mirror.list": mirrors, "server.list": servers} {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	putDocs := func(t *testing.T, dir string, d publish.Documents) {
		put(t, dir, d.Trust.Pinned().Bytes(), d.Mirrors.Bytes(), d.Servers.Bytes())
	}
	for name, c := range map[string]struct {
		fill func(t *testing.T, w *world, docs publish.Documents) (want publish.Documents)
		want publish.State
	}{
		"older": {func(t *testing.T, w *world, docs publish.Documents) publish.Documents {
			putDocs(t, w.folder, w.Documents(t0-5, "alpha"))
			return docs
		}, publish.Written},
		"newer": {func(t *testing.T, w *world, docs publish.Documents) publish.Documents {
			newer := w.Documents(t0+5, "alpha")
			putDocs(t, w.folder, newer)
			return newer
		}, publish.Unchanged},
		"tampered": {func(t *testing.T, w *world, docs publish.Documents) publish.Documents {
			put(t, w.folder, flip(docs.Trust.Pinned().Bytes(), 50), flip(docs.Mirrors.Bytes(), -4), flip(docs.Servers.Bytes(), -4))
			return docs
		}, publish.Repaired},
		"torn": {func(t *testing.T, w *world, docs publish.Documents) publish.Documents {
			put(t, w.folder, docs.Trust.Pinned().Bytes()[:99], docs.Mirrors.Bytes()[:200], docs.Servers.Bytes()[:300])
			return docs
		}, publish.Repaired},
		"another origin": {func(t *testing.T, w *world, docs publish.Documents) publish.Documents {
			putDocs(t, w.folder, publishtest.NewRoot(serverlisttest.Options{Origin: "other.example.org"}).Documents(t0+5, "alpha"))
			return docs
		}, publish.Repaired},
		"same origin, other keys": {func(t *testing.T, w *world, docs publish.Documents) publish.Documents {
			putDocs(t, w.folder, publishtest.NewRoot(serverlisttest.Options{Seed: "other"}).Documents(t0+5, "alpha"))
			return docs
		}, publish.Repaired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			docs := w.Documents(t0, "alpha", "beta")
			w.host.serve(docs)
			want := c.fill(t, w, docs)
			report := w.mustOnce()
			if got := state(report, "server.list"); got != c.want {
				t.Errorf("server.list is %s, want %s", got, c.want)
			}
			if remarks := report.Targets[0].Remarks(); (c.want == publish.Repaired) != (len(remarks) > 0) {
				t.Errorf("remarks: %v", remarks)
			}
			wantFolder(t, w.folder, want)
			if remarks := w.mustOnce().Targets[0].Remarks(); len(remarks) > 0 {
				t.Errorf("remarks of the second run: %v", remarks)
			}
		})
	}
}

// TestOnceWalksTheChain pins the first of three trust documents; after the
// root has gone, the chain is on the target.
func TestOnceWalksTheChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.serve(w.Documents(t0, "alpha"))
	w.mustOnce()
	w.Rotate(false)
	w.Rotate(false)
	docs := w.Documents(t0+1, "alpha")
	w.host.serve(docs)
	if report := w.mustOnce(); report.Trust != 3 {
		t.Errorf("the chain ends at %d", report.Trust)
	}
	wantFolder(t, w.folder, docs)
	w.host.stop()
	if report, err := w.once(); err == nil || report.Trust != 3 || !report.Targets[0].OK {
		t.Errorf("without the root: error %v, trust %d, target %+v", err, report.Trust, report.Targets[0])
	}
	wantFolder(t, w.folder, docs)
}

// TestOnceAfterALostKey: the root rotates its key and starts again below the
// version that is published. What is published no longer counts.
func TestOnceAfterALostKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.serve(w.Documents(t0, "alpha"))
	w.mustOnce()
	w.Rotate(false)
	docs := w.Documents(t0-100, "alpha")
	w.host.serve(docs)
	w.mustOnce()
	wantFolder(t, w.folder, docs)
}

// TestOnceAsksAnAbsentRootOnce: not for each document, with a timeout each.
func TestOnceAsksAnAbsentRootOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := 0
	w.cfg.HTTP = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		asked++
		return nil, errors.New("no route to host")
	})}
	if _, err := w.once(); err == nil || asked != 1 {
		t.Errorf("asked %d times, error %v", asked, err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestOnceManyTargets: one that fails does not stop the others, and what one
// has, the others get.
func TestOnceManyTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	docs := w.Documents(t0, "alpha")
	w.host.serve(docs)
	w.mustOnce()
	w.host.stop()

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	bad, second := filepath.Join(dir, "file"), filepath.Join(dir, "second")
	w.cfg.Targets = []Target{{Target: publish.Folder{Path: bad}}, w.cfg.Targets[0], {Target: publish.Folder{Path: second}}}
	report, err := w.once()
	if err == nil || !strings.Contains(err.Error(), "folder "+bad+": ") || !strings.Contains(err.Error(), "is not a folder") {
		t.Errorf("got %v", err)
	}
	for i, ok := range []bool{false, true, true} {
		if report.Targets[i].OK != ok {
			t.Errorf("target %d: %+v", i, report.Targets[i])
		}
	}
	wantFolder(t, second, docs)
}

func TestOnceRefusesTheFuture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.serve(w.Documents(t0, "alpha"))
	w.cfg.Now = func() time.Time { return time.Unix(t0-86401, 0) }
	if _, err := w.once(); err == nil || !strings.Contains(err.Error(), "issued at 2026-10-26T") {
		t.Errorf("a list issued a day and a second ahead: %v", err)
	}
	w.cfg.Now = func() time.Time { return time.Unix(t0-86400, 0) }
	w.mustOnce()

	w.host.Put("trust/2.trust", w.Rotate(true).Newest().Bytes()) // issued on 2026-01-01
	w.cfg.Now = func() time.Time { return time.Date(2025, 12, 30, 0, 0, 0, 0, time.UTC) }
	if report, err := w.once(); err == nil || !strings.Contains(err.Error(), "trust/2.trust was issued at 2026-01-01T00:00:00Z") || report.Trust != 1 {
		t.Errorf("a trust document issued two days ahead: %v, chain of %d", err, report.Trust)
	}
}

func TestOnceCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	docs := w.Documents(t0, "alpha")
	w.host.serve(docs)
	w.mustOnce()
	w.host.serve(w.Documents(t0+1, "alpha"))
	m, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.host.Handle(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	if report, err := m.Once(ctx); err == nil || report.OK {
		t.Errorf("a cancelled run ends with %v, OK %v", err, report.OK)
	}
	wantFolder(t, w.folder, docs)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := newWorld(t).cfg
	for name, change := range map[string]func(*Config){
		"no root":      func(c *Config) { c.Root = "" },
		"no trust":     func(c *Config) { c.Trust = nil },
		"no target":    func(c *Config) { c.Targets = nil },
		"public URL":   func(c *Config) { c.Targets = []Target{{Target: c.Targets[0].Target, PublicURL: "x"}} },
		"bad schedule": func(c *Config) { c.Schedule = "x" },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
