package work_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/work"
)

// TestFolder: what killed processes have left goes, and nothing else.
func TestFolder(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	for name, age := range map[string]time.Duration{
		"metaserver-git-1":   work.Stale + time.Minute,
		"metaserver-git-2":   work.Stale - time.Hour, // may be in use
		"metaserver-other-1": work.Stale + time.Minute,
		"git-1":              work.Stale + time.Minute,
	} {
		old, path := time.Now().Add(-age), filepath.Join(tmp, name)
		if err := errors.Join(os.MkdirAll(filepath.Join(path, "repository"), 0o700), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(tmp, "metaserver-git-3")); err != nil {
		t.Fatal(err)
	}
	dir, err := work.Folder("git")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := []string{"git-1", "metaserver-git-2", "metaserver-git-3", "metaserver-other-1", filepath.Base(dir)}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the new folder: %v, %v", info, err)
	}
}
