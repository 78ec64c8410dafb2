package certificate_test

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/signed-metaserver/metaserver/root/certificate"
)

// Whatever a client offers, it makes nobody ask the authority, which bears few
// failures an hour.
func TestClientsAskNoAuthority(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "away", http.StatusNotFound) // else the library would try again
	}))
	t.Cleanup(authority.Close)
	source := certificate.NewACME(certificate.ACMEConfig{
		Names: []string{"ms.example.org"}, Directory: authority.URL, Cache: t.TempDir(),
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	for _, offered := range [][]string{nil, {"h2", "http/1.1"}, {acme.ALPNProto}, {acme.ALPNProto, "h2"}, {"h2", acme.ALPNProto}} {
		cert, err := source.TLS().GetCertificate(&tls.ClientHelloInfo{ServerName: "ms.example.org", SupportedProtos: offered})
		if err == nil {
			t.Errorf("a client that offers %q gets %v", offered, cert)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("the authority was asked %d times", n)
	}
}
