package limit

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestSourceLimiter(t *testing.T) {
	t.Parallel()
	l := NewRate(time.Second, 3)
	now := time.Unix(1_800_000_000, 0)
	a, b := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	for range 3 {
		if wait := l.Wait(a, now); wait != 0 {
			t.Fatalf("within the burst: wait %s", wait)
		}
	}
	if wait := l.Wait(a, now); wait != time.Second {
		t.Fatalf("after the burst: wait %s", wait)
	}
	if wait := l.Wait(b, now); wait != 0 {
		t.Fatalf("another source: wait %s", wait)
	}
	if wait := l.Wait(a, now.Add(time.Second)); wait != 0 {
		t.Fatalf("a second later: wait %s", wait)
	}
}

func TestSourceLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := NewRate(time.Second, 1)
	now := time.Unix(1_800_000_000, 0)
	source := func(i int) netip.Prefix {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], uint32(i))
		return netip.PrefixFrom(netip.AddrFrom4(a), 32)
	}
	for i := range maxSources {
		if l.Wait(source(i), now) != 0 {
			t.Fatalf("source %d has to wait", i)
		}
	}
	if l.Wait(source(maxSources), now) != 0 {
		t.Fatal("the first one without room has to wait")
	}
	if l.Wait(source(maxSources+1), now) == 0 {
		t.Fatal("those without room do not share a bucket")
	}
	if len(l.buckets) != maxSources {
		t.Fatalf("%d buckets", len(l.buckets))
	}
	// All of them have been quiet for long: there is room again.
	if l.Wait(source(maxSources+1), now.Add(time.Minute)) != 0 || len(l.buckets) != 1 {
		t.Fatalf("%d buckets after a minute", len(l.buckets))
	}
}

func TestSourceOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		remote, header string
		addr           string
		local          bool
	}{
		{"127.0.0.1:5", "", "127.0.0.1", true},
		{"[::1]:5", "", "::1", true},
		{"[::ffff:127.0.0.1]:5", "", "127.0.0.1", true},
		{"192.0.2.1:5", "", "192.0.2.1", false},
		{"127.0.0.1:5", "X-Forwarded-For", "127.0.0.1", false},
		{"127.0.0.1:5", "x-forwarded-for", "127.0.0.1", false},
		{"127.0.0.1:5", "Forwarded", "127.0.0.1", false},
		{"127.0.0.1:5", "X-Real-IP", "127.0.0.1", false},
		{"127.0.0.1:5", "Via", "127.0.0.1", false},
		{"127.0.0.1:5", "X-Forwarded-Proto", "127.0.0.1", false},
		{"192.0.2.1:5", "X-Forwarded-For", "192.0.2.1", false},
		{"[fe80::1%eth0]:5", "", "fe80::1", false},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{}}
		if tc.header != "" {
			r.Header.Set(tc.header, "")
		}
		got := Proxies(nil).SourceOf(r)
		if got.Addr != netip.MustParseAddr(tc.addr) || got.Local != tc.local {
			t.Errorf("%s %s: %+v", tc.remote, tc.header, got)
		}
	}
}

func TestSourceNetwork(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1":            "192.0.2.0/24",
		"2001:db8:1:ffff::1":   "2001:db8:1::/48",
		"2001:db8:2:0:1:2:3:4": "2001:db8:2::/48",
	} {
		if got := (Source{Addr: netip.MustParseAddr(addr)}).Network(); got != netip.MustParsePrefix(want) {
			t.Errorf("%s: %s", addr, got)
		}
	}
}

func TestSourceBehindProxy(t *testing.T) {
	t.Parallel()
	trusted, err := ParseProxies([]string{"127.0.0.1", "::1", "10.0.0.7/8", "::ffff:192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		remote  string
		headers []string // X-Forwarded-For
		addr    string
		local   bool
	}{
		{"127.0.0.1:5", []string{"198.51.100.7"}, "198.51.100.7", false},
		{"[::ffff:127.0.0.1]:5", []string{"198.51.100.7"}, "198.51.100.7", false},
		{"[::1]:5", []string{" 2001:db8::7 "}, "2001:db8::7", false},
		{"192.0.2.1:5", []string{"::ffff:198.51.100.7"}, "198.51.100.7", false},
		{"127.0.0.1:5", []string{"203.0.113.1, 198.51.100.7"}, "198.51.100.7", false}, // the first is the sender's word
		{"127.0.0.1:5", []string{"203.0.113.1", "198.51.100.7"}, "198.51.100.7", false},
		{"127.0.0.1:5", []string{"198.51.100.7, 10.1.2.3"}, "198.51.100.7", false}, // two proxies
		{"127.0.0.1:5", []string{"198.51.100.7", "10.1.2.3, ::1"}, "198.51.100.7", false},
		{"127.0.0.1:5", []string{"nonsense, 198.51.100.7"}, "198.51.100.7", false},
		{"127.0.0.1:5", nil, "127.0.0.1", false},
		{"127.0.0.1:5", []string{""}, "127.0.0.1", false},
		{"127.0.0.1:5", []string{"10.1.2.3"}, "127.0.0.1", false},
		{"127.0.0.1:5", []string{"198.51.100.7, unknown"}, "127.0.0.1", false},
		{"127.0.0.1:5", []string{"198.51.100.7,"}, "127.0.0.1", false},
		{"127.0.0.1:5", []string{"198.51.100.7:80"}, "127.0.0.1", false},
		{"10.1.2.3:5", []string{"127.0.0.2"}, "127.0.0.2", false}, // never local
		{"127.0.0.2:5", nil, "127.0.0.2", true},                   // not a proxy
		{"127.0.0.2:5", []string{"198.51.100.7"}, "127.0.0.2", false},
		{"203.0.113.1:5", []string{"198.51.100.7"}, "203.0.113.1", false},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{"X-Forwarded-For": tc.headers}}
		if tc.headers == nil {
			r.Header = http.Header{}
		}
		if got := trusted.SourceOf(r); got.Addr != netip.MustParseAddr(tc.addr) || got.Local != tc.local {
			t.Errorf("%s %q: %+v", tc.remote, tc.headers, got)
		}
	}
}

func TestSourceBlock(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1":       "192.0.2.1/32",
		"2001:db8::1":     "2001:db8::/64",
		"2001:db8::ffff":  "2001:db8::/64",
		"2001:db8:0:1::1": "2001:db8:0:1::/64",
	} {
		if got := (Source{Addr: netip.MustParseAddr(addr)}).Block(); got != netip.MustParsePrefix(want) {
			t.Errorf("%s: %s", addr, got)
		}
	}
}
