package requirements_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// TestRequirement13_AnyHost: the box that does the work need not be the one that
// serves, keeps no state, and may be off; the host has plain files, of any type,
// over plain http.
func TestRequirement13_AnyHost(t *testing.T) {
	t.Parallel()
	for name, contentType := range map[string]string{"text": "text/html; charset=latin1", "bytes": "application/octet-stream", "music": "audio/midi"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoot(t)
			r.list("Alpha")
			job, host := t.TempDir(), filepath.Join(t.TempDir(), "www")
			trust, config := filepath.Join(job, "1.trust"), filepath.Join(job, "mirror.toml")
			write(t, trust, r.pinned())
			write(t, config, []byte("root = \""+r.url()+"\"\ntrust = \"1.trust\"\n[[target]]\ntype = \"folder\"\npath = '"+host+"'\n"))
			command(t, "mirror", "once", "--config", config)
			if names := namesIn(t, job); names != "1.trust mirror.toml " {
				t.Errorf("the job box keeps %q", names)
			}
			// Nothing but the host is left, and it serves what it holds.
			web := webSpace(t, host, func(w http.ResponseWriter) { w.Header().Set("Content-Type", contentType) })
			if _, err := r.Admin.AddMirror(t.Context(), api.NewMirror{Mirror: api.Mirror{ID: "one", Operator: "One", URLs: []string{web.URL + "/"}}}); err != nil {
				t.Fatal(err)
			}
			pinned := r.pinned()
			os.RemoveAll(job)
			r.stop()
			sees(t, player(t, serverlist.Config{Trust: pinned, Root: []string{web.URL + "/"}}), serverlist.SourceLive, "Alpha")
		})
	}
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// namesIn returns the names of the files in a folder.
func namesIn(t testing.TB, dir string) (names string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names += d.Name() + " "
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
