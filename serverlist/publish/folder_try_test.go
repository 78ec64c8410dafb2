package publish_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestFolderTryWrite: a trial leaves no file and no folder, and makes none that
// it does not remove.
func TestFolderTryWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	set(t, filepath.Join(dir, "www"), docs)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "file"), nil, 0o644), os.Mkdir(filepath.Join(dir, "empty"), 0o755)); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	for _, name := range []string{"www", "empty", "new/ms"} {
		if err := publish.TryWrite(t.Context(), publish.Folder{Path: filepath.Join(dir, name)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"file", "file/below"} {
		if err := publish.TryWrite(t.Context(), publish.Folder{Path: filepath.Join(dir, name)}); err == nil {
			t.Errorf("%s is no folder, and the trial finds nothing wrong", name)
		}
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the folder changed from %s to %s", before, after)
	}
	set(t, filepath.Join(dir, "www"), docs)
}
