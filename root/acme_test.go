package root_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/config"
)

func portOf(t testing.TB, address string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// untilLogged returns when the log of the root holds a text.
func (w *world) untilLogged(text string) {
	w.t.Helper()
	w.until(fmt.Sprintf("log %q", text), func() bool { return strings.Contains(w.log.String(), text) })
}

// TestACME gets certificates from a real authority, in both ways in which it may
// convince itself, and has them again after a start without it.
func TestACME(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{"tls-alpn-01", "http-01"} {
		t.Run(challenge, func(t *testing.T) {
			t.Parallel()
			secure, plain, closed := testenv.FreeAddress(t), testenv.FreeAddress(t), testenv.FreeAddress(t)
			dns := testenv.NewDNS(t)
			dns.Host("ms.example.org", "127.0.0.1")
			dns.Host("other.example.org", "127.0.0.1")
			tlsPort, httpPort := portOf(t, secure), portOf(t, closed)
			if challenge == "http-01" {
				tlsPort, httpPort = portOf(t, closed), portOf(t, plain)
			}
			authority := testenv.Pebble(t, dns, tlsPort, httpPort)
			with := func(directory string) func(*config.Config) {
				return func(c *config.Config) {
					c.Listen = secure
					c.TLS = &config.TLS{
						ACMENames: []string{"ms.example.org"}, ACMEAcceptTerms: true, ACMEEmail: "admin@example.org",
						ACMEDirectory: directory, ACMECAFile: authority.CAFile, ListenHTTP: plain,
					}
				}
			}
			w := newWorld(t, with(authority.Directory))
			w.untilLogged("there is a TLS certificate")
			wantCertificate(t, w, secure, authority.Roots(t))
			w.stop()
			if info, err := os.Stat(filepath.Join(w.dir, "acme")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
				t.Errorf("the folder of accounts and keys: %v, %v", info.Mode(), err)
			}
			again := serveData(t, w.dir, with("https://"+closed+"/dir")) // where nobody is
			again.untilLogged("there is a TLS certificate")
			wantCertificate(t, again, secure, authority.Roots(t))
		})
	}
}

func wantCertificate(t testing.TB, w *world, address string, pool *x509.CertPool) {
	t.Helper()
	for name, works := range map[string]bool{"ms.example.org": true, "MS.example.org": true, "": true, "other.example.org": false, "unknown": false} {
		cfg := &tls.Config{RootCAs: pool, ServerName: name}
		if name == "" { // a client that names no host
			cfg.InsecureSkipVerify = true
		}
		conn, err := tls.Dial("tcp", address, cfg)
		if (err == nil) != works {
			t.Errorf("a client that asks for %q: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
	client := trusting(t, pool, func(c *tls.Config) { c.ServerName = "ms.example.org" })
	resp, err := client.Get("https://" + address + "/server.list")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("server.list: %s", resp.Status)
	}
	metrics := string(w.send(exchange{"GET", w.admin + "/metrics", []string{"Authorization: Bearer " + w.token}, ""}).body)
	if !strings.Contains(metrics, `metaserver_certificate_expiry_timestamp_seconds{listener="public"} 1.`) && !strings.Contains(metrics, `metaserver_certificate_expiry_timestamp_seconds{listener="public"} 2.`) {
		t.Error("the metrics do not tell when the certificate expires")
	}
}

// Without an authority the root says so and serves plain http all the same.
func TestACMEAway(t *testing.T) {
	t.Parallel()
	_, _, closed := testenv.Certificate(t, time.Hour)
	plain, away := testenv.FreeAddress(t), testenv.FreeAddress(t)
	w := newWorld(t, func(c *config.Config) {
		c.TLS = &config.TLS{ACMENames: []string{"ms.example.org"}, ACMEAcceptTerms: true, ACMEDirectory: "https://" + away + "/dir", ListenHTTP: plain}
	})
	w.untilLogged("there is no TLS certificate yet")
	if a := w.send(exchange{"GET", "http://" + plain + "/server.list", nil, ""}); a.status != http.StatusOK {
		t.Errorf("plain http: %d", a.status)
	}
	client := trusting(t, closed, func(c *tls.Config) { c.ServerName = "ms.example.org" })
	if resp, err := client.Get(strings.Replace(w.public, "http:", "https:", 1) + "/server.list"); err == nil {
		resp.Body.Close()
		t.Error("there is a certificate from nowhere")
	}
	if a := w.ask("GET", "/lists", ""); a.status != http.StatusOK {
		t.Errorf("the admin listener: %d", a.status)
	}
}
