package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseConfigRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, says string }{
		{"unknown", "origin = \"x\"\n\nqeue = 5\n", `root.toml, line 3: there is no setting "qeue"`},
		{"unknown table", "origin = \"x\"\n[admin]\nname = 1\n", `root.toml, line 2: there is no setting "admin"`},
		{"type", "origin = \"x\"\nqueue = \"many\"\n", "root.toml, line 2 "},
		{"syntax", "origin = \n", "root.toml, line 1: "},
		{"twice", "origin = \"x\"\norigin = \"y\"\n", "root.toml, line 2: "},
		{"not UTF-8", "origin = \"\xff\"\n", "root.toml, line 1: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse("root.toml", tc.text)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%v; want %q", err, tc.says)
			}
		})
	}
}

func TestLoadConfigChecksValues(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ text, says string }{
		{"queue = -1", "queue"},
		{"[games]\nCrossfire = \"Crossfire\"", "no slug"},
		{"[games]\ncrossfire = \"\"", "no name"},
		{"listen = \"7480\"", "host:port"},
		{"listen = \"none\"\nadmin_listen = \"none\"", "host:port"},
		{"trusted_proxies = [\"localhost\"]", "not an address or a prefix"},
		{"trusted_proxies = [\"127.0.0.1:80\"]", "not an address or a prefix"},
		{"trusted_proxies = [\"fe80::1%eth0\"]", "not an address or a prefix"},
		{"trusted_proxies = [\"::ffff:10.0.0.0/104\"]", "not an address or a prefix"},
		{"trusted_proxies = [\"10.0.0.0/33\"]", "not an address or a prefix"},
		{"trusted_proxies = [\"0.0.0.0/0\"]", "name the proxies"},
		{"trusted_proxies = \"127.0.0.1\"", "trusted_proxies"},
		{"public_url = \"ftp://x/\"", "http"},
		{"public_url = \"http://user:secret@example.org/\"", "user name"},
		{"public_url = \"http://example.org/?a=b\"", "query"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "root.toml"), []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", tc.text, err)
		}
	}
}

func TestPublicURLEndsInSlash(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                        "",
		"https://ms.example.org":  "https://ms.example.org/",
		"https://ms.example.org/": "https://ms.example.org/",
		"http://x.example/~a/ms":  "http://x.example/~a/ms/",
	} {
		if got, err := CheckPublicURL(url); err != nil || got != want {
			t.Errorf("%q: %q, %v", url, got, err)
		}
	}
}
