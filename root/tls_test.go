package root_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/config"
)

// trusting returns a client that trusts the pool alone and follows no redirect.
func trusting(t testing.TB, pool *x509.CertPool, change ...func(*tls.Config)) *http.Client {
	t.Helper()
	cfg := &tls.Config{RootCAs: pool}
	for _, c := range change {
		c(cfg)
	}
	transport := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func withTLS(t testing.TB, w **world, pool *x509.CertPool, change ...func(*config.Config)) {
	t.Helper()
	*w = newWorld(t, change...)
	(*w).http = trusting(t, pool)
	(*w).public = strings.Replace((*w).public, "http:", "https:", 1)
}

func TestTLSFromFiles(t *testing.T) {
	t.Parallel()
	cert, key, pool := testenv.Certificate(t, time.Hour)
	plain := testenv.FreeAddress(t)
	var w *world
	withTLS(t, &w, pool, func(c *config.Config) {
		c.TLS = &config.TLS{CertificateFile: cert, KeyFile: key, ListenHTTP: plain}
		c.AdminTLS = &config.TLS{CertificateFile: cert, KeyFile: key}
	})
	w.admin = strings.Replace(w.admin, "http:", "https:", 1)
	resp, err := w.http.Get(w.public + "/server.list")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Errorf("%s %s", resp.Proto, resp.Status)
	}
	if a := w.ask("GET", "/lists", ""); a.status != http.StatusOK {
		t.Errorf("the admin listener: %d", a.status)
	}
	old := trusting(t, pool, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 })
	if resp, err := old.Get(w.public + "/server.list"); err == nil {
		resp.Body.Close()
		t.Error("TLS 1.1 is spoken")
	}

	// Plain http has the same documents, and nothing else.
	secure := string(w.get("/server.list").body)
	for path, want := range map[string]int{"/server.list": 200, "/mirror.list": 200, "/trust/1.trust": 200, "/trust/2.trust": 404, "/": 308, "/api/v1/registrations": 308} {
		a := w.send(exchange{"GET", "http://" + plain + path, nil, ""})
		if a.status != want {
			t.Errorf("%s by plain http: %d", path, a.status)
		}
		if path == "/server.list" && string(a.body) != secure {
			t.Error("plain http serves another list")
		}
		if a.status == 308 && a.header.Get("Location") != w.public+path {
			t.Errorf("%s is sent to %s", path, a.header.Get("Location"))
		}
	}
	metrics := string(w.send(exchange{"GET", w.admin + "/metrics", []string{"Authorization: Bearer " + w.token}, ""}).body)
	for _, want := range []string{`metaserver_certificate_expiry_timestamp_seconds{listener="public"} 1.`, `{listener="admin"} 1.`, `listener="http",route="/server.list",status="200"`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no metric %s", want)
		}
	}
	if strings.Contains(w.log.String(), "travel unencrypted") {
		t.Error("the admin listener has TLS, and the log says that it has not")
	}
}

func TestTLSRefused(t *testing.T) {
	t.Parallel()
	cert, key, _ := testenv.Certificate(t, time.Hour)
	_, other, _ := testenv.Certificate(t, time.Hour)
	for _, tc := range []struct{ text, says string }{
		{`certificate_file = "` + cert + `"`, "[tls]: certificate_file and key_file belong together"},
		{`listen_http = "127.0.0.1:0"`, "belong together"},
		{`acme_names = ["ms.example.org"]`, "acme_accept_terms = true"},
		{"acme_accept_terms = true\nacme_names = [\"*.example.org\"]", "not the whole name of a host"},
		{"acme_accept_terms = true\nacme_names = [\"192.0.2.1\"]", "not the whole name of a host"},
		{"acme_accept_terms = true\nacme_names = [\"ms.example.org\"]\nkey_file = \"k\"", "remove one"},
		{"certificate_file = \"none.pem\"\nkey_file = \"none.key\"", "none.pem: no such file"},
		{`certificate_file = "` + cert + "\"\nkey_file = \"" + other + `"`, "cannot be used"},
		{`certificate_file = "` + key + "\"\nkey_file = \"" + key + `"`, "cannot be used"},
		{`certificate_file = "` + cert + "\"\nkey_file = \"" + key + "\"\nlisten_http = \"80\"", "host:port"},
	} {
		dir := newData(t)
		if err := os.WriteFile(filepath.Join(dir, "root.toml"), []byte("[tls]\n"+tc.text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(dir)
		if err == nil {
			var r *root.Root
			if r, err = root.New(cfg); err == nil {
				r.Close()
			}
		}
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", tc.text, err)
		}
	}
}

// Sockets that were handed over take the place of addresses; one that nobody
// asked for is refused.
func TestHandedSockets(t *testing.T) {
	t.Parallel()
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	public, second, admin := listen(), listen(), listen()
	w := newWorld(t, func(c *config.Config) {
		c.Listen, c.AdminListen = "192.0.2.1:1", "192.0.2.1:2" // where nobody can listen
		c.Handed = map[string][]net.Listener{"public": {public, second}, "admin": {admin}}
	})
	if w.public != "http://"+public.Addr().String() || w.get("/server.list").status != http.StatusOK || w.ask("GET", "/lists", "").status != http.StatusOK {
		t.Errorf("it serves at %s and %s", w.public, w.admin)
	}
	if a := w.send(exchange{"GET", "http://" + second.Addr().String() + "/server.list", nil, ""}); a.status != http.StatusOK {
		t.Errorf("the second socket: %d", a.status)
	}
	unix, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	for says, c := range map[string]config.Config{
		`named "other"`:              {Handed: map[string][]net.Listener{"other": {listen()}}},
		`says listen = "none"`:       {Listen: config.ListenNone, Handed: map[string][]net.Listener{"public": {listen()}}},
		"there is no [tls]":          {Handed: map[string][]net.Listener{"http": {listen()}}},
		"is no TCP socket":           {Handed: map[string][]net.Listener{"public": {unix}}},
		"is not an address to liste": {AdminListen: "80"},
	} {
		c.Data = newData(t)
		r, err := root.New(c)
		if err == nil {
			err = r.Run(t.Context())
			r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want %q", err, says)
		}
		for _, all := range c.Handed {
			all[0].Close()
		}
	}
}
