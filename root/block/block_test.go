package block

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.7":            "network 192.0.2.7/32",
		"192.0.2.7/24":         "network 192.0.2.0/24",
		"2001:DB8::1":          "network 2001:db8::1/128",
		"2001:db8::/48":        "network 2001:db8::/48",
		"::ffff:192.0.2.7":     "network 192.0.2.7/32",
		"Spam.Example.":        "domain spam.example",
		"*.spam.example":       "pattern *.spam.example",
		"*Casino*":             "pattern *casino*",
		"name:Free  Money":     "pattern name:free  money",
		"email:*@spam.example": "pattern email:*@spam.example",
		"a@b.example":          "pattern a@b.example",
		"***win***":            "pattern *win*",
		"url:*/Casino/*":       "pattern url:*/casino/*",
		"name:a/b":             "pattern name:a/b",
		"https://ms.example/*": "pattern https://ms.example/*",
	} {
		b, err := Parse("", text)
		if got := fmt.Sprint(b.Kind, " ", b.Value); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, bad := range []struct {
		kind store.BlockKind
		text string
	}{
		{"", ""}, {"", "0.0.0.0/0"}, {"", "10.0.0.0/7"}, {"", "2000::/8"}, {"", "192.0.2.0/33"}, {"", "fe80::1%eth0"},
		{"", "*"}, {"", "*a?b*"}, {"", "name:*"}, {"", "example..org"}, {"", "url:*"}, {"domain", "192.0.2.1"}, {"", "a/b"},
		{"pattern", "abc\x1b[2J"}, {"pattern", strings.Repeat("x", 201)}, {"colour", "red"}, {"network", "example.org"},
	} {
		if b, err := Parse(bad.kind, bad.text); err == nil {
			t.Errorf("%s %q is taken as %+v", bad.kind, bad.text, b)
		}
	}
	if b, err := Parse("domain", "*.spam.example"); err != nil || b.Value != "spam.example" {
		t.Errorf("a domain with an asterisk: %+v, %v", b, err)
	}
}

func set(t testing.TB, values ...string) *Set {
	t.Helper()
	var all []store.Block
	for i, v := range values {
		b, err := Parse("", v)
		if err != nil {
			t.Fatal(err)
		}
		b.ID = fmt.Sprint("b", i+1)
		all = append(all, b)
	}
	return NewSet(all)
}

func TestMatch(t *testing.T) {
	t.Parallel()
	s := set(t, "192.0.2.0/24", "2001:db8:1::/48", "spam.example", "*casino*", "name:admin", "email:*@trash.example", "url:*/trash/*")
	now := time.Unix(1e9, 0)
	from := func(ip string) Subject { return Subject{Sources: []netip.Addr{netip.MustParseAddr(ip)}} }
	server := func(s serverlist.Server) Subject { return Subject{Server: s} }
	mirror := func(m serverlist.Mirror) Subject { return Subject{Mirror: m} }
	for _, test := range []struct {
		r    Subject
		want string
	}{
		{Subject{}, ""},
		{from("192.0.2.200"), "b1"},
		{from("::ffff:192.0.2.200"), "b1"},
		{from("192.0.3.1"), ""},
		{from("2001:db8:1:2::3"), "b2"},
		{from("2001:db8:2::3"), ""},
		{Subject{Places: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}, "b1"},
		{server(serverlist.Server{Addresses: []string{"192.0.2.1:1"}}), "b1"},
		{server(serverlist.Server{Addresses: []string{"[2001:db8:1::1]:1"}}), "b2"},
		{server(serverlist.Server{Addresses: []string{"a.example.org:1", "a.b.SPAM.example.:1"}}), "b3"},
		{server(serverlist.Server{Addresses: []string{"notspam.example:1"}}), ""},
		{server(serverlist.Server{Website: "https://www.spam.example/x"}), "b3"},
		{server(serverlist.Server{Endpoints: []serverlist.Endpoint{{Address: "chat.spam.example:1"}}}), "b3"},
		{Subject{Email: "x@spam.example"}, "b3"},
		{server(serverlist.Server{Name: "Best ＣＡＳＩＮＯ ever"}), "b4"},
		{server(serverlist.Server{Description: "play casino"}), "b4"},
		{server(serverlist.Server{Name: "ADMIN"}), "b5"},
		{server(serverlist.Server{Name: "Administrator", Description: "admin"}), ""},
		{Subject{Email: "Anybody@Trash.example"}, "b6"},
		{Subject{Email: "anybody@trash.example.org"}, ""},
		{server(serverlist.Server{Website: "https://example.org/Trash/1"}), "b7"},
		{mirror(serverlist.Mirror{URLs: []string{"http://example.org/", "http://192.0.2.1:8080/ms/"}}), "b1"},
		{mirror(serverlist.Mirror{URLs: []string{"http://[2001:db8:1::1]/"}}), "b2"},
		{mirror(serverlist.Mirror{URLs: []string{"https://ms.SPAM.example./"}}), "b3"},
		{mirror(serverlist.Mirror{URLs: []string{"https://notspam.example/"}}), ""},
		{mirror(serverlist.Mirror{ID: "casino-1"}), "b4"},
		{mirror(serverlist.Mirror{Contact: "casino@example.org"}), "b4"},
		{mirror(serverlist.Mirror{URLs: []string{"https://example.org/casino/"}}), "b4"},
		{mirror(serverlist.Mirror{Operator: "Admin"}), "b5"},
		{mirror(serverlist.Mirror{Region: "Admin"}), ""},
		{mirror(serverlist.Mirror{URLs: []string{"https://example.org/casino/trash/"}}), "b4"}, // both fit
		{mirror(serverlist.Mirror{URLs: []string{"https://example.org/trash/"}}), "b7"},
		{mirror(serverlist.Mirror{Operator: "/trash/"}), ""},
	} {
		got := ""
		if b := s.Match(test.r, now); b != nil {
			got = b.ID
		}
		if got != test.want {
			t.Errorf("%+v: %q, want %q", test.r, got, test.want)
		}
	}
}

