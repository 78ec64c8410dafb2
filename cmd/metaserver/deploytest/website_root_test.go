package deploytest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/setup"
)

// TestRootWebsites puts each web server before a real root.
func TestRootWebsites(t *testing.T) {
	t.Parallel()
	for server, file := range map[string]string{"nginx": "nginx/root.conf", "apache2": "apache/root.conf", "caddy": "caddy/root.caddy"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			data, public, admin := serveRoot(t)
			w := startWebsite(t, server, file, "ms.example.org", "127.0.0.1:7480", public)
			for _, base := range []string{"http://ms.example.org/", "https://ms.example.org/"} {
				w.servesRoot(base, data)
			}
			w.registersOverTLS()
			w.saysWhoAsks(admin)
		})
	}
}

// serveRoot serves a new root as the files for web servers say, until the test
// ends.
func serveRoot(t testing.TB) (data, public string, admin *api.Client) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	if _, err := setup.Init(t.Context(), setup.Config{Data: data, Origin: "ms.example.org", PublicURL: "https://ms.example.org/"}); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan [2]net.Addr, 1)
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.TrustedProxies = []string{"127.0.0.1", "::1"}
	cfg.AllowPrivate = true
	cfg.Ready = func(public, admin net.Addr) { ready <- [2]net.Addr{public, admin} }
	r, err := root.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(r.Run(ctx), r.Close()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the root ended with %v", err)
		}
	})
	var addrs [2]net.Addr
	select {
	case addrs = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatalf("the root does not serve: %v", err)
	}
	token, err := os.ReadFile(filepath.Join(data, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	return data, addrs[0].String(), &api.Client{Root: "http://" + addrs[1].String(), Token: strings.TrimSpace(string(token))}
}

// servesRoot: the documents come as the root sends them, and nothing of the admins.
func (w *website) servesRoot(base, data string) {
	w.t.Helper()
	documents := make(map[string]string)
	for _, name := range []string{"server.list", "mirror.list", "trust/1.trust"} {
		text, err := os.ReadFile(filepath.Join(data, "public", name))
		if err != nil {
			w.t.Fatal(err)
		}
		documents[name] = string(text)
	}
	w.servesDocuments(base, documents, "gzip")
	client := w.client("127.0.0.5")
	for _, path := range []string{"root.toml", "admin.token", "trust/..%2f..%2fadmin.token", "trust/2.trust", "server%2elist", "absent"} {
		if a := ask(w.t, client, "GET", base+path, ""); a.status != 404 && a.status != 400 || strings.Contains(a.header.Get("Cache-Control"), "immutable") {
			w.t.Errorf("%s%s: status %d, Cache-Control %q", base, path, a.status, a.header.Get("Cache-Control"))
		}
	}
	for _, path := range []string{"api/v1/admin/registrations", "api/v1/admin", "api/v1/admin/trust"} {
		if a := ask(w.t, client, "GET", base+path, ""); a.status != 404 && a.status != 308 {
			w.t.Errorf("%s%s: status %d", base, path, a.status)
		}
	}
}

const registration = `{"name":"Cat","addresses":["play.example.net:13327"],"game":"crossfire","email":"me@example.net","description":"All are welcome"}`

// registersOverTLS: what holds an e-mail address does not go in clear, and what is
// too large stops at the door.
func (w *website) registersOverTLS() {
	w.t.Helper()
	client := w.client("127.0.0.5")
	const path = "ms.example.org/api/v1/registrations"
	a := ask(w.t, client, "POST", "http://"+path, registration, "Content-Type: application/json")
	if a.status != 308 || a.header.Get("Location") != "https://"+path {
		w.t.Errorf("a registration over http: status %d, Location %q", a.status, a.header.Get("Location"))
	}
	for _, page := range []string{"register", "register/mirror", "status/r1/secret", "transfer/my-server/secret"} {
		if a := ask(w.t, client, "GET", "http://ms.example.org/"+page, ""); a.status != 308 || a.header.Get("Location") != "https://ms.example.org/"+page {
			w.t.Errorf("%s over http: status %d, Location %q", page, a.status, a.header.Get("Location"))
		}
	}
	if a := ask(w.t, client, "GET", "https://ms.example.org/register", ""); a.status != 200 || !strings.Contains(a.body, "<form") || a.header.Get("Access-Control-Allow-Origin") != "" {
		w.t.Errorf("the form: status %d, %v", a.status, a.header)
	}
	large := `{"name":"` + strings.Repeat("x", 3<<20) + `"}`
	if a := ask(w.t, client, "POST", "https://"+path, large, "Content-Type: application/json"); a.status != 413 {
		w.t.Errorf("3 MB: status %d, %s", a.status, a.body)
	}
	long := `{"name":"` + strings.Repeat("x", 100<<10) + `"}`
	if a := ask(w.t, client, "POST", "https://"+path, long, "Content-Type: application/json"); a.status < 400 || !strings.Contains(a.body, "name") {
		w.t.Errorf("the root does not say what is too long: status %d, %s", a.status, a.body)
	}
}

// saysWhoAsks: the root sees the client's address, whatever the client claims.
func (w *website) saysWhoAsks(admin *api.Client) {
	w.t.Helper()
	a := ask(w.t, w.client("127.0.0.5"), "POST", "https://ms.example.org/api/v1/registrations", registration,
		"Content-Type: application/json", "X-Forwarded-For: 203.0.113.9", "X-Real-IP: 203.0.113.9", "Forwarded: for=203.0.113.9")
	if a.status >= 300 || !strings.Contains(a.body, "https://ms.example.org/api/v1/registrations/") {
		w.t.Fatalf("a registration: status %d, %s", a.status, a.body)
	}
	pending, err := admin.Pending(w.t.Context())
	if err != nil || len(pending) != 1 {
		w.t.Fatalf("%d registrations wait, %v", len(pending), err)
	}
	if pending[0].Source != "127.0.0.5" {
		w.t.Errorf("the root thinks that %s asked", pending[0].Source)
	}
}
