package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Where commands are named: in documents between backquotes and on indented
// lines, in hints of the program and comments of files between quotation marks.
var (
	inDocuments = regexp.MustCompile("(?:`|(?m:^ {4}(?:\\$ )?))metaserver ([^`\n]*)")
	inHints     = regexp.MustCompile(`\\?"metaserver ([^"\\]*)\\?"`)
)

// TestNamedCommandsExist: every command that a document or a hint names is there,
// with the flags that it is given.
func TestNamedCommandsExist(t *testing.T) {
	t.Parallel()
	seen := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && len(d.Name()) > 2 || d.Name() == "testdata" || d.Name() == "makevectors") {
			return fs.SkipDir
		}
		pattern := inHints
		switch ext := filepath.Ext(path); {
		case ext == ".md":
			pattern = inDocuments
		case d.IsDir(), ext == ".sum", strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range pattern.FindAllStringSubmatchIndex(string(text), -1) {
			seen++
			line := string(text[m[2]:m[3]])
			if wrong := wrongCommand(line); wrong != "" {
				t.Errorf("%s:%d: metaserver %s: %s", path, 1+strings.Count(string(text[:m[0]]), "\n"), line, wrong)
			}
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Errorf("%d commands were found, %v", seen, err)
	}
}

// wrongCommand says what is wrong with a command line; "": nothing.
func wrongCommand(line string) string {
	var args []string
	for _, word := range strings.Fields(line) {
		if strings.Trim(word, "&|;>#\\") == "" || strings.ContainsAny(word[:1], ">#(") {
			break // the shell, or a comment
		}
		args = append(args, strings.TrimRight(word, ".,;:)"))
	}
	program := newProgram()
	program.InitDefaultCompletionCmd()
	cmd, rest, err := program.Find(args)
	if err != nil {
		return err.Error()
	}
	isFlag := func(word string) bool { return strings.HasPrefix(word, "-") }
	if cmd.HasSubCommands() && len(rest) > 0 && !isFlag(rest[0]) {
		return "there is no such command"
	}
	for _, word := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
		if isFlag(word) && name != "" && name != "help" && name != "version" && cmd.Flag(name) == nil {
			return "there is no flag " + word
		}
	}
	return ""
}
