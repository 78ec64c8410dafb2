package command_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish/command"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestPublicURLAnswers: only 404 and 410 mean that a document is absent. All
// else that is no document ends the run before anything is pushed.
func TestPublicURLAnswers(t *testing.T) {
	t.Parallel()
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	status := func(n int) http.HandlerFunc { return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) } }
	raw := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(conn, answer)
			conn.Close()
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string // "": absent
	}{
		"not found": {status(404), ""},
		"gone":      {status(410), ""},
		"forbidden": {status(403), "HTTP 403"},
		"no answer": {status(204), "HTTP 204"},
		"fault":     {status(500), "HTTP 500"},
		"busy":      {status(503), "HTTP 503"},
		"login": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "\n <!doctype html><title>Sign in</title>")
		}, "a web page instead of a file"},
		"to a login": {func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/login") {
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w, "<html>")
				return
			}
			http.Redirect(w, r, "/login?token=secret", http.StatusFound)
		}, "a web page instead of a file"},
		"cut":         {raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "unexpected EOF"},
		"without end": {raw("HTTP/1.1 200 OK\r\n\r\nhalf"), "how long its answer is"},
		"nothing":     {raw(""), "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := httptest.NewServer(c.answer)
			defer host.Close()
			pushed := filepath.Join(t.TempDir(), "pushed")
			target := command.Target{Push: []string{"touch", pushed, "{folder}"}, PublicURL: host.URL + "/ms/"}
			want := c.want
			if want == "" {
				want = "something else came back" // from a host that stays empty
			}
			wantError(t, target, docs, want)
			if _, err := os.Stat(pushed); (err == nil) != (c.want == "") {
				t.Errorf("push ran: %v", err == nil)
			}
		})
	}
}

func TestPublicURLAsksCaches(t *testing.T) {
	t.Parallel()
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: no word to caches on the way", r.URL)
		}
		w.WriteHeader(500)
		fmt.Fprint(w, "secret")
	}))
	defer host.Close()
	wantError(t, command.Target{Push: []string{"true", "{folder}"}, PublicURL: host.URL + "/server.list"},
		publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha"), "/trust/1.trust: the host answers HTTP 500")
}
