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

// The address that answered counts, not what the URL says.
func TestAtPublic(t *testing.T) {
	t.Parallel()
	r := &route{}
	public := netip.MustParseAddr("192.0.2.1")
	r.remote.Store(&public)
	if !r.atPublic("127.0.0.1") {
		t.Error("the address counts, not what the URL says")
	}
}
