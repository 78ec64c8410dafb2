package policy

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestProject(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	fsys := os.DirFS(root)
	files := projectFiles(t, root)
	if !slices.Contains(files, "go.mod") || len(goFiles(files)) < 10 {
		t.Fatalf("this is not the whole project: %d files", len(files))
	}
	for _, complaint := range slices.Concat(
		Imports(fsys, files),
		Folders(files),
		Lengths(fsys, files),
		MachinePaths(fsys, files),
		Fuzz(fsys, files),
		Modules(fsys),
	) {
		t.Error(complaint)
	}
}

// projectFiles returns the files under version control, or all files outside
// of the tools' folders when the project came without its history.
func projectFiles(t *testing.T, root string) (files []string) {
	t.Helper()
	// Looked at so that a cached result ends when the index changes.
	_, _ = os.Stat(filepath.Join(root, ".git", "index"))
	if out, err := exec.Command("git", "-C", root, "ls-files", "-z").Output(); err == nil && len(out) > 0 {
		for name := range bytes.SplitSeq(bytes.Trim(out, "\x00"), []byte{0}) {
			if _, err := os.Lstat(filepath.Join(root, string(name))); err == nil {
				files = append(files, string(name))
			}
		}
		return files
	}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "bin" || strings.HasPrefix(name, ".") && name != "." && name != ".ci"):
			return fs.SkipDir
		case entry.Type().IsRegular():
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// project makes a small project of files and their contents.
func project(contents map[string]string) (fs.FS, []string) {
	fsys := make(fstest.MapFS)
	var files []string
	for name, text := range contents {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
		files = append(files, name)
	}
	slices.Sort(files)
	return fsys, files
}

func TestImports(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file, imported string
		want           string // part of the complaint; "" if there is none
	}{
		{"keys/a.go", "crypto/ed25519", ""},
		{"keys/a.go", "golang.org/x/crypto/ssh", "standard library only"},
		{"keys/a.go", "C", "standard library only"},
		{"keys/a_test.go", "go.uber.org/goleak", ""},
		{"keys/a.go", Module + "/serverlist", "may import those in keys"},
		{"keys/a.go", Module + "/keys/keyfile", "of this module only"},
		{"keys/keyfile/a.go", "golang.org/x/crypto/ssh", ""},
		{"keys/keyfile/a.go", Module + "/serverlist/durable", ""},
		{"serverlist/a.go", Module + "/keys", ""},
		{"serverlist/a.go", Module + "/serverlist/durable", ""},
		{"serverlist/a.go", Module + "/serverlist/probe", "of this module only"},
		{"serverlist/a.go", "golang.org/x/time/rate", "standard library only"},
		{"serverlist/a.go", Module + "/root", "of this module only"},
		{"serverlist/durable/a.go", "golang.org/x/sys/unix", "standard library only"},
		{"serverlist/durable/a.go", Module + "/keys", "imports nothing of this module"},
		{"serverlist/probe/a.go", "golang.org/x/time/rate", ""},
		{"serverlist/probe/a.go", Module + "/deploy/testenv", "test files only"},
		{"serverlist/probe/a_test.go", Module + "/deploy/testenv", ""},
		{"serverlist/probe/a.go", Module + "/mirror", "may import those in serverlist"},
		{"root/issue/a.go", Module + "/serverlist", ""},
		{"root/issue/a.go", Module + "/mirror", "may import those in root"},
		{"root/issue/a_test.go", Module + "/mirror", "may import those in root"},
		{"root/issue/a.go", Module + "/root", "below root do not know it"},
		{"root/web/a_test.go", Module + "/root", ""},
		{"root/a.go", Module + "/root/issue", ""},
		{"mirror/a.go", Module + "/root/api", "may import those in mirror"},
		{"mirror/a.go", Module + "/cmd/metaserver", "may import those in mirror"},
		{"cmd/metaserver/a.go", Module + "/mirror", ""},
		{"cmd/metaserver/a.go", Module + "/deploy/policy", "may import those in cmd"},
		{"deploy/policy/a.go", Module + "/keys", "may import those in deploy"},
		{"tools/a.go", Module + "/keys", "packages in tools"},
	}
	for _, test := range tests {
		got := Imports(project(map[string]string{test.file: "package x\n\nimport _ \"" + test.imported + "\"\n"}))
		checkComplaints(t, test.file+" imports "+test.imported, got, test.want)
	}
}

func TestImportsOfABrokenFile(t *testing.T) {
	t.Parallel()
	got := Imports(project(map[string]string{"keys/a.go": "pakage x"}))
	checkComplaints(t, "a file that does not parse", got, "keys/a.go:1")
}

