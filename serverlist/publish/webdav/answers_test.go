package webdav_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/publish/webdav"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestOtherAnswers lists what nginx and Apache do not say here. Whatever a host
// answers a GET but 200, 404 and 410, nothing may be written to it.
func TestOtherAnswers(t *testing.T) {
	t.Parallel()
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	status := func(n int) http.HandlerFunc { return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) } }
	onWrite := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(n)
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		writes bool // a write was tried
		want   string
	}{
		"login page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "\ufeff\r\n<!DOCTYPE html><title>Sign in</title>")
		}, false, "a form for the password"},
		"digest only": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Digest realm="secret", nonce="x"`)
			w.WriteHeader(401)
		}, false, "does not take Basic"},
		"redirect to nowhere": {status(302), false, "a redirect to nowhere"},
		"redirect elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://u:secret@other.example/dav/?token=secret", http.StatusMovedPermanently)
		}, false, "sends us to https://other.example/dav/;"},
		"forbidden":      {status(403), false, "the user may not do this"},
		"no content":     {status(204), false, "204 (No Content)"},
		"multi-status":   {status(207), false, "207 (Multi-Status)"},
		"unknown status": {status(599), false, "599 (unknown status)"},
		"busy":           {status(503), false, "503"},
		"full":           {onWrite(507), true, "writing trust/1.trust: the host answers 507 (Insufficient Storage): the disk is full or the quota is used up"},
		"too large":      {onWrite(413), true, "client_max_body_size"},
		"locked":         {onWrite(423), true, "another program has locked the file"},
		"no way up":      {onWrite(409), true, "making the folder"},
		"no such place":  {onWrite(404), true, "nobody keeps files at this URL"},
		"read-only":      {onWrite(405), true, "there is no WebDAV folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			written := make(chan string, 100)
			host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					written <- r.Method
				}
				c.answer(w, r)
			}))
			defer host.Close()
			wantError(t, target(host.URL+"/ms/"), docs, c.want)
			if (len(written) > 0) != c.writes {
				t.Errorf("%d requests that write", len(written))
			}
		})
	}
}

// TestNoRedirectWithThePassword: the password goes to the host that was named,
// and to no other.
func TestNoRedirectWithThePassword(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was sent on, with %q", r.Method, r.URL, r.Header["Authorization"])
	}))
	defer other.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		host := httptest.NewServer(http.RedirectHandler(other.URL, code))
		defer host.Close()
		s := open(t, target(host.URL))
		if _, err := s.Read(t.Context(), publish.ServerList); err == nil {
			t.Errorf("%d is taken for a document", code)
		}
		if err := s.Write(t.Context(), publish.ServerList, []byte("x")); err == nil {
			t.Errorf("%d is taken for success", code)
		}
	}
}

// TestBehindAProxy: the host knows itself under another URL than the target
// does, and refuses to move to what it takes for another host.
func TestBehindAProxy(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		s := testenv.WebDAV(t, server, testenv.WebDAVOptions{})
		behind, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DisableKeepAlives: true}
		proxy := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }})
		defer proxy.Close()
		docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
		public := strings.Replace(proxy.URL, "127.0.0.1", "localhost", 1)
		set(t, webdav.Target{URL: public + "/a b/"}, docs)
		if data, err := os.ReadFile(filepath.Join(s.Dir, "a b", "server.list")); err != nil || string(data) != string(docs.Servers.Bytes()) {
			t.Errorf("the host has %d bytes: %v", len(data), err)
		}
	})
}

// TestMisunderstoodConditions: a host that answers 412 to every condition gets
// the documents all the same, since what it holds is what was seen.
func TestMisunderstoodConditions(t *testing.T) {
	t.Parallel()
	s := testenv.WebDAV(t, "nginx", testenv.WebDAVOptions{})
	behind, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	reverse := &httputil.ReverseProxy{Transport: &http.Transport{DisableKeepAlives: true}, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Host = r.In.Host
	}}
	refused := 0
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If") != "" || r.Header.Get("Overwrite") == "F" {
			refused++
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		reverse.ServeHTTP(w, r)
	}))
	defer host.Close()
	root := publishtest.NewRoot(serverlisttest.Options{})
	for i := range 2 {
		set(t, webdav.Target{URL: host.URL}, root.Documents(t0+int64(i), "alpha"))
	}
	if refused != 2 {
		t.Errorf("%d conditions were sent in two sessions, want one in each", refused)
	}
}
