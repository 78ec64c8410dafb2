package mirror

import (
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/command"
)

// Targets that call themselves the same are told apart in reports and logs.
func TestTargetsHaveNames(t *testing.T) {
	t.Parallel()
	rsync := func(where string) publish.Target { return command.Target{Push: []string{"rsync", "{folder}/", where}} }
	w := newWorld(t)
	w.cfg.Targets = []Target{{Target: rsync("a:www/")}, {Target: rsync("b:www/"), PublicURL: "http://b.example/"}, {Target: publish.Folder{Path: "www"}}}
	m, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, target := range m.cfg.Targets {
		if seen[target.String()] {
			t.Errorf("two targets are %q", target)
		}
		seen[target.String()] = true
	}
	if !seen["folder www"] || w.cfg.Targets[0].name != "" {
		t.Errorf("names %v, given %+v", seen, w.cfg.Targets)
	}
}