func TestFolders(t *testing.T) {
	t.Parallel()
	good := []string{"go.mod", "README.md", ".ci/run", "cmd/metaserver/main.go", "deploy/a/b", "keys/a.go", "mirror/a.go", "root/a.go", "serverlist/a.go"}
	checkComplaints(t, "the fixed folders", Folders(good), "")
	checkComplaints(t, "a further folder", Folders([]string{"docs/a.md"}), "docs is none of")
}

func TestLengths(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\n", MaxLines)
	checkComplaints(t, "the longest file", Lengths(project(map[string]string{"keys/a.go": long})), "")
	checkComplaints(t, "a line more", Lengths(project(map[string]string{"keys/a.go": long + "\n"})), "has 451 lines")
	checkComplaints(t, "another kind of file", Lengths(project(map[string]string{"go.sum": long + "\n"})), "")
}

func TestMachinePaths(t *testing.T) {
	t.Parallel()
	for _, p := range machinePaths {
		got := MachinePaths(project(map[string]string{"README.md": "one\nsee " + p + "main\n"}))
		checkComplaints(t, p, got, "README.md:2 mentions "+p)
	}
	checkComplaints(t, "other words", MachinePaths(project(map[string]string{"README.md": "work/shared\n"})), "")
}

func TestFuzz(t *testing.T) {
	t.Parallel()
	const head = "package x\n\nimport \"testing\"\n\n"
	const seeded = head + "func FuzzRead(f *testing.F) { f.Add(1) }\n"
	const bare = head + "func FuzzRead(f *testing.F) { f.Fuzz(func(t *testing.T, n int) {}) }\n"
	const through = head + "func FuzzRead(f *testing.F) { seed(f) }\n\nfunc seed(f *testing.F) { "
	tests := []struct {
		name, file string
		more       map[string]string
		want       string
	}{
		{"seeded", seeded, nil, ""},
		{"no seed", bare, nil, "keys: FuzzRead has no seed"},
		{"corpus folder", bare, map[string]string{"keys/testdata/fuzz/FuzzRead/a": "go test fuzz v1\n"}, ""},
		{"corpus of another", bare, map[string]string{"keys/testdata/fuzz/FuzzReader/a": "go test fuzz v1\n"}, "has no seed"},
		{"seeded by a helper", through + "f.Add(1) }\n", nil, ""},
		{"helper that seeds nothing", through + "f.Helper() }\n", nil, "has no seed"},
		{"no target", head, nil, "keys parses what others wrote"},
		{"does not parse", "package", nil, "a_test.go"},
	}
	for _, test := range tests {
		contents := map[string]string{"keys/a_test.go": test.file}
		for _, folder := range parsers[1:] {
			contents[folder+"/a_test.go"] = seeded
		}
		for name, text := range test.more {
			contents[name] = text
		}
		checkComplaints(t, test.name, Fuzz(project(contents)), test.want)
	}
}

func TestModules(t *testing.T) {
	t.Parallel()
	const gomod = "module m\n\ngo 1.26\n\nrequire (\n\texample.org/a v1.2.3\n\texample.org/b v0.1.0 // indirect\n)\n\nrequire example.org/c v2.0.0\n"
	const a, b, c = "| example.org/a | v1.2.3 | why |\n", "| example.org/b | v0.1.0 | why |\n", "| example.org/c | v2.0.0 | why |\n"
	for _, test := range []struct{ name, list, want string }{
		{"complete", a + b + c, ""},
		{"indirect ones may be left out", a + c, ""},
		{"direct one left out", b + c, "no line for example.org/a"},
		{"single line of go.mod", a + b, "no line for example.org/c"},
		{"old version", a + strings.Replace(b, "0.1", "0.2", 1) + c, "has example.org/b v0.2.0, and go.mod v0.1.0"},
	} {
		fsys, _ := project(map[string]string{"go.mod": gomod, dependencies: test.list})
		checkComplaints(t, test.name, Modules(fsys), test.want)
	}
	fsys, _ := project(map[string]string{"go.mod": gomod})
	checkComplaints(t, "no list", Modules(fsys), dependencies)
}

// checkComplaints wants a complaint that contains want, or none if it is empty.
func checkComplaints(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if want == "" && len(got) > 0 {
		t.Errorf("%s: complains %q", what, got)
	}
	if want != "" && !strings.Contains(strings.Join(got, "\n"), want) {
		t.Errorf("%s: complains %q, want something about %q", what, got, want)
	}
}
