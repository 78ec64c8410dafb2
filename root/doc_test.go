package root

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The package comment says where things are. What it says is all there is: no
// file and no package below is missing, and none is named that is not there.
func TestDocSaysWhereThingsAre(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, places, _ := strings.Cut(string(text), "# Where things are")
	files, packages, found := strings.Cut(places, "The packages below it")
	if !found {
		t.Fatal("doc.go has no such part")
	}
	compare(t, "file", inTable(files), filesHere(t))
	compare(t, "package", inTable(packages), packagesHere(t))
}

// inTable returns the names in the first column of a table.
func inTable(text string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^//\t([a-z]+(?:, [a-z]+)*) `).FindAllStringSubmatch(text, -1) {
		names = append(names, strings.Split(m[1], ", ")...)
	}
	slices.Sort(names)
	return names
}

func filesHere(t *testing.T) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name, _, _ := strings.Cut(strings.TrimSuffix(path, ".go"), "_")
		if !strings.HasSuffix(path, "_test.go") && name != "doc" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func packagesHere(t *testing.T) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		names = append(names, filepath.Dir(path))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func compare(t *testing.T, what string, said, there []string) {
	t.Helper()
	for _, name := range there {
		if !slices.Contains(said, name) {
			t.Errorf("doc.go does not say where %s %q belongs", what, name)
		}
	}
	for _, name := range said {
		if !slices.Contains(there, name) {
			t.Errorf("doc.go names the %s %q, which is not there", what, name)
		}
	}
}
