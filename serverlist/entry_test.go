package serverlist_test

import (
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// One bad line costs that line.
func TestBadEntries(t *testing.T) {
	t.Parallel()
	root := newRoot()
	const good = `{"id":"good","name":"Good","addresses":["good.example.net:1"]}` + "\n"
	entry := func(members string) string {
		return `{"id":"x","name":"X","addresses":["x.example.net:1"]` + members + "}\n"
	}
	deep := strings.Repeat(`{"a":`, 8) + "1" + strings.Repeat("}", 8)
	for _, test := range []struct {
		what, line, name string
		kept             bool // the entry stays, without the member
	}{
		{"not an object", `["x"]` + "\n", "entry-malformed", false},
		{"empty line", "\n", "entry-malformed", false},
		{"spaces", `{"id": "x","name":"X","addresses":["x.example.net:1"]}` + "\n", "entry-malformed", false},
		{"two objects", `{}{}` + "\n", "entry-malformed", false},
		{"duplicate member", entry(`,"name":"Y"`), "entry-malformed", false},
		{"duplicate by escape", entry(`,"n\u0061me":"Y"`), "entry-malformed", false},
		{"duplicate deep down", entry(`,"later":[{"a":1,"a":1}]`), "entry-malformed", false},
		{"bad UTF-8", entry(",\"later\":\"\xff\""), "entry-malformed", false},
		{"lone surrogate", entry(`,"later":"\ud800"`), "entry-malformed", false},
		{"swapped surrogates", entry(`,"later":"\udc00\ud800"`), "entry-malformed", false},
		{"too deep", entry(`,"later":` + deep), "entry-malformed", false},
		{"bad number", entry(`,"later":01`), "entry-malformed", false},
		{"bad word", entry(`,"later":nul`), "entry-malformed", false},
		{"raw control", entry(",\"later\":\"\x01\""), "entry-malformed", false},
		{"trailing comma", entry(`,`), "entry-malformed", false},
		{"too large", entry(`,"later":"` + strings.Repeat("x", serverlist.MaxEntry) + `"`), "entry-too-large", false},
		{"no id", `{"name":"X","addresses":["x.example.net:1"]}` + "\n", "entry-member", false},
		{"id of another case", `{"ID":"x","name":"X","addresses":["x.example.net:1"]}` + "\n", "entry-member", false},
		{"bad id", `{"id":"X!","name":"X","addresses":["x.example.net:1"]}` + "\n", "entry-member", false},
		{"no name", `{"id":"x","addresses":["x.example.net:1"]}` + "\n", "entry-member", false},
		{"long name", `{"id":"x","name":"` + strings.Repeat("é", 81) + `","addresses":["x.example.net:1"]}` + "\n", "entry-member", false},
		{"bidi name", `{"id":"x","name":"\u202ex","addresses":["x.example.net:1"]}` + "\n", "entry-member", false},
		{"no addresses", `{"id":"x","name":"X"}` + "\n", "entry-member", false},
		{"empty addresses", `{"id":"x","name":"X","addresses":[]}` + "\n", "entry-member", false},
		{"one bad address", `{"id":"x","name":"X","addresses":["x.example.net:1","x.example.net"]}` + "\n", "entry-member", false},
		{"repeated id", `{"id":"good","name":"X","addresses":["x.example.net:1"]}` + "\n", "entry-repeated", false},
		{"null description", entry(`,"description":null`), "member-dropped", true},
		{"long description", entry(`,"description":"` + strings.Repeat("é", 501) + `"`), "member-dropped", true},
		{"bad key", entry(`,"key":"AAAA"`), "member-dropped", true},
		{"fraction", entry(`,"probe":{"protocol":"x","port":1.0}`), "member-dropped", true},
		{"exponent", entry(`,"probe":{"protocol":"x","port":1e1}`), "member-dropped", true},
		{"number above 2^53", entry(`,"checks":{"name":"x","sha256":"` + strings.Repeat("0", 64) + `","size":9007199254740992}`), "member-dropped", true},
		{"script website", entry(`,"website":"javascript:alert(1)"`), "member-dropped", true},
		{"website with password", entry(`,"website":"http://a:b@x.example.net/"`), "member-dropped", true},
		{"endpoint without role", entry(`,"endpoints":[{"protocol":"x","address":"x:1"}]`), "member-dropped", true},
	} {
		t.Run(test.what, func(t *testing.T) {
			list, err := serverlist.Open(signBody(root, good+test.line), wantServers, root.Chain())
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{false: 1, true: 2}[test.kept]; len(list.Servers) != want || list.Servers[0].ID != "good" {
				t.Errorf("%d servers are left, want %d", len(list.Servers), want)
			}
			if len(list.Skipped) != 1 || list.Skipped[0].Name != test.name || list.Skipped[0].Line != 2 {
				t.Fatalf("reported %v, want %s in line 2", list.Skipped, test.name)
			}
			says := map[bool]string{false: "entry skipped: ", true: "member dropped: "}[test.kept]
			if test.name == "entry-malformed" || test.name == "entry-too-large" {
				says += "the line "
			}
			detail, ok := strings.CutPrefix(list.Skipped[0].Detail, says)
			if !ok || strings.HasPrefix(detail, "the line ") {
				t.Errorf("reported %q, want %q and more", list.Skipped[0].Detail, says)
			}
		})
	}
	t.Run("last line without LF", func(t *testing.T) {
		list, err := serverlist.Open(signBody(root, good+strings.TrimSuffix(entry(""), "\n")), wantServers, root.Chain())
		if err != nil || len(list.Servers) != 1 || len(list.Skipped) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
	})
	t.Run("out of order", func(t *testing.T) {
		list, err := serverlist.Open(signBody(root, entry("")+good+entry("")), wantServers, root.Chain())
		if err != nil || len(list.Servers) != 2 || len(list.Skipped) != 1 || list.Skipped[0].Name != "entry-repeated" {
			t.Errorf("%+v, %v", list, err)
		}
	})
	t.Run("very many errors", func(t *testing.T) {
		list, err := serverlist.Open(signBody(root, strings.Repeat("\n", serverlist.MaxLines-1)+good), wantServers, root.Chain())
		if err != nil || len(list.Servers) != 1 || len(list.Skipped) > 1001 {
			t.Errorf("%d servers, %d reports, %v", len(list.Servers), len(list.Skipped), err)
		}
	})
}

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"play.example.org:13327": true, "localhost:1": true, "192.0.2.1:65535": true, "[2001:db8::1]:80": true,
		"xn--bcher-kva.example:1": true, "under_score.example:1": true,
		"a:9": true, "a.1b:1": true, "a.1xff:1": true, "a.0yff:1": true, "a.0:1": false, "a:18446744073709551617": false,
		"": false, "play.example.org": false, "play.example.org:": false, ":80": false, "a:0": false, "a:65536": false,
		"a:080": false, "a:+80": false, "a:8o": false, "2001:db8::1:80": false, "[2001:db8::1]": false, "[fe80::1%eth0]:1": false,
		"[192.0.2.1]:1": false, "1.2.3:1": false, "1.2.3.256:1": false, "01.2.3.4:1": false, "127.0.0.0x1:1": false, "0X7f000001:1": false, "a.0x:1": false, "a.0xyz:1": true, "a..b:1": false, "a.:1": false,
		"-a.example:1": false, "bücher.example:1": false, "a b:1": false, "[[::1]]:1": false, "[::1:1": false,
		strings.Repeat("a", 64) + ".example:1": false, strings.Repeat("a.", 126) + "a:1": true, strings.Repeat("a.", 126) + "ab:1": false,
	} {
		if err := serverlist.CheckAddress(s); (err == nil) != ok {
			t.Errorf("%q: %v, want accepted %v", s, err, ok)
		}
	}
}
