package root_test

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, cache := range map[string]string{
		"server.list":   "public, max-age=60",
		"mirror.list":   "public, max-age=60",
		"trust/1.trust": "public, max-age=31536000, immutable",
	} {
		file := readFile(t, filepath.Join(w.dir, "public", name))
		a := w.get("/" + name)
		if a.status != 200 || !bytes.Equal(a.body, file) {
			t.Fatalf("%s: status %d, %d bytes, the file has %d", name, a.status, len(a.body), len(file))
		}
		for header, want := range map[string]string{
			"Content-Type":           "text/plain; charset=utf-8",
			"Cache-Control":          cache,
			"X-Content-Type-Options": "nosniff",
			"Accept-Ranges":          "bytes",
		} {
			if got := a.header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		checkConditions(t, w, "/"+name, a)
	}
}

// checkConditions asks for a document in every way HTTP has.
func checkConditions(t *testing.T, w *world, path string, whole answer) {
	t.Helper()
	etag, modified := whole.header.Get("ETag"), whole.header.Get("Last-Modified")
	if !strings.HasPrefix(etag, `"`) || len(etag) < 18 {
		t.Fatalf("%s: ETag %q is not strong", path, etag)
	}
	if at, err := http.ParseTime(modified); err != nil || time.Since(at) > time.Hour {
		t.Fatalf("%s: Last-Modified %q", path, modified)
	}
	for _, tc := range []struct {
		method string
		header string
		status int
		body   string
	}{
		{"HEAD", "Accept: */*", 200, ""},
		{"GET", "If-None-Match: " + etag, 304, ""},
		{"GET", `If-None-Match: "x", ` + etag, 304, ""},
		{"GET", "If-None-Match: *", 304, ""},
		{"GET", `If-None-Match: "x"`, 200, string(whole.body)},
		{"GET", "If-Modified-Since: " + modified, 304, ""},
		{"GET", "If-Modified-Since: Mon, 02 Jan 2006 15:04:05 GMT", 200, string(whole.body)},
		{"GET", "Range: bytes=0-9", 206, string(whole.body[:10])},
		{"GET", "Range: bytes=5-", 206, string(whole.body[5:])},
		{"GET", "Range: bytes=999999999-", 416, ""},
		{"GET", `If-Match: "x"`, 412, ""},
	} {
		a := w.send(exchange{tc.method, w.public + path, []string{tc.header}, ""})
		if a.status != tc.status || tc.status < 400 && string(a.body) != tc.body {
			t.Errorf("%s %s with %s: status %d, %d bytes", tc.method, path, tc.header, a.status, len(a.body))
		}
		if tc.status >= 400 {
			p := a.problem(t, tc.status)
			if length := fmt.Sprint(len(whole.body)); tc.status == 416 && (a.header.Get("Content-Range") != "bytes */"+length || !strings.Contains(p.Detail, length+" bytes")) {
				t.Errorf("%s: Content-Range %q: %s", path, a.header.Get("Content-Range"), p.Detail)
			}
			if a.header.Get("ETag") != "" || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s with %s: a refusal has the document's headers: %v", path, tc.header, a.header)
			}
		}
		if tc.status == 304 && a.header.Get("ETag") != etag {
			t.Errorf("%s with %s: the 304 has ETag %q", path, tc.header, a.header.Get("ETag"))
		}
	}
	head := w.send(exchange{"HEAD", w.public + path, nil, ""})
	if head.header.Get("Content-Length") != whole.header.Get("Content-Length") {
		t.Errorf("HEAD %s: Content-Length %q", path, head.header.Get("Content-Length"))
	}
}

// TestDocumentsVerify reads what is served as a client does.
func TestDocumentsVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	chain, err := keys.NewChain(w.get("/trust/1.trust").body)
	if err != nil {
		t.Fatal(err)
	}
	for path, typ := range map[string]string{"/server.list": serverlist.TypeServerList, "/mirror.list": serverlist.TypeMirrorList} {
		l, err := serverlist.Open(w.get(path).body, serverlist.Want{Origin: origin, Type: typ}, chain)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if len(l.Servers)+len(l.Mirrors) != 0 || l.Freshness(time.Now()) != serverlist.Fresh {
			t.Errorf("%s: %d servers, %d mirrors, %s", path, len(l.Servers), len(l.Mirrors), l.Freshness(time.Now()))
		}
	}
}

// TestPathsThatAreNone checks that no path leads to a file.
func TestPathsThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.snapshot()
	for _, path := range []string{
		"/root.db", "/admin.token", "/keys/list.key", "/root.toml", "/public/server.list",
		"//trust/../root.db", "/trust/../root.db", "/trust/../../admin.token", "/trust/..%2fadmin.token",
		"/trust/%2e%2e/admin.token", "/trust/..\\admin.token", "/trust//1.trust", "//server.list", "/./server.list",
		"/trust/01.trust", "/trust/+1.trust", "/trust/1.trust/", "/trust/1", "/trust/", "/trust", "/trust/0.trust",
		"/trust/2.trust", "/trust/1.TRUST", "/trust/%31.trust", "/trust/1.trust%00", "/trust/99999999999999999999.trust",
		"/server.list/", "/server.list%00", "/Server.list", "/server%2elist", "/server.list;x", "/index.html",
		"/api", "/api/v1", "/api/v1/registrations/", "/api/v1/registrations/r1", "/api/v1/admin/registrations", "/api/v1/admin/lists",
	} {
		p := w.get(path).problem(t, 404)
		if len(p.Errors) != 0 {
			t.Errorf("%s: %+v", path, p)
		}
	}
	absent := w.get("/trust/2.trust")
	if absent.header.Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("an absent trust document may be kept: %q", absent.header.Get("Cache-Control"))
	}
	if w.snapshot() != before {
		t.Error("something changed")
	}
}

func TestMethodsThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct{ method, url, allow string }{
		{"POST", w.public + "/server.list", "GET, HEAD"},
		{"PUT", w.public + "/server.list", "GET, HEAD"},
		{"DELETE", w.public + "/trust/1.trust", "GET, HEAD"},
		{"OPTIONS", w.public + "/mirror.list", "GET, HEAD"},
		{"BREW", w.public + "/server.list", "GET, HEAD"},
		{"GET", w.public + "/api/v1/registrations", "POST"},
		{"PUT", w.public + "/api/v1/registrations", "POST"},
		{"POST", w.public + "/", "GET, HEAD"},
	} {
		a := w.send(exchange{tc.method, tc.url, nil, ""})
		a.problem(t, 405)
		if got := strings.Join(a.header.Values("Allow"), ", "); got != tc.allow {
			t.Errorf("%s %s: Allow %q, want %q", tc.method, tc.url, got, tc.allow)
		}
	}
	a := w.ask("PUT", "/mirrors", "{}")
	a.problem(t, 405)
	if got := strings.Join(a.header.Values("Allow"), ", "); got != "GET, HEAD, POST" {
		t.Errorf("admin: Allow %q", got)
	}
	w.send(exchange{"BREW", w.public + "/nothing", nil, ""}).problem(t, 404)
}
