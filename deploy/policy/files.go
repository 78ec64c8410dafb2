package policy

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
)

// MaxLines is the length of a Go file that still has one subject.
const MaxLines = 450

// machinePaths are traces of the place where the project is written. They are
// put together here so that this file does not contain them.
var machinePaths = []string{"/wo" + "rk/", "../sha" + "red"}

// Folders complains about files in other top-level folders than the fixed
// ones. Folders that begin with a dot belong to tools.
func Folders(files []string) (complaints []string) {
	for _, file := range files {
		folder, _, inFolder := strings.Cut(file, "/")
		if _, fixed := layers[folder]; inFolder && !fixed && !strings.HasPrefix(folder, ".") {
			complaints = append(complaints, fmt.Sprintf("%s: %s is none of the top-level folders", file, folder))
		}
	}
	return complaints
}

// Lengths complains about Go files of more than MaxLines lines.
func Lengths(fsys fs.FS, files []string) (complaints []string) {
	for _, file := range goFiles(files) {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			complaints = append(complaints, err.Error())
		} else if n := bytes.Count(text, []byte("\n")); n > MaxLines {
			complaints = append(complaints, fmt.Sprintf("%s has %d lines, more than %d: split it by what a reader looks for", file, n, MaxLines))
		}
	}
	return complaints
}

// MachinePaths complains about files that mention a path of the machine on
// which the project is written.
func MachinePaths(fsys fs.FS, files []string) (complaints []string) {
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			complaints = append(complaints, err.Error())
			continue
		}
		for _, p := range machinePaths {
			if i := bytes.Index(text, []byte(p)); i >= 0 {
				line := 1 + bytes.Count(text[:i], []byte("\n"))
				complaints = append(complaints, fmt.Sprintf("%s:%d mentions %s", file, line, p))
			}
		}
	}
	return complaints
}
