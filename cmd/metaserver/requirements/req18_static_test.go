package requirements_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// TestRequirement18_Static: what a release ships with is fetched, verified and
// written by one command, and is all that a first start needs.
func TestRequirement18_Static(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	r.list("Alpha", "Beta")
	mirror := api.Mirror{ID: "one", Operator: "One", URLs: []string{"http://127.0.0.1:9/"}}
	if _, err := r.Admin.AddMirror(t.Context(), api.NewMirror{Mirror: mirror, Unchecked: true}); err != nil {
		t.Fatal(err)
	}
	static := filepath.Join(t.TempDir(), "static")
	command(t, "bundle", "--trust", filepath.Join(r.data, "public", "trust", "1.trust"), "--root", r.url(), "--out", static)
	r.stop()
	result := sees(t, player(t, serverlist.Config{Static: os.DirFS(static)}), serverlist.SourceStatic, "Alpha", "Beta")
	if result.Mirrors == nil || len(result.Mirrors.Mirrors) != 1 || result.Mirrors.Mirrors[0].ID != "one" {
		t.Errorf("the mirror list is %+v", result.Mirrors)
	}
	if result.Freshness != serverlist.Fresh {
		t.Errorf("it is %s", result.Freshness)
	}
}
