package hosts_test

import (
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// read reads the targets of a file in the folder /etc/ms.
func read(t testing.TB, text string) ([]hosts.Host, error) {
	t.Helper()
	top, err := tomlfile.Parse("m.toml", []byte(text))
	if err != nil {
		return nil, err
	}
	found := hosts.Read(top, "/etc/ms")
	top.RefuseUnknown()
	return found, top.Err()
}

func TestReadFolder(t *testing.T) {
	t.Parallel()
	found, err := read(t, `
[[target]]
type = "folder"
path = "www"
public_url = "http://one.example.net/ms/"
[[target]]
type = "folder"
path = "/srv/mirror"
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[0].Target != (publish.Folder{Path: "/etc/ms/www"}) || found[0].PublicURL != "http://one.example.net/ms/" ||
		found[1].Target != (publish.Folder{Path: "/srv/mirror"}) || found[1].Type != "folder" {
		t.Errorf("read %+v", found)
	}
}

// TestReadRefuses: each error names the line and what to do.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	two := func(a, b string) string { return "[[target]]\n" + a + "\n[[target]]\n" + b + "\n" }
	const folder = "type = \"folder\"\npath = \"www\""
	for name, c := range map[string]struct{ text, want string }{
		"no type":      {two(folder, `path = "x"`), `m.toml:4: type is missing in [[target]]: add type = "folder"`},
		"unknown type": {two(folder, `type = "pigeon"`), `m.toml:5: type "pigeon" is not known; known: `},
		"same place":   {two(folder, "type = \"folder\"\npath = \"/etc/ms/./www/\""), `m.toml:5: this target is the same place as that of line 2: remove one`},
		"same URL": {two(folder+"\npublic_url = \"http://A.example/\"", "type = \"folder\"\npath = \"y\"\npublic_url = \"http://a.example/server.list\""),
			`m.toml:8: public_url is also that of the target of line 2`},
		"URL of a page": {"[[target]]\n" + folder + "\npublic_url = \"http://a.example/ms\"", `m.toml:4: public_url "http://a.example/ms" does not end in "/"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, c.text)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