// What has ended blocks nobody, and hides no wider block that goes on.
func TestEnds(t *testing.T) {
	t.Parallel()
	end := time.Unix(1e9, 0)
	s := NewSet([]store.Block{
		{ID: "narrow", Kind: store.BlockNetwork, Value: "192.0.2.7/32", Ends: end},
		{ID: "wide", Kind: store.BlockNetwork, Value: "192.0.0.0/16"},
		{ID: "domain", Kind: store.BlockDomain, Value: "x.example", Ends: end},
	})
	r := Subject{Sources: []netip.Addr{netip.MustParseAddr("192.0.2.7")}}
	if b := s.Match(r, end.Add(-1)); b == nil || b.ID != "narrow" {
		t.Errorf("before the end: %+v", b)
	}
	if b := s.Match(r, end); b == nil || b.ID != "wide" {
		t.Errorf("at the end: %+v", b)
	}
	if b := s.Match(Subject{Email: "a@x.example"}, end); b != nil {
		t.Errorf("a domain that has ended: %+v", b)
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{{"*casino*", "Casino"}, {"a?c", "abc"}, {"*a*b*c", "xaybzc"}, {"ﬁx*", "fix"}, {"name:*x", "\xff"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, glob, text string) {
		b, err := Parse(store.BlockPattern, glob)
		if err != nil {
			return
		}
		again, err := Parse(store.BlockPattern, b.Value)
		if err != nil || again.Value != b.Value {
			t.Errorf("%q becomes %q and that %q, %v", glob, b.Value, again.Value, err)
		}
		NewSet([]store.Block{b}).Match(Subject{Server: serverlist.Server{Name: text}}, time.Unix(0, 0))
	})
}

// BenchmarkMatch asks ten thousand networks, as many domains and a hundred
// patterns about a request that none of them is about.
func BenchmarkMatch(b *testing.B) {
	var all []store.Block
	for i := range 10_000 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 16+i%17).Masked()
		all = append(all, store.Block{Kind: store.BlockNetwork, Value: p.String()},
			store.Block{Kind: store.BlockDomain, Value: fmt.Sprintf("d%d.example", i)})
	}
	for i := range 100 {
		all = append(all, store.Block{Kind: store.BlockPattern, Value: fmt.Sprintf("*word%d*", i)})
	}
	s := NewSet(all)
	r := Subject{
		Sources: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Email: "owner@example.org",
		Server: serverlist.Server{Name: "Cat 2", Description: strings.Repeat("A server for cats. ", 10), Addresses: []string{"cat.example.org:13327"}},
	}
	for b.Loop() {
		if s.Match(r, time.Unix(0, 0)) != nil {
			b.Fatal("a match")
		}
	}
}
