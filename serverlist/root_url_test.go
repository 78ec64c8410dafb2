package serverlist_test

import (
	"slices"
	"testing"
)

// A root's URL is asked for as the user wrote it, escapes and all.
func TestRootURLKeepsEscapes(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"http://root.example":        "/mirror.list",
		"http://root.example/a":      "/a/mirror.list",
		"http://root.example/a/":     "/a/mirror.list",
		"http://root.example/a%2Fb":  "/a%2Fb/mirror.list",
		"http://root.example/a%2Fb/": "/a%2Fb/mirror.list",
		"http://root.example/a%20b":  "/a%20b/mirror.list",
	} {
		p := newPlay(t)
		var asked []string
		p.cfg.Root = []string{given}
		p.cfg.Static = p.shipped(p.servers("shipped"), nil)
		for _, a := range p.refresh().Attempts {
			asked = append(asked, a.URL)
		}
		if !slices.Contains(asked, "http://root.example"+want) {
			t.Errorf("%s: asked for %q, not for %s", given, asked, want)
		}
	}
}
