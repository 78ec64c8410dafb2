package testenv

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An Authority is a Pebble, an authority that gives certificates by ACME, which
// runs until the test ends. It believes nobody: it connects to the names of which
// it is asked for certificates, wherever its name server says they are.
type Authority struct {
	Directory string // URL
	CAFile    string // PEM: vouches for the TLS of the directory

	management string
	client     *http.Client
}

// Pebble starts an authority that asks this name server and connects to these
// ports in place of 443 and 80.
func Pebble(t testing.TB, dns *DNS, tlsPort, httpPort int) *Authority {
	t.Helper()
	program := Program(t, "pebble")
	run := t.TempDir()
	cert, key, pool := Certificate(t, time.Hour)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	a := &Authority{CAFile: cert, client: &http.Client{Transport: transport}}
	port := serve(t, func(port int) (*process, error) {
		management := freePort(t)
		a.management = fmt.Sprintf("https://127.0.0.1:%d", management)
		config, err := json.Marshal(map[string]any{"pebble": map[string]any{
			"listenAddress":           fmt.Sprintf("127.0.0.1:%d", port),
			"managementListenAddress": fmt.Sprintf("127.0.0.1:%d", management),
			"certificate":             cert,
			"privateKey":              key,
			"httpPort":                httpPort,
			"tlsPort":                 tlsPort,
			"retryAfter":              map[string]int{"authz": 1, "order": 1},
		}})
		if err != nil {
			return nil, err
		}
		file := filepath.Join(run, "config.json")
		if err := os.WriteFile(file, config, 0o600); err != nil {
			return nil, err
		}
		cmd := command(t, program, "-config", file, "-dnsserver", dns.Addr)
		cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
		p, err := launch(cmd, filepath.Join(run, "log"))
		if err != nil {
			return nil, err
		}
		err = p.await(func() bool { _, err := a.root(); return err == nil })
		if err != nil && strings.Contains(err.Error(), "address already in use") {
			return nil, errPortTaken
		}
		return p, err
	})
	a.Directory = fmt.Sprintf("https://127.0.0.1:%d/dir", port)
	return a
}

// Roots returns the pool that trusts the certificates which the authority gives.
func (a *Authority) Roots(t testing.TB) *x509.CertPool {
	t.Helper()
	pem, err := a.root()
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%q holds no certificate", pem)
	}
	return pool
}

func (a *Authority) root() ([]byte, error) {
	resp, err := a.client.Get(a.management + "/roots/0")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("Pebble answers %s", resp.Status)
	}
	return io.ReadAll(resp.Body)
}
