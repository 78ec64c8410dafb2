package serverlist_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A launcher prints what was tried on a terminal or a page. Whatever a host puts
// into an answer, or into its certificate, what is told of it controls no
// terminal and fills no screen.
func TestFetchTellsInPlainWords(t *testing.T) {
	t.Parallel()
	const erase = "\x1b[2J\x1b]0;owned\a\r\n"
	long := strings.Repeat("x", 30<<10)
	for name, tt := range map[string]struct{ url, says string }{
		"a certificate for a terminal":  {certifiedFor(t, erase), "the TLS certificate does not hold"},
		"a certificate of a long name":  {certifiedFor(t, long), "the TLS certificate does not hold"},
		"a header for a terminal":       {answering(t, "HTTP/1.1 200 OK\r\n"+erase+"\r\n"), "malformed"},
		"a header of a long line":       {answering(t, "HTTP/1.1 200 OK\r\n"+long+"\r\n\r\n"), "malformed"},
		"a status for a terminal":       {answering(t, "HTTP/1.1 "+erase), "malformed"},
		"a redirect for a terminal":     {answering(t, "HTTP/1.1 302 Found\r\nLocation: http://"+erase+"/\r\n\r\n"), "malformed"},
		"a redirect to a long name":     {answering(t, "HTTP/1.1 302 Found\r\nLocation: //"+long+"\r\n\r\n"), "redirects to a URL"},
		"an encoding for a terminal":    {answering(t, "HTTP/1.1 200 OK\r\nContent-Encoding: \u009b2J\u202e\r\n\r\n"), "not asked for"},
		"a document for a terminal":     {answering(t, "HTTP/1.1 200 OK\r\n\r\n"+strings.TrimSpace(erase)+"\n\n— "+erase), "bad-text"},
		"a document of a long signer":   {answering(t, "HTTP/1.1 200 OK\r\n\r\nx\n\n— "+long+"\n\n"), "signature"},
		"a range for a terminal":        {answering(t, "HTTP/1.1 206 Partial Content\r\nContent-Range: \u009b2J\r\n\r\n"), "206"},
		"an encoding of transfers, too": {answering(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+long+"\r\n\r\n"), "unsupported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := serverlisttest.NewRoot(serverlisttest.Options{})
			f := &serverlist.Fetcher{AllowPrivate: true}
			defer f.CloseIdleConnections()
			_, err := f.List(t.Context(), tt.url, root.Want(serverlist.TypeServerList), root.Chain(), nil)
			var fe *serverlist.FetchError
			if !errors.As(err, &fe) || !strings.Contains(fe.Detail, tt.says) {
				t.Fatalf("%.200q does not say %q", err, tt.says)
			}
			if problem := serverlist.CheckText(fe.Detail, 800); problem != nil {
				t.Errorf("%.200q: %v", fe.Detail, problem)
			}
		})
	}
}

// answering starts a server that answers whatever comes with these bytes.
func answering(t *testing.T, answer string) string {
	return serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err == nil {
			io.WriteString(conn, answer)
			conn.Close()
		}
	})) + "/server.list"
}

// certifiedFor starts a server with a certificate for another name.
func certifiedFor(t *testing.T, name string) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: private}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return "https://localhost:" + port + "/server.list"
}
