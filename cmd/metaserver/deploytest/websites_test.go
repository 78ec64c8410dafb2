package deploytest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// A website is a real server with one of the files from deploy/, included as the
// comment in the file says, under the name that stands there.
type website struct {
	*testenv.Website
	t    testing.TB
	name string // "mirror.example.net"
}

// startWebsite starts a server with deploy/FOLDER/NAME, after the replacements of
// old by new, which are pairs.
func startWebsite(t testing.TB, server, file, name string, replace ...string) *website {
	t.Helper()
	snippet, err := os.ReadFile(filepath.Join(deployFolder, file))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(snippet), replace[i]) {
			t.Fatalf("%s does not mention %s", file, replace[i])
		}
	}
	text := strings.NewReplacer(replace...).Replace(string(snippet))
	w := &website{t: t, name: name}
	w.Website = testenv.StartWebsite(t, server, func(s *testenv.Website) string {
		cert, key := newCertificate(t, s.Dir, name)
		path := filepath.Join(s.Dir, "snippet")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		block := strings.NewReplacer(
			"listen 80;", fmt.Sprintf("listen 127.0.0.1:%d;", s.HTTP), "listen 443 ssl;", fmt.Sprintf("listen 127.0.0.1:%d ssl;", s.HTTPS),
			"listen [::]:80;", "", "listen [::]:443 ssl;", "", // not every machine has IPv6
			"*:80", fmt.Sprintf("127.0.0.1:%d", s.HTTP), "*:443", fmt.Sprintf("127.0.0.1:%d", s.HTTPS),
			"/etc/letsencrypt/live/"+name+"/fullchain.pem", cert, "/etc/letsencrypt/live/"+name+"/privkey.pem", key,
			"snippets/metaserver-mirror.conf", path, "snippets/metaserver-root.conf", path, "/etc/apache2/metaserver-root.conf", path,
			"/etc/caddy/metaserver-mirror.caddy", path, "/etc/caddy/metaserver-root.caddy", path,
		).Replace(exampleIn(string(snippet)))
		return around[server](s, block, path, name, cert, key)
	})
	return w
}

// around makes a whole configuration of the example in a file.
var around = map[string]func(s *testenv.Website, block, path, name, cert, key string) string{
	"nginx": func(s *testenv.Website, block, _, _, _, _ string) string {
		return fmt.Sprintf(`http {
	access_log off;
	gzip on;
	gzip_types *;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	%[2]s
}`, s.Dir, block)
	},
	"apache2": func(s *testenv.Website, block, path, name, cert, key string) string {
		config := fmt.Sprintf("Listen 127.0.0.1:%d\nListen 127.0.0.1:%d\n", s.HTTP, s.HTTPS)
		for _, module := range []string{"headers", "alias", "env", "ssl", "proxy", "proxy_http", "rewrite", "filter", "deflate"} {
			config += s.LoadModule(module)
		}
		config += "<Directory />\nRequire all denied\n</Directory>\nAddOutputFilterByType DEFLATE text/plain\n"
		if !strings.Contains(block, "<VirtualHost") { // the file is for all hosts
			block = fmt.Sprintf("Include %s\n<VirtualHost 127.0.0.1:%d>\nServerName %s\n</VirtualHost>\n<VirtualHost 127.0.0.1:%d>\nServerName %s\nSSLEngine on\nSSLCertificateFile %s\nSSLCertificateKeyFile %s\n</VirtualHost>\n",
				path, s.HTTP, name, s.HTTPS, name, cert, key)
		}
		return config + block
	},
	"caddy": func(s *testenv.Website, block, _, _, _, _ string) string {
		return fmt.Sprintf("{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n\thttp_port %d\n\thttps_port %d\n}\n%s", s.HTTP, s.HTTPS, block)
	},
}

// exampleIn returns the example in the comment that a file begins with: the lines
// that are indented.
func exampleIn(text string) string {
	var example []string
	for line := range strings.Lines(text) {
		if code, ok := strings.CutPrefix(line, "#   "); ok {
			example = append(example, code)
		} else if !strings.HasPrefix(line, "#") || len(example) > 1 && strings.HasPrefix(line, "# and") {
			break
		}
	}
	return strings.Join(example, "")
}

// newCertificate makes a certificate for a name, signed by itself.
func newCertificate(t testing.TB, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// client returns an HTTP client for which the world's only host is the website.
// It calls from the address given, follows no redirect, and takes any certificate.
func (w *website) client(from string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			port := w.HTTP
			if strings.HasSuffix(addr, ":443") {
				port = w.HTTPS
			}
			return dialer.DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
		},
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
		DisableCompression: true,
	}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// A reply is an answer as a test looks at it.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends a request with headers "Name: value".
func ask(t testing.TB, client *http.Client, method, url, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return reply{resp.StatusCode, resp.Header, string(data)}
}
