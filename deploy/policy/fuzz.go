package policy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// parsers are the packages that read what others wrote, and therefore must
// have fuzz targets.
var parsers = []string{"keys", "serverlist", "serverlist/probe"}

// Fuzz complains about fuzz targets without seeds, which "go test" would run
// on nothing, and about parsers without targets. A seed is a call of f.Add,
// in the target or in a function of its package that the target hands f to, or
// a file in testdata/fuzz/TARGET.
func Fuzz(fsys fs.FS, files []string) (complaints []string) {
	targets := make(map[string]int) // by folder
	for _, folder := range testFolders(files) {
		functions, err := takersOfF(fsys, files, folder)
		if err != nil {
			complaints = append(complaints, err.Error())
		}
		for name, function := range functions {
			if !strings.HasPrefix(name, "Fuzz") {
				continue
			}
			targets[folder]++
			corpus := path.Join(folder, "testdata/fuzz", name) + "/"
			hasFile := slices.ContainsFunc(files, func(file string) bool { return strings.HasPrefix(file, corpus) })
			if !hasFile && !function.seeds(functions) {
				complaints = append(complaints, fmt.Sprintf("%s: %s has no seed: call f.Add or put files into testdata/fuzz/%s", folder, name, name))
			}
		}
	}
	for _, folder := range parsers {
		if targets[folder] == 0 {
			complaints = append(complaints, folder+" parses what others wrote, and has no fuzz target")
		}
	}
	slices.Sort(complaints)
	return complaints
}

// testFolders returns the folders that have test files.
func testFolders(files []string) []string {
	var folders []string
	for _, file := range goFiles(files) {
		if strings.HasSuffix(file, "_test.go") {
			folders = append(folders, path.Dir(file))
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// A taker is a function with a *testing.F.
type taker struct {
	adds  bool     // calls f.Add
	hands []string // functions that it hands f to
}

// seeds reports whether a taker calls f.Add itself or through one function.
func (t *taker) seeds(functions map[string]*taker) bool {
	return t.adds || slices.ContainsFunc(t.hands, func(name string) bool {
		return functions[name] != nil && functions[name].adds
	})
}

// takersOfF returns the functions with a *testing.F in a folder's test files,
// by name.
func takersOfF(fsys fs.FS, files []string, folder string) (map[string]*taker, error) {
	functions := make(map[string]*taker)
	for _, file := range files {
		if path.Dir(file) != folder || !strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, err := fs.ReadFile(fsys, file)
		if err != nil {
			return functions, err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, src, 0)
		if err != nil {
			return functions, err
		}
		for _, decl := range parsed.Decls {
			if function, ok := decl.(*ast.FuncDecl); ok && function.Body != nil {
				if f := paramF(function.Type); f != "" {
					functions[function.Name.Name] = inspect(function.Body, f)
				}
			}
		}
	}
	return functions, nil
}

// paramF returns the name of a function's parameter of type *testing.F.
func paramF(function *ast.FuncType) string {
	for _, param := range function.Params.List {
		star, ok := param.Type.(*ast.StarExpr)
		if !ok || len(param.Names) == 0 {
			continue
		}
		if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.Sel.Name == "F" {
			return param.Names[0].Name
		}
	}
	return ""
}

// inspect notes what a body does with its *testing.F, called f there.
func inspect(body *ast.BlockStmt, f string) *taker {
	t := new(taker)
	isF := func(e ast.Expr) bool { ident, ok := e.(*ast.Ident); return ok && ident.Name == f }
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch callee := call.Fun.(type) {
		case *ast.SelectorExpr:
			t.adds = t.adds || isF(callee.X) && callee.Sel.Name == "Add"
		case *ast.Ident:
			if slices.ContainsFunc(call.Args, isF) {
				t.hands = append(t.hands, callee.Name)
			}
		}
		return true
	})
	return t
}
