package probe

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// entry is a Crossfire entry with the given addresses.
func entry(addresses ...string) serverlist.Server {
	return serverlist.Server{ID: "cat2", Name: "Cat 2", Game: "crossfire", Addresses: addresses}
}

// speaker accepts connections until the test ends and says the given bytes on
// each, then hangs up. It returns its address.
func speaker(t *testing.T, says string) string {
	t.Helper()
	return listener(t, func(conn net.Conn) {
		_, _ = conn.Write([]byte(says)) // the prober may have hung up
		conn.Close()
	})
}

// listener accepts connections until the test ends and hands one after the
// other to serve, which may wait for the prober to hang up.
func listener(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

const greeting = "\x00\x23version 1023 1029 Crossfire Server\n"

func TestRealCrossfireServer(t *testing.T) {
	t.Parallel()
	addr := testenv.Crossfire(t)
	prober := &Prober{AllowPrivate: true, Timeout: time.Minute}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	// An address that is refused first, then the real one, twice: a probe must
	// leave the server as it was.
	for _, server := range []serverlist.Server{entry(addr), entry(testenv.FreeAddress(t), addr), entry("127.0.0.1:"+port, addr)} {
		live := prober.Probe(t.Context(), server)
		if live.State != Online || !live.Online || live.Error != "" {
			t.Fatalf("a real crossfire-server is %+v", live)
		}
		if live.CSVersion < 1000 || live.SCVersion < 1000 || live.Software != "Crossfire Server" {
			t.Errorf("versions are not those of a Crossfire server: %+v", live)
		}
		if live.RTT <= 0 || live.Address != addr || live.Protocol != "crossfire" {
			t.Errorf("result is incomplete: %+v", live)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	long := "version 1 2 " + strings.Repeat("x", maxGreeting)
	tests := []struct {
		name, says string
		want       string // part of the error; "" for an online server
		software   string
	}{
		{"greeting", greeting, "", "Crossfire Server"},
		{"more than the greeting", greeting + "\x00\x05hello", "", "Crossfire Server"},
		{"no line end", "\x00\x0fversion 1 2 abc", "", "abc"},
		{"no name", "\x00\x0dversion 1 2 \n", "", ""},
		{"control characters", "\x00\x17version 1 2 a\x1b[2Jb\r\xe2\x80\xaec\n", "", "a[2Jbc"},
		{"Latin-1", "\x00\x10version 1 2 a\xe4b\n", "", "a\uFFFDb"},
		{"silence", "", "closed the connection", ""},
		{"half a length", "\x00", "closed the connection", ""},
		{"cut short", greeting[:20], "closed the connection", ""},
		{"web server", "HTTP/1.1 400 Bad Request\r\n\r\n", "would have 18516 bytes", ""},
		{"too long", string([]byte{byte(len(long) >> 8), byte(len(long))}) + long, "more than 256", ""},
		{"empty message", "\x00\x00", "does not begin with", ""},
		{"other word", "\x00\x05hello", "does not begin with", ""},
		{"one number", "\x00\x0cversion 1023", "no two version numbers", ""},
		{"leading zero", "\x00\x10version 01 2 abc", "no two version numbers", ""},
		{"sign", "\x00\x10version +1 2 abc", "no two version numbers", ""},
		{"huge number", "\x00\x18version 1 9999999999 abc", "no two version numbers", ""},
		{"two spaces", "\x00\x10version  1 2 abc", "no two version numbers", ""},
		{"two lines", "\x00\x14version 1 2 abc\ndef\n", "more than one line", ""},
	}
	prober := &Prober{AllowPrivate: true, Timeout: time.Minute}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			live := prober.Probe(t.Context(), entry(speaker(t, test.says)))
			if test.want == "" {
				if live.State != Online || live.Software != test.software {
					t.Errorf("got %+v, want online with software %q", live, test.software)
				}
				return
			}
			if live.State != Offline || live.Online || !strings.Contains(live.Error, test.want) {
				t.Errorf("got %+v, want offline with an error about %q", live, test.want)
			}
			if live.Software != "" || live.CSVersion != 0 || live.SCVersion != 0 || live.RTT != 0 {
				t.Errorf("a refused answer left its mark: %+v", live)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	prober := &Prober{AllowPrivate: true, Timeout: time.Minute}
	live := prober.Probe(t.Context(), entry(testenv.FreeAddress(t)))
	if live.State != Offline || !strings.Contains(live.Error, "no server listens there") {
		t.Errorf("got %+v", live)
	}
}

func TestSilentServer(t *testing.T) {
	t.Parallel()
	addr := listener(t, func(conn net.Conn) { t.Cleanup(func() { conn.Close() }) })
	prober := &Prober{AllowPrivate: true, Timeout: 50 * time.Millisecond}
	live := prober.Probe(t.Context(), entry(addr))
	if live.State != Offline || !strings.Contains(live.Error, "no answer in time") {
		t.Errorf("got %+v", live)
	}
}

// The prober's side of the conversation must stay empty.
func TestNothingIsSent(t *testing.T) {
	t.Parallel()
	received := make(chan int64, 1)
	addr := listener(t, func(conn net.Conn) {
		_, _ = conn.Write([]byte(greeting)) // a failure shows in the result
		n, _ := conn.Read(make([]byte, 1))  // the end of the connection, if nothing is sent
		conn.Close()
		received <- int64(n)
	})
	prober := &Prober{AllowPrivate: true, Timeout: time.Minute}
	if live := prober.Probe(t.Context(), entry(addr)); !live.Online {
		t.Errorf("got %+v", live)
	}
	if n := <-received; n != 0 {
		t.Errorf("the prober sent something")
	}
}

func TestUnprobed(t *testing.T) {
	t.Parallel()
	resolver := &names{addresses: map[string][]netip.Addr{"localhost": {netip.MustParseAddr("127.0.0.1")}}}
	prober := &Prober{Resolver: resolver, dial: func(_ context.Context, network string, to netip.AddrPort) (net.Conn, error) {
		t.Errorf("%s connection to %s", network, to)
		return nil, net.ErrClosed
	}}
	tests := []struct {
		name   string
		server serverlist.Server
		want   string
	}{
		{"unknown game", serverlist.Server{Game: "chess", Addresses: []string{"192.0.2.1:1"}}, `no probe for "chess"`},
		{"probe member comes first", serverlist.Server{Game: "crossfire", Probe: &serverlist.Probe{Protocol: "gopher"}, Addresses: []string{"192.0.2.1:1"}}, `no probe for "gopher"`},
		{"no game", serverlist.Server{Addresses: []string{"192.0.2.1:1"}}, "neither a game nor a probe"},
		{"no address", entry(), "no address"},
		{"not an address", entry("192.0.2.1"), "no port"},
		{"loopback", entry("127.0.0.1:13327"), "private or loopback"},
		{"loopback name", entry("localhost:13327"), "private or loopback"},
		{"all private", entry("10.1.2.3:1", "[fd00::1]:1"), "fd00::1 is a private"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			live := prober.Probe(t.Context(), test.server)
			if live.State != Unprobed || live.Online || !strings.Contains(live.Error, test.want) {
				t.Errorf("got %+v, want unprobed for %q", live, test.want)
			}
			if live.CheckedAt.IsZero() {
				t.Error("no time")
			}
		})
	}
}

// The dialer must refuse by itself too, whatever it is handed.
func TestDialerJudgesAgain(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddrPort(speaker(t, greeting))
	if conn, err := dialer(true)(t.Context(), "tcp", addr); err != nil {
		t.Errorf("with private addresses allowed: %v", err)
	} else {
		conn.Close()
	}
	mapped := netip.AddrPortFrom(netip.AddrFrom16(addr.Addr().As16()), addr.Port())
	for _, to := range []netip.AddrPort{addr, mapped} {
		conn, err := dialer(false)(t.Context(), "tcp", to)
		if err == nil {
			conn.Close()
			t.Errorf("connected to %s", to)
		}
	}
}

// names is a resolver with fixed names that counts its calls.
type names struct {
	addresses map[string][]netip.Addr
	calls     atomic.Int64
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.calls.Add(1)
	if ips, ok := n.addresses[host]; ok {
		return ips, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// A name that leads to a private and a public address: only the public one is
// dialled, and the name is looked up once, so it cannot change in between.
func TestNames(t *testing.T) {
	t.Parallel()
	resolver := &names{addresses: map[string][]netip.Addr{
		"mixed.example": {netip.MustParseAddr("::ffff:10.0.0.1"), netip.MustParseAddr("192.0.2.7")},
		"inner.example": {netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("fe80::1")},
		"empty.example": {},
	}}
	answers := speaker(t, greeting)
	prober := &Prober{Resolver: resolver, Timeout: time.Minute, dial: func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
		if want := "192.0.2.7:1234"; to.String() != want {
			t.Errorf("dials %s, want %s", to, want)
		}
		var d net.Dialer
		return d.DialContext(ctx, network, answers)
	}}
	server := entry("mixed.example:13327")
	server.Probe = &serverlist.Probe{Protocol: "crossfire", Port: 1234}
	if live := prober.Probe(t.Context(), server); !live.Online || live.Address != "mixed.example:13327" {
		t.Errorf("got %+v", live)
	}
	if n := resolver.calls.Load(); n != 1 {
		t.Errorf("%d lookups, want 1", n)
	}
	for host, want := range map[string]Live{
		"inner.example": {State: Unprobed, Error: "private or loopback"},
		"empty.example": {State: Unprobed, Error: "has no address"},
		"other.example": {State: Offline, Error: "does not exist"},
	} {
		if live := prober.Probe(t.Context(), entry(host+":13327")); live.State != want.State || !strings.Contains(live.Error, want.Error) {
			t.Errorf("%s: got %+v, want %+v", host, live, want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		ip              string
		public, private bool // may be asked without and with AllowPrivate
	}{
		{"192.0.2.1", true, true},
		{"2a01:4f8::1", true, true},
		{"64:ff9b::c000:201", true, true}, // 192.0.2.1 through NAT64
		{"64:ff9b::a00:1", false, true},   // 10.0.0.1 through NAT64
		{"127.0.0.1", false, true},
		{"::1", false, true},
		{"10.0.0.1", false, true},
		{"172.16.0.1", false, true},
		{"192.168.0.1", false, true},
		{"169.254.169.254", false, true},
		{"100.64.0.1", false, true},
		{"0.1.2.3", false, true},
		{"fd00::1", false, true},
		{"fe80::1", false, true},
		{"2002:a00:1::1", false, true},
		{"::7f00:1", false, true},
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"224.0.0.1", false, false},
		{"ff02::1", false, false},
		{"255.255.255.255", false, false},
		{"fe80::1%eth0", false, false},
	}
	for _, test := range tests {
		ip := netip.MustParseAddr(test.ip)
		if err := judge(ip, false); (err == nil) != test.public {
			t.Errorf("judge(%s, false) = %v", ip, err)
		}
		if err := judge(ip, true); (err == nil) != test.private {
			t.Errorf("judge(%s, true) = %v", ip, err)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	prober := &Prober{AllowPrivate: true, Timeout: time.Minute, Now: func() time.Time {
		return time.Date(2026, 11, 3, 12, 42, 0, 999, time.FixedZone("CET", 3600))
	}}
	live := prober.Probe(t.Context(), entry(speaker(t, greeting)))
	live.Address, live.RTT = "", 0 // differ in each run
	got, err := json.Marshal(live)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"state":"online","online":true,"checked_at":"2026-11-03T11:42:00Z","protocol":"crossfire",` +
		`"software":"Crossfire Server","cs_version":1023,"sc_version":1029}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
