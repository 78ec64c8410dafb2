package limit

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// A madeConn is a connection from anywhere that tells whether it was closed.
type madeConn struct {
	net.Conn
	from   string
	closed bool
}

func (c *madeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}
func (c *madeConn) Close() error { c.closed = true; return nil }

// A street is a limiter with connections that a test opens.
type street struct {
	l     *Conns
	conns []*madeConn
}

func newStreet(all, perSource int) *street {
	return &street{l: newConns(all, perSource, func(a netip.Addr) bool { return a.IsLoopback() })}
}

// open opens connections in these states, "idle" and "works", from an address.
func (s *street) open(from string, states ...http.ConnState) (opened []*madeConn) {
	for _, state := range states {
		c := &madeConn{from: fmt.Sprintf("%s:%d", from, 1000+len(s.conns))}
		s.conns = append(s.conns, c)
		opened = append(opened, c)
		s.l.Track(c, http.StateNew)
		if state != http.StateNew && !c.closed {
			s.l.Track(c, state)
		}
		if c.closed {
			s.l.Track(c, http.StateClosed) // as the server says of it
		}
	}
	return opened
}

// left returns from where connections are open, in order.
func (s *street) left() string {
	var from []string
	for _, c := range s.conns {
		if !c.closed {
			from = append(from, c.from[:strings.LastIndexByte(c.from, ':')])
		}
	}
	return strings.Join(from, " ")
}

func TestConnLimiter(t *testing.T) {
	t.Parallel()
	const works, idle = http.StateActive, http.StateIdle
	a, b, c, near := "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.2.2"
	for _, tc := range []struct {
		name string
		do   func(s *street)
		left string
	}{
		{"one source has its share", func(s *street) { s.open(a, works, works, works, idle) }, "192.0.2.1 192.0.2.1"},
		{"its neighbour has its own", func(s *street) { s.open(a, works, works, works); s.open(near, works) }, "192.0.2.1 192.0.2.1 192.0.2.2"},
		{"a /64 is one source", func(s *street) { s.open("[2001:db8::1]", works, works); s.open("[2001:db8::2]", works) }, "[2001:db8::1] [2001:db8::1]"},
		{"a proxy has no share", func(s *street) { s.open("127.0.0.1", works, works, works) }, "127.0.0.1 127.0.0.1 127.0.0.1"},
		{"one that waits makes room", func(s *street) { s.open(a, works, idle); s.open(b, works, works); s.open(c, works) },
			"192.0.2.1 198.51.100.1 198.51.100.1 203.0.113.1"},
		{"whoever has more makes room", func(s *street) { s.open(a, works); s.open(b, works, works); s.open(near, works); s.open(c, works) },
			"192.0.2.1 198.51.100.1 192.0.2.2 203.0.113.1"},
		{"nobody has more", func(s *street) { s.open(a, works, works); s.open(b, works); s.open(c, works); s.open(b, works) },
			"192.0.2.1 192.0.2.1 198.51.100.1 203.0.113.1"},
	} {
		s := newStreet(4, 2)
		tc.do(s)
		left := strings.Fields(s.left())
		// Which of two equal ones makes room is left open.
		if strings.Join(left, " ") != tc.left {
			t.Errorf("%s: open are %q, want %q", tc.name, left, tc.left)
		}
		for _, c := range s.conns {
			s.l.Track(c, http.StateClosed)
		}
		if len(s.l.conns) != 0 || len(s.l.held) != 0 {
			t.Errorf("%s: %d connections and %d counts are left behind", tc.name, len(s.l.conns), len(s.l.held))
		}
	}
}

func TestConnLimiterNetwork(t *testing.T) {
	t.Parallel()
	s := newStreet(1000, 2)
	for n := range 100 {
		s.open(fmt.Sprintf("192.0.2.%d", n), http.StateActive)
	}
	if got := len(strings.Fields(s.left())); got != 16 {
		t.Errorf("%d connections of one network, want 16", got)
	}
}

func TestConnectionsFitTheDescriptors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ wanted, files, n int }{
		{4096, 1 << 20, 4096}, {4096, 4352, 4096}, {4096, 4096, 3840}, {4096, 1024, 768}, {4096, 256, 128}, {100, 1024, 100},
	} {
		n, warning := affordable(tc.wanted, tc.files)
		if n != tc.n || (warning != "") != (n < tc.wanted) {
			t.Errorf("%d wanted, %d descriptors: %d, %q", tc.wanted, tc.files, n, warning)
		}
	}
}
