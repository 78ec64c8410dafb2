package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// checkTarget refuses, before anything is written, what the configuration would
// refuse later, and names the flag or the question in place of a line of a file
// that is not there.
func (s *mirrorSetup) checkTarget() error {
	if err := s.checkMissing(); err != nil {
		return err
	}
	lines := s.table()
	top, err := tomlfile.Parse("", []byte(strings.Join(lines, "\n")+"\n"))
	if err != nil {
		return err
	}
	hosts.Read(top, filepath.Dir(absolute(s.config)))
	top.RefuseUnknown()
	var problems []string
	for problem := range strings.Lines(fmt.Sprint(errorOr(top.Err()))) {
		problems = append(problems, s.nameSource(strings.TrimSuffix(problem, "\n"), lines))
	}
	if len(problems) == 0 {
		return nil
	}
	return withHint(&usageError{strings.Join(problems, "\n")}, "Nothing was written. \"metaserver mirror setup --help\" has the flags of each type.")
}

// errorOr returns the text of an error; "" for none.
func errorOr(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// checkMissing names the flags that a type needs.
func (s *mirrorSetup) checkMissing() error {
	for _, field := range hosts.Fields(s.kind) {
		if field.Required && !s.hasLine(field) {
			return withHint(&usageError{fmt.Sprintf("--%s is missing: %s", strings.Join(flagNames(field), " or --"), field.Question)}, "Nothing was written.")
		}
	}
	return nil
}

func (s *mirrorSetup) hasLine(field hosts.Field) bool {
	for _, line := range s.lines {
		key, _, _ := strings.Cut(line, " = ")
		if key == field.Key || key == field.Key+"_file" || key == field.Key+"_env" {
			return true
		}
	}
	return false
}

// nameSource replaces the place of an error, ":LINE: ", by the flag or the
// question that its line is from.
func (s *mirrorSetup) nameSource(problem string, lines []string) string {
	place, text, ok := strings.Cut(strings.TrimPrefix(problem, ":"), ": ")
	n, err := strconv.Atoi(place)
	if !ok || err != nil || n < 1 || n > len(lines) {
		return problem
	}
	text = strings.NewReplacer(" in [[target]]", "", "or remove the line", "or leave it out").Replace(text)
	key, _, _ := strings.Cut(lines[n-1], " = ")
	if key == "[[target]]" { // something is missing, and its name comes first
		key, _, _ = strings.Cut(text, " ")
	}
	flag := strings.ReplaceAll(key, "_", "-")
	if s.given.Flags().Changed(flag) || s.ask == nil {
		return "--" + flag + ": " + text
	}
	for _, field := range hosts.Fields(s.kind) {
		if field.Key == key {
			return fmt.Sprintf("the answer to %q: %s", field.Question, text)
		}
	}
	return "--" + flag + ": " + text
}
