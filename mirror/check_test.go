package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// wantFinding looks for one finding of a level and a subject whose text or
// remedy holds a text.
func wantFinding(t *testing.T, found []Finding, level Level, subject, text string) {
	t.Helper()
	for _, f := range found {
		if f.Level == level && f.Subject == subject && strings.Contains(f.Text+" "+f.Remedy, text) {
			if level != Good && f.Remedy == "" && f.Subject != "public_url" {
				t.Errorf("%+v has no remedy", f)
			}
			return
		}
	}
	t.Errorf("no %s of %s with %q in\n%+v", level, subject, text, found)
}

// check writes a configuration for the world and looks.
func (w *world) check(more string) []Finding {
	w.t.Helper()
	dir := w.t.TempDir()
	file := filepath.Join(dir, "mirror.toml")
	text := fmt.Sprintf("root = %q\ntrust = \"1.trust\"\n[[target]]\ntype = \"folder\"\npath = %q\n%s", w.host.url, w.folder, more)
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "1.trust"), w.cfg.Trust, 0o600)); err != nil {
		w.t.Fatal(err)
	}
	return Check(w.t.Context(), file)
}

// TestCheckPublicURL: the ways in which a web server can serve the right bytes
// in a wrong way are told, each with its remedy.
func TestCheckPublicURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.serve(w.Documents(time.Now().Unix(), "alpha"))
	w.mustOnceNow()
	files := http.FileServer(http.Dir(w.folder))
	serve := func(change func(http.ResponseWriter, *http.Request) bool) []Finding {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/plain")
			if !change(rw, r) {
				files.ServeHTTP(rw, r)
			}
		}))
		defer s.Close()
		return w.check("public_url = \"" + s.URL + "/\"\n")
	}
	header := func(key, value string) []Finding {
		return serve(func(rw http.ResponseWriter, r *http.Request) bool { rw.Header().Set(key, value); return false })
	}

	good := header("Cache-Control", "max-age=60")
	wantFinding(t, good, Good, "public_url", "serves what the target holds")
	for _, f := range good {
		if f.Level != Good && f.Subject != "registration" {
			t.Errorf("all is well, and it finds %+v", f)
		}
	}
	wantFinding(t, good, Warning, "registration", "does not name it")
	wantFinding(t, header("Cache-Control", "public, max-age=86400"), Warning, "public_url", "caches may keep the list for 24h0m0s")
	wantFinding(t, header("Content-Type", "text/html; charset=utf-8"), Warning, "public_url", "served as text/html")
	wantFinding(t, serve(func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/moved/") {
			http.StripPrefix("/moved", files).ServeHTTP(rw, r)
		} else {
			http.Redirect(rw, r, "/moved"+r.URL.Path, http.StatusFound)
		}
		return true
	}), Warning, "public_url", "it redirects to http://127.0.0.1:")
	wantFinding(t, serve(func(rw http.ResponseWriter, r *http.Request) bool {
		data, err := os.ReadFile(filepath.Join(w.folder, r.URL.Path))
		if err != nil {
			return false
		}
		rw.Write(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")))
		return true
	}), Warning, "public_url", "CRLF")
	wantFinding(t, serve(func(rw http.ResponseWriter, r *http.Request) bool {
		http.Error(rw, "no", http.StatusForbidden)
		return true
	}), Bad, "public_url", "public_url does not serve it")
}

// mustOnceNow is mustOnce by the machine's clock, which Check goes by.
func (w *world) mustOnceNow() {
	w.t.Helper()
	w.cfg.Now = time.Now
	w.mustOnce()
}

func TestCheckClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.serve(w.Documents(time.Now().Unix(), "alpha"))
	w.mustOnceNow()
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
		w.host.ServeHTTP(rw, r)
	}))
	defer s.Close()
	w.host.url = s.URL + "/"
	wantFinding(t, w.check(""), Bad, "clock", "NTP")
}

