package serverlist_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A program brings a transport with a dialer of its own, and a name of a list
// leads to a private address. The request is not sent, unless the user chose
// that address.
func TestPrivateAddressBehindOwnDialer(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	root.Publish(serverlisttest.Servers("cat2"))
	site := root.Site(serverlisttest.Honest)
	var asked atomic.Int64
	counted := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		site.ServeHTTP(rw, r)
	})
	plain, secure := httptest.NewServer(counted), httptest.NewUnstartedServer(counted)
	defer plain.Close()
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()

	// own returns a transport as a program may bring it: every name leads to
	// the server.
	own := func(t *testing.T, s *httptest.Server) *http.Transport {
		tr := http.DefaultTransport.(*http.Transport).Clone()
		tr.Proxy = nil
		tr.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		}
		t.Cleanup(tr.CloseIdleConnections)
		return tr
	}
	for name, tt := range map[string]struct {
		server *httptest.Server
		url    string
		change func(f *serverlist.Fetcher, tr *http.Transport)
		ok     bool
	}{
		"a dialer":              {plain, "http://example.com", nil, false},
		"a dialer, HTTP/2":      {secure, "https://example.com", nil, false},
		"a dialer, with a port": {plain, "http://EXAMPLE.com:8080", nil, false},
		"a transport below another": {plain, "http://example.com", func(f *serverlist.Fetcher, tr *http.Transport) {
			f.HTTP.Transport = roundTripper(tr.RoundTrip)
		}, false},
		"allowed":         {plain, "http://example.com", func(f *serverlist.Fetcher, _ *http.Transport) { f.AllowPrivate = true }, true},
		"allowed, HTTP/2": {secure, "https://example.com", func(f *serverlist.Fetcher, _ *http.Transport) { f.AllowPrivate = true }, true},
		"chosen":          {plain, "http://example.com", func(f *serverlist.Fetcher, _ *http.Transport) { f.Pinned = []string{"http://example.com/"} }, true},
		"the user's proxy": {plain, "http://example.com", func(f *serverlist.Fetcher, tr *http.Transport) {
			tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:3128"})
		}, true},
		"the user's proxy below another": {plain, "http://example.com", func(f *serverlist.Fetcher, tr *http.Transport) {
			tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:3128"})
			f.HTTP.Transport = roundTripper(tr.RoundTrip)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			tr := own(t, tt.server)
			f := &serverlist.Fetcher{HTTP: &http.Client{Transport: tr}}
			if tt.change != nil {
				tt.change(f, tr)
			}
			before := asked.Load()
			for range 2 { // the second time a connection may be kept
				_, err := f.List(t.Context(), tt.url+"/server.list", root.Want(serverlist.TypeServerList), root.Chain(), nil)
				if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "is a private address") {
					t.Errorf("got %v", err)
				}
			}
			if sent := asked.Load() - before; !tt.ok && sent > 0 {
				t.Errorf("%d requests were sent all the same", sent)
			}
		})
	}
}
