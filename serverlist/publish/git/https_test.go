package git_test

import (
	"bytes"
	"encoding/pem"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish/git"
)

const token = "glpat-Tr0ub4dor'\\%s$x" // with what a careless script would trip over

// serveHTTPS serves a folder of repositories with git's own server program to
// user "deploy" with the token, and returns the base URL and a file with the
// certificate.
func serveHTTPS(t *testing.T, root string, each func()) (base, caFile string) {
	t.Helper()
	backend := filepath.Join(run(t, "", "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Fatal(err)
	}
	handler := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1",
		"REMOTE_USER=deploy", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1"}, InheritEnv: []string{"PATH"}}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		each()
		user, password, _ := r.BasicAuth()
		switch {
		case user == "reader" && strings.Contains(r.URL.String(), "receive-pack"):
			http.Error(w, "read only", http.StatusForbidden)
		case (user == "deploy" || user == "reader") && password == token:
			handler.ServeHTTP(w, r)
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(caFile, block, 0o644); err != nil {
		t.Fatal(err)
	}
	return server.URL, caFile
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	remote := bare(t, true)
	var seen atomic.Bool
	base, caFile := serveHTTPS(t, filepath.Dir(remote), func() {
		if inArguments(t, token) {
			seen.Store(true)
		}
	})
	asked := 0
	target := git.Target{Remote: base + "/pages.git", Branch: "pages", CAFile: caFile, User: "deploy",
		Password: func() (string, error) { asked++; return token, nil }}
	sets := documents(2)
	set(t, target, sets[0])
	set(t, target, sets[1])
	if show(t, remote, "server.list") != string(sets[1].Servers.Bytes()) {
		t.Error("server.list is not what was published")
	}
	if asked != 4 {
		t.Errorf("the password was asked for %d times in 4 sessions", asked)
	}
	if seen.Load() {
		t.Error("the password is in the arguments of a process")
	}

	wrong := target
	wrong.Password = func() (string, error) { return "battery staple", nil }
	noSecret(t, fails(t, wrong, "Authentication failed", "token"))
	wrong.Password = nil
	fails(t, wrong, "wants a user and a password")
	wrong = target
	wrong.CAFile = ""
	noSecret(t, fails(t, wrong, "certificate"))
	wrong = target
	wrong.Remote = base + "/away.git"
	noSecret(t, fails(t, wrong, "not found"))
	wrong = target
	wrong.User = "reader"
	s, err := wrong.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), "server.list", []byte("x")); err != nil {
		t.Fatal(err)
	}
	err = s.Close()
	noSecret(t, err)
	if err == nil || !strings.Contains(err.Error(), "may not write to the repository") {
		t.Errorf("pushing without the right to gives %v", err)
	}
}

func noSecret(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{token, "battery", "Tr0ub4dor"} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("a secret is in: %v", err)
		}
	}
}

// inArguments looks at what every user of this machine can see of processes.
func inArguments(t *testing.T, text string) bool {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Error(err)
	}
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && bytes.Contains(data, []byte(text)) { // others may have ended
			return true
		}
	}
	return false
}
