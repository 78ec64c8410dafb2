// Package policy holds the rules of the project's layout: which packages may
// import which, which folders exist, and what a source file must not contain.
// Its test checks the project against them and fails on the first breach.
//
// Each rule is a function from the project's files to complaints, so that the
// rules themselves can be tested on small bad examples.
package policy

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the path that imports of this module's packages begin with.
const Module = "github.com/signed-metaserver/metaserver"

// layers tells which top-level folders the packages of a folder may import.
// The arrows point down only, and root and mirror never know each other.
var layers = map[string][]string{
	"cmd":        {"cmd", "root", "mirror", "serverlist", "keys"},
	"root":       {"root", "serverlist", "keys"},
	"mirror":     {"mirror", "serverlist", "keys"},
	"serverlist": {"serverlist", "keys"},
	"keys":       {"keys"},
	"deploy":     {"deploy"},
}

// embedded are the packages that other programs build in, and so import the
// standard library only, beside each other.
var embedded = []string{"keys", "serverlist", "serverlist/durable"}

const (
	leaf     = "serverlist/durable" // imports nothing of the module; every layer may use it
	testOnly = "deploy/testenv"     // for test files only
	process  = "root"               // made of the packages below it, which do not know it
)

// Imports complains about imports that break the layers. fsys holds the
// module's root; files are slash-separated paths in it.
func Imports(fsys fs.FS, files []string) (complaints []string) {
	for _, file := range goFiles(files) {
		imports, err := importsOf(fsys, file)
		if err != nil {
			complaints = append(complaints, err.Error())
			continue
		}
		for _, imported := range imports {
			if why := judgeImport(file, imported); why != "" {
				complaints = append(complaints, fmt.Sprintf("%s imports %s: %s", file, imported, why))
			}
		}
	}
	return complaints
}

// importsOf returns the import paths of a file.
func importsOf(fsys fs.FS, file string) ([]string, error) {
	src, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var imports []string
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		imports = append(imports, imported)
	}
	return imports, nil
}

// judgeImport tells why a file may not import a package; "" if it may.
func judgeImport(file, imported string) string {
	folder, isTest := path.Dir(file), strings.HasSuffix(file, "_test.go")
	inner, ours := strings.CutPrefix(imported, Module+"/")
	if !ours {
		if !isTest && slices.Contains(embedded, folder) && !isStandard(imported) {
			return folder + " imports the standard library only"
		}
		return ""
	}
	switch {
	case inner == testOnly && isTest:
		return ""
	case inner == testOnly:
		return "it is for test files only"
	case folder == leaf && inner != leaf:
		return leaf + " imports nothing of this module"
	case inner == leaf:
		return ""
	case !isTest && slices.Contains(embedded, folder) && !slices.Contains(embedded, inner):
		return fmt.Sprintf("%s imports of this module only %s", folder, strings.Join(embedded, ", "))
	case !isTest && inner == process && strings.HasPrefix(folder, process+"/"):
		return "the packages below " + process + " do not know it"
	}
	from, to := top(folder), top(inner)
	if !slices.Contains(layers[from], to) {
		return fmt.Sprintf("packages in %s may import those in %s", from, strings.Join(layers[from], ", "))
	}
	return ""
}

// isStandard reports whether an import path is one of the standard library:
// only those have no dot in their first element. "C" is cgo, which is not.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") && imported != "C"
}

// top returns the first element of a path.
func top(name string) string {
	first, _, _ := strings.Cut(name, "/")
	return first
}

// goFiles returns the Go source files among files.
func goFiles(files []string) []string {
	var sources []string
	for _, file := range files {
		if strings.HasSuffix(file, ".go") && !strings.Contains(file, "testdata/") {
			sources = append(sources, file)
		}
	}
	return sources
}
