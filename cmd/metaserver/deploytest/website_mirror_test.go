package deploytest

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestMirrorWebsites serves a mirror's folder with each web server.
func TestMirrorWebsites(t *testing.T) {
	t.Parallel()
	for server, file := range map[string]string{"nginx": "nginx/mirror.conf", "apache2": "apache/mirror.conf", "caddy": "caddy/mirror.caddy"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			root := serverlisttest.NewRoot(serverlisttest.Options{})
			root.Amend(serverlisttest.Change{Lists: []string{"list/2"}})
			root.Publish(serverlisttest.Mirrors("http://mirror.example.net/ms/"))
			root.Publish(serverlisttest.Servers("alpha"))
			www := publicFolder(t, "ms", root.Folder())
			w := startWebsite(t, server, file, "mirror.example.net", "/srv/www", www)
			for _, base := range []string{"http://mirror.example.net/ms/", "https://mirror.example.net/ms/"} {
				w.servesDocuments(base, files(t, root.Folder()), "")
				w.hidesTheRest(base)
				w.servesClients(base, root)
			}
		})
	}
}

// publicFolder makes a folder that any user may read, with a mirror's documents
// below it and what else may lie there.
func publicFolder(t testing.TB, name string, documents fstest.MapFS) string {
	t.Helper()
	www, err := os.MkdirTemp("", "www-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(www) })
	put := func(file, text string) {
		path := filepath.Join(www, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		// Not of this second: Apache then says that it is not sure of the ETag.
		before := time.Now().Add(-time.Minute)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o644), os.Chtimes(path, before, before)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(www, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"server.list", "mirror.list", "trust/1.trust", "trust/2.trust"} {
		data, err := documents.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		put(filepath.Join(name, file), string(data))
	}
	for _, file := range notDocuments {
		put(filepath.Join(name, file), "private")
	}
	put("private", "private")
	return www
}

// notDocuments may lie in a mirror's folder, and is nobody's business.
var notDocuments = []string{".durable-1", "trust/.durable-sh-1", "server.list.new", "trust/1.trust.new", "trust/01.trust", "notes.txt", ".htpasswd", "old/server.list"}

// servesDocuments: every document comes whole and as it is, with the headers that
// caches and browsers need. encoding is how it comes to who would take gzip.
func (w *website) servesDocuments(base string, documents map[string]string, encoding string) {
	w.t.Helper()
	client := w.client("127.0.0.1")
	for name, text := range documents {
		cache := "public, max-age=60"
		if strings.HasPrefix(name, "trust/") {
			cache = "public, max-age=31536000, immutable"
		}
		whole := ask(w.t, client, "GET", base+name, "")
		if whole.status != 200 || whole.body != text {
			w.t.Fatalf("%s%s: status %d, %d bytes", base, name, whole.status, len(whole.body))
		}
		for header, want := range map[string]string{
			"Content-Type": "text/plain; charset=utf-8", "Cache-Control": cache, "X-Content-Type-Options": "nosniff",
			"Access-Control-Allow-Origin": "*", "Content-Encoding": "", "Strict-Transport-Security": "",
		} {
			if got := strings.Join(whole.header.Values(header), ", "); got != want {
				w.t.Errorf("%s%s: %s is %q, want %q", base, name, header, got, want)
			}
		}
		packed := ask(w.t, client, "GET", base+name, "", "Accept-Encoding: gzip")
		if packed.status != 200 || packed.header.Get("Content-Encoding") != encoding || packed.unpacked(w.t) != text {
			w.t.Errorf("%s%s for who takes gzip: status %d, Content-Encoding %q", base, name, packed.status, packed.header.Get("Content-Encoding"))
		}
		w.answersConditions(base+name, whole)
	}
}

// unpacked is the body without its encoding.
func (a reply) unpacked(t testing.TB) string {
	t.Helper()
	if a.header.Get("Content-Encoding") == "" {
		return a.body
	}
	r, err := gzip.NewReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// answersConditions asks for a document in the ways that spare transfers.
func (w *website) answersConditions(url string, whole reply) {
	w.t.Helper()
	etag, modified := whole.header.Get("ETag"), whole.header.Get("Last-Modified")
	if !strings.HasPrefix(etag, `"`) {
		w.t.Errorf("%s: ETag %q is not strong", url, etag)
	}
	for _, c := range []struct {
		method, header string
		status         int
		body           string
	}{
		{"HEAD", "Accept: */*", 200, ""},
		{"GET", "If-None-Match: " + etag, 304, ""},
		{"GET", `If-None-Match: "x"`, 200, whole.body},
		{"GET", "If-Modified-Since: " + modified, 304, ""},
		{"GET", "Range: bytes=0-9", 206, whole.body[:10]},
		{"GET", "Range: bytes=5-", 206, whole.body[5:]},
	} {
		a := ask(w.t, w.client("127.0.0.1"), c.method, url, "", c.header)
		if a.status != c.status || a.body != c.body {
			w.t.Errorf("%s %s with %s: status %d, %d bytes", c.method, url, c.header, a.status, len(a.body))
		}
		if a.header.Get("Access-Control-Allow-Origin") != "*" && a.status != 304 {
			w.t.Errorf("%s %s with %s: a browser must not read it", c.method, url, c.header)
		}
	}
}

func (w *website) hidesTheRest(base string) {
	w.t.Helper()
	client := w.client("127.0.0.1")
	for _, name := range append([]string{"", "trust/", "absent", "trust/../notes.txt", "server.list/"}, notDocuments...) {
		a := ask(w.t, client, "GET", base+name, "")
		if a.status != 404 {
			w.t.Errorf("%s%s: status %d, %q", base, name, a.status, a.body)
		}
	}
	for _, name := range []string{"../private", "%2e%2e/private", "trust/..%2f..%2fprivate"} {
		if a := ask(w.t, client, "GET", base+name, ""); strings.Contains(a.body, "private") && a.status == 200 {
			w.t.Errorf("%s%s leads out of the folder", base, name)
		}
	}
	if a := ask(w.t, client, "GET", base+"trust/3.trust", ""); a.status != 404 || strings.Contains(a.header.Get("Cache-Control"), "immutable") {
		w.t.Errorf("an absent trust document: status %d, Cache-Control %q", a.status, a.header.Get("Cache-Control"))
	}
	for _, name := range []string{"server.list", "trust/1.trust"} {
		if a := ask(w.t, client, "POST", base+name, "x"); a.status < 400 {
			w.t.Errorf("POST %s%s: status %d", base, name, a.status)
		}
		a := ask(w.t, client, "OPTIONS", base+name, "", "Origin: https://play.example.com", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: if-none-match")
		if a.status >= 300 || a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "If-None-Match") {
			w.t.Errorf("a browser that asks whether it may send If-None-Match for %s%s: status %d, %v", base, name, a.status, a.header)
		}
	}
}

// servesClients reads the mirror as clients do.
func (w *website) servesClients(base string, root *serverlisttest.Root) {
	w.t.Helper()
	f := &serverlist.Fetcher{HTTP: w.client("127.0.0.1"), AllowPrivate: true}
	list, err := f.List(w.t.Context(), base+publish.ServerList, root.Want(serverlist.TypeServerList), root.Chain(), nil)
	if err != nil || len(list.Servers) != 1 {
		w.t.Fatalf("%s: %v", base, err)
	}
	if _, err := f.List(w.t.Context(), base+publish.ServerList, root.Want(serverlist.TypeServerList), root.Chain(), list); err != serverlist.ErrNotModified {
		w.t.Errorf("%s: the list again: %v", base, err)
	}
	if _, err := f.List(w.t.Context(), base+publish.MirrorList, root.Want(serverlist.TypeMirrorList), root.Chain(), nil); err != nil {
		w.t.Errorf("%s: %v", base, err)
	}
}
