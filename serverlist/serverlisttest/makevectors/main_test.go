package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/conformance"
)

const vectorsFolder = "../../testdata/vectors"

// The files in the tree are those that the program makes.
func TestTreeIsUpToDate(t *testing.T) {
	t.Parallel()
	made := fileTree(makeVectors())
	inTree := os.DirFS(vectorsFolder)
	for name, want := range made {
		got, err := fs.ReadFile(inTree, name)
		if err != nil {
			t.Errorf("%v; run: go generate ./serverlist/serverlisttest/makevectors", err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is not what makevectors makes; run: go generate ./serverlist/serverlisttest/makevectors", name)
		}
	}
	err := fs.WalkDir(inTree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.Contains(name, "/") && made[name] == nil {
			t.Errorf("%s is in the tree and is not made; run: go generate ./serverlist/serverlisttest/makevectors", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Written to a folder that has older vectors, the files are those of the tree.
func TestWriteVectors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"gone/vector.json", "gone/server.list", "README.md"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	vectors := makeVectors()
	if err := writeVectors(dir, vectors); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "gone")); err == nil {
		t.Error("a vector that is no longer made is still there")
	}
	if _, err := os.Stat(filepath.Join(dir, "README.md")); err != nil {
		t.Errorf("a file that is no vector is gone: %v", err)
	}
	loaded, err := conformance.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded) != len(vectors) {
		t.Errorf("%d vectors were written and %d are read", len(vectors), len(loaded))
	}
}

// Every reason that SPEC.md names has a vector, and no vector has a reason
// that it does not name.
func TestEveryReasonHasAVector(t *testing.T) {
	t.Parallel()
	type reason struct{ layer, name string }
	used := make(map[reason]string)
	for _, v := range makeVectors() {
		if v.expected.Verdict == conformance.Refused {
			used[reason{v.expected.Layer, v.expected.Reason}] = v.name
		}
		for _, r := range v.expected.Reports {
			used[reason{"entry", r.Reason}] = v.name
		}
	}
	spec, err := os.ReadFile("../../SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(spec), "\n## 9. ")
	if !ok {
		t.Fatal("SPEC.md has no section 9")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| ([a-z]+) \\| `([a-z0-9-]+)` \\|").FindAllStringSubmatch(section, -1)
	if len(rows) < 40 {
		t.Fatalf("section 9 of SPEC.md has %d reasons: has the form of its table changed?", len(rows))
	}
	for _, row := range rows {
		r := reason{row[1], row[2]}
		if used[r] == "" {
			t.Errorf("no vector has the reason %s of the layer %s", r.name, r.layer)
		}
		delete(used, r)
	}
	for r, name := range used {
		t.Errorf("vector %s has the reason %s of the layer %s, which SPEC.md does not name", name, r.name, r.layer)
	}
}
