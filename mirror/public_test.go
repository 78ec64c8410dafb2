package mirror

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestPublicURL lists what can stand between a folder that is right and the
// players.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		break_ func(w *world, public *host, docs publish.Documents)
		want   string // in the error; "": none
	}{
		"right": {func(*world, *host, publish.Documents) {}, ""},
		"ahead": {func(w *world, public *host, _ publish.Documents) {
			public.serve(w.Documents(t0+1, "alpha"))
		}, ""},
		"line ends": {func(_ *world, public *host, _ publish.Documents) { public.SetFault(serverlisttest.CRLF) }, ""},
		"odd MIME type": {func(_ *world, public *host, docs publish.Documents) {
			public.Handle(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "application/x-msdownload")
				siteOf(docs).ServeHTTP(rw, r)
			}))
		}, ""},
		"another folder": {func(_ *world, public *host, _ publish.Documents) {
			for _, name := range []string{"server.list", "mirror.list", "trust/1.trust"} {
				public.Put(name, nil)
			}
		}, "Does the web server serve the folder that the target names"},
		"an old copy": {func(w *world, public *host, _ publish.Documents) {
			public.serve(w.Documents(t0-1, "gone"))
		}, "it serves edition 1792999999, published is 1793000000. Either a cache"},
		"an old mirror list": {func(w *world, public *host, _ publish.Documents) {
			public.Put("mirror.list", w.Mirrors(t0-1).Bytes())
		}, "mirror.list: it serves edition"},
		"another edition of this number": {func(w *world, public *host, _ publish.Documents) {
			public.Put("server.list", w.Servers(t0, "other").Bytes())
		}, "a different document of the same version"},
		"a login page": {func(_ *world, public *host, _ publish.Documents) {
			public.SetFault(serverlisttest.HTML)
		}, "a login page, an error page, a folder index"},
		"a changed byte": {func(_ *world, public *host, docs publish.Documents) {
			public.Put("server.list", flip(docs.Servers.Bytes(), -5))
		}, "it must serve the files as they are"},
		"a script appended": {func(_ *world, public *host, docs publish.Documents) {
			public.Put("server.list", append(bytes.Clone(docs.Servers.Bytes()), "<script>"...))
		}, "some web hosts append a script"},
		"no trust folder": {func(_ *world, public *host, _ publish.Documents) {
			public.Put("trust/1.trust", nil)
		}, "though the lists are there. Does the web server serve the folder trust/"},
		"a changed trust document": {func(_ *world, public *host, docs publish.Documents) {
			public.Put("trust/1.trust", flip(docs.Trust.Pinned().Bytes(), 60))
		}, "trust/1.trust: it is not the document that was published"},
		"a login": {func(_ *world, public *host, _ publish.Documents) {
			public.Handle(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusUnauthorized) }))
		}, "must be readable by all"},
		"files that the web server may not read": {func(_ *world, public *host, _ publish.Documents) {
			public.Handle(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) }))
		}, "if the umask of the account is 022"},
		"a trust folder that it may not read": {func(_ *world, public *host, docs publish.Documents) {
			public.Handle(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/trust/") {
					rw.WriteHeader(http.StatusForbidden)
					return
				}
				siteOf(docs).ServeHTTP(rw, r)
			}))
		}, "may it read the folder trust/? Often"},
		"nobody": {func(_ *world, public *host, _ publish.Documents) { public.stop() }, "Is the web server running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			docs := w.Documents(t0, "alpha")
			w.host.serve(docs)
			public := newHost(t)
			public.serve(docs)
			w.cfg.Targets[0].PublicURL = public.url
			c.break_(w, public, docs)

			report, err := w.once()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
			if target := report.Targets[0]; target.Verified != (err == nil) || target.OK != target.Verified {
				t.Errorf("error %v, target %+v", err, target)
			}
			if err != nil && !strings.Contains(err.Error(), "published, but public_url does not serve it: "+public.url) {
				t.Errorf("the error does not name the URL: %v", err)
			}
			wantFolder(t, w.folder, docs) // the folder is right all the same
		})
	}
}

// TestPublicURLAsksCaches: a cache between is asked to look again, and no
// answer is taken from an earlier check.
func TestPublicURLAsksCaches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	docs := w.Documents(t0, "alpha")
	w.host.serve(docs)
	public := newHost(t)
	public.Handle(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since") != "" {
			t.Errorf("%s is asked for with %v", r.URL, r.Header)
		}
		siteOf(docs).ServeHTTP(rw, r)
	}))
	w.cfg.Targets[0].PublicURL = public.url
	m, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := m.Once(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestPublicURLOfNginx serves the folder with a real nginx: the next edition,
// a file that is the server list itself, and a wrong folder.
func TestPublicURLOfNginx(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	docs := w.Documents(t0, "alpha", "beta")
	w.host.serve(docs)
	if err := os.MkdirAll(w.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	url := testenv.Nginx(t, w.folder)
	w.cfg.Targets[0].PublicURL = url
	if report := w.mustOnce(); !strings.HasSuffix(report.Targets[0].String(), "; "+url+" serves the same") {
		t.Errorf("the line says %q", report.Targets[0].String())
	}
	w.Rotate(true)
	w.host.serve(w.Documents(t0+1, "alpha"))
	w.cfg.Targets[0].PublicURL = url + "server.list"
	w.mustOnce()

	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	w.cfg.Targets[0].Target = publish.Folder{Path: elsewhere}
	w.host.serve(w.Documents(t0+2, "alpha"))
	if _, err := w.once(); err == nil || !strings.Contains(err.Error(), "serves another folder than the target names") {
		t.Errorf("a web server with another folder: %v", err)
	}
	w.cfg.Targets[0].PublicURL = url + "no/such/folder/"
	if _, err := w.once(); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a public_url that is not there: %v", err)
	}
}