func TestCheckFreshness(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.serve(w.Documents(time.Now().Add(-20*time.Hour).Unix(), "alpha"))
	w.mustOnceNow()
	wantFinding(t, w.check(""), Warning, SubjectFreshness, "about to be stale")

	w.host.serve(w.Documents(time.Now().Add(-10*time.Hour).Unix(), "alpha"))
	w.mustOnceNow()
	wantFinding(t, w.check(""), Good, SubjectFreshness, "fresh until")
	wantFinding(t, w.check(""), Warning, "public_url", "there is no public_url")

	old := newWorld(t)
	old.host.serve(old.Documents(time.Now().Add(-48*time.Hour).Unix(), "alpha"))
	old.mustOnceNow()
	wantFinding(t, old.check(""), Bad, SubjectFreshness, "is stale since")
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, "max-age=60": time.Minute, "public, MAX-AGE=\"3600\"": time.Hour, "no-cache, max-age=3600": 0, "max-age=x": 0, "max-age": 0,
	} {
		if got := maxAge(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// TestStatus compares two targets with the root and with each other.
func TestStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.Documents(t0, "alpha")
	w.host.serve(first)
	w.mustOnce()
	second := w.folder + "2"
	w.cfg.Targets = append(w.cfg.Targets, Target{Target: publish.Folder{Path: second}, PublicURL: "http://127.0.0.1:1/"}, Target{Target: brokenTarget{}})
	m, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Status(t.Context())
	if err != nil || s.OK || s.Fading() || s.Root.Trust != 1 || len(s.Root.Documents) != 2 || len(s.Targets) != 3 {
		t.Fatalf("the status is %+v, %v", s, err)
	}
	one, two, broken := s.Targets[0], s.Targets[1], s.Targets[2]
	if one.Behind || one.Freshness != Fresh || len(one.Documents) != 2 || one.Documents[0].State() != "fresh" || one.Documents[1].Version != first.Servers.Head.Version || one.Documents[1].AgeNow() != time.Hour {
		t.Errorf("the first target is %+v", one)
	}
	if !two.Behind || len(two.Documents) != 0 || two.Trust != 0 {
		t.Errorf("the second target is %+v", two)
	}
	if !strings.Contains(broken.Error, "connection refused") {
		t.Errorf("the broken target is %+v", broken)
	}

	// The root has news, and a file is changed.
	w.host.serve(w.Documents(t0+1, "alpha", "beta"))
	if err := os.WriteFile(filepath.Join(w.folder, "server.list"), flip(first.Servers.Bytes(), -10), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err = m.Status(t.Context())
	if one := s.Targets[0]; err != nil || !one.Behind || one.Refused["server.list"] == "" {
		t.Errorf("the first target is %+v, %v", one, err)
	}
	if got := s.Root.Documents[1]; got.Name != "server.list" || got.Version != t0+1 {
		t.Errorf("the root serves %+v", got)
	}

	// The root is away.
	w.host.stop()
	if s, err = m.Status(t.Context()); err != nil || s.OK || s.Root.Error == "" || s.Targets[0].Trust != 1 {
		t.Errorf("the status is %+v, %v", s, err)
	}
}

// TestRootBehind: a root that was restored from a backup is said to serve what
// it serves, not what the target holds.
func TestRootBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now().Unix()
	old := w.Documents(now-60, "alpha")
	w.host.serve(w.Documents(now, "alpha"))
	w.mustOnceNow()
	w.host.serve(old)
	found := w.check("")
	wantFinding(t, found, Warning, "root", fmt.Sprintf("it serves server.list %d and mirror.list %d, verified; ", now-60, now-60))
	for _, f := range found {
		if f.Subject == "root" && f.Level == Good {
			t.Errorf("all is said to be well: %+v", f)
		}
	}
	m, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := m.Status(t.Context()); err != nil || !s.Root.Behind || s.Targets[0].Behind {
		t.Errorf("the status is %+v, %v", s, err)
	}
	w.host.serve(w.Documents(now, "alpha"))
	if s, err := m.Status(t.Context()); err != nil || s.Root.Behind {
		t.Errorf("the root has caught up, and the status is %+v, %v", s, err)
	}
}
