package serverlist

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestIsPrivateAddress(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]bool{
		`0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.8.8.8 169.254.169.254 172.16.0.1
		 172.31.255.255 192.0.0.1 192.168.1.1 198.18.0.1 198.19.255.255 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
		 :: ::1 fe80::1 fe80::1%eth0 fc00::1 fd12::1 fec0::1 ff02::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1
		 64:ff9b::10.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1::1 2002:c0a8:101::1 2001:0:1::1 ::7f00:1`: true,
		`8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.0.1.1 192.167.1.1
		 193.0.0.1 198.17.0.1 198.20.0.1 223.255.255.255 2600::1 2001:4860::8888 64:ff9b::8.8.8.8 2002:808:808::1 ::ffff:8.8.8.8`: false,
	} {
		for _, s := range strings.Fields(list) {
			if got := IsPrivateAddress(netip.MustParseAddr(s)); got != want {
				t.Errorf("IsPrivateAddress(%s) = %v", s, got)
			}
		}
	}
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST.": true, "a.localhost": true, "127.0.0.1": true, "::1": true,
		"example.org": false, "localhost.example.org": false, "8.8.8.8": false,
	} {
		if got := isPrivateHost(host); got != want {
			t.Errorf("isPrivateHost(%s) = %v", host, got)
		}
	}
}

// A server on loopback answers only if the user chose such an address.
func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := httptest.NewServer(w.newSite(w.servers("cat2"), nil))
	defer s.Close()
	address := strings.TrimPrefix(s.URL, "http://")
	port := address[strings.LastIndex(address, ":"):]

	for name, tt := range map[string]struct {
		f   *Fetcher
		url string
		ok  bool
	}{
		"by address":               {&Fetcher{}, s.URL, false},
		"by name":                  {&Fetcher{}, "http://localhost" + port, false},
		"allowed":                  {&Fetcher{AllowPrivate: true}, s.URL, true},
		"pinned":                   {&Fetcher{Pinned: []string{s.URL}}, s.URL, true},
		"another pinned is inside": {&Fetcher{Pinned: []string{"http://10.0.0.1/"}}, s.URL, true},
		"another pinned is public": {&Fetcher{Pinned: []string{"http://ms.example.org/"}}, s.URL, false},
		"plain transport given":    {&Fetcher{HTTP: &http.Client{Transport: &http.Transport{}}}, s.URL, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := tt.f
			defer f.CloseIdleConnections()
			_, err := f.List(t.Context(), tt.url+"/server.list", w.want(TypeServerList), w.chain(1), nil)
			var private *privateError
			if (err == nil) != tt.ok || err != nil && !errors.As(err, &private) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Names are judged by what they resolve to, at the moment of dialling.
func TestDialerJudgesAddresses(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	u, _ := url.Parse(s.URL)
	dial := func(f *Fetcher, change func(*route)) error {
		r := &route{}
		change(r)
		ctx := context.WithValue(t.Context(), routeKey{}, r)
		conn, err := f.dialer(0).DialContext(ctx, "tcp", "localhost:"+u.Port())
		if err == nil {
			conn.Close()
		}
		return err
	}
	var private *privateError
	for name, tt := range map[string]struct {
		f      *Fetcher
		change func(*route)
		ok     bool
	}{
		"a name of a list":             {&Fetcher{}, func(*route) {}, false},
		"a name the user chose":        {&Fetcher{}, func(r *route) { r.pinned.Store(true) }, true},
		"the user's proxy":             {&Fetcher{}, func(r *route) { r.proxied.Store(true) }, true},
		"redirect from outside":        {&Fetcher{AllowPrivate: true}, func(r *route) { r.fromPublic.Store(true) }, false},
		"redirect to a name of choice": {&Fetcher{}, func(r *route) { r.pinned.Store(true); r.fromPublic.Store(true) }, false},
	} {
		err := dial(tt.f, tt.change)
		if (err == nil) != tt.ok || err != nil && !errors.As(err, &private) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Within a private network redirects are followed; real sockets show that the
// address of the first hop is known.
func TestRedirectWithinPrivateNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := serve(t, w.newSite(w.servers("cat2"), nil))
	from := serve(t, http.RedirectHandler(to+"/server.list", http.StatusFound))
	f := &Fetcher{AllowPrivate: true}
	defer f.CloseIdleConnections()
	if _, err := f.List(t.Context(), from, w.want(TypeServerList), w.chain(1), nil); err != nil {
		t.Error(err)
	}
	r := &route{}
	public := netip.MustParseAddr("192.0.2.1")
	r.remote.Store(&public)
	if !r.atPublic("127.0.0.1") {
		t.Error("the address counts, not what the URL says")
	}
}

type recordingJar struct{ used bool }

func (j *recordingJar) SetCookies(*url.URL, []*http.Cookie) { j.used = true }
func (j *recordingJar) Cookies(*url.URL) []*http.Cookie     { j.used = true; return nil }

// A proxy of the user's may have a private address; what it is asked for may
// not.
func TestProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.newSite(w.servers("cat2"), nil)
	asked := ""
	proxy, _ := url.Parse(serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		s.ServeHTTP(rw, r)
	})))
	f := &Fetcher{HTTP: &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}}
	defer f.CloseIdleConnections()
	get := func(url string) error {
		_, err := f.List(t.Context(), url, w.want(TypeServerList), w.chain(1), nil)
		return err
	}
	if err := get("http://m.example/server.list"); err != nil || asked != "http://m.example/server.list" {
		t.Errorf("%v, the proxy was asked for %q", err, asked)
	}
	if err := get("http://192.168.1.1/server.list"); !errors.As(err, new(*privateError)) {
		t.Errorf("the router by way of the proxy: %v", err)
	}
}
