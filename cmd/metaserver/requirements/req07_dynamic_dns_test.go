package requirements_test

import (
	"context"
	"net"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A host name is published as written; clients resolve it. The server moves
// from one address to another, and neither the list nor the admin has anything
// to do with it.
func TestRequirement07_HostNameIsPublishedAsWritten(t *testing.T) {
	t.Parallel()
	dns := testenv.NewDNS(t)
	before := listen(t, "127.0.0.1:0", "before")
	_, port, err := net.SplitHostPort(before)
	if err != nil {
		t.Fatal(err)
	}
	after := listen(t, "127.0.0.2:"+port, "after")

	r := newRoot(t)
	req := request("1")
	req.Address = "Home.DynDNS.test:" + port
	r.approve(r.register(req).ID)
	c := r.client()
	list := r.until(c, func(list []serverlist.Server) bool { return len(list) == 1 })
	if got := list[0].Addresses; len(got) != 1 || got[0] != req.Address {
		t.Fatalf("published as %q", got)
	}
	first := edition(t, r)
	for _, at := range []string{before, after} {
		host, _, err := net.SplitHostPort(at)
		if err != nil {
			t.Fatal(err)
		}
		dns.Host("home.dyndns.test", host)
		list := r.until(c, func([]serverlist.Server) bool { return true })
		if got := greeting(t, dns, list[0].Addresses[0]); got != map[string]string{before: "before", after: "after"}[at] {
			t.Errorf("at %s a player reaches %q", at, got)
		}
	}
	if after := edition(t, r); after != first {
		t.Errorf("the move made edition %d out of %d", after, first)
	}
}

// edition returns the version of the server list.
func edition(t *testing.T, r *rootNode) int64 {
	t.Helper()
	lists, err := r.Admin.Lists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		if l.Name == "server.list" {
			return l.Version
		}
	}
	return 0
}

// listen runs a server that says who it is, until the test ends, and returns
// where.
func listen(t *testing.T, at, name string) string {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Skipf("no second loopback address, or its port is taken: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte(name))
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// greeting connects as a player's computer does, and returns what the server
// says.
func greeting(t *testing.T, dns *testenv.DNS, address string) string {
	t.Helper()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, dns.Addr)
	}}
	conn, err := (&net.Dialer{Resolver: resolver}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 16)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}
