package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// complete asks or looks at the flags, and refuses what does not fit together.
func (s *mirrorSetup) complete(ctx context.Context) error {
	if s.ask != nil {
		if err := s.askAll(ctx); err != nil {
			return err
		}
	} else if err := s.takeFlags(); err != nil {
		return err
	}
	if names := s.variables(); s.systemd != "" && len(names) > 0 {
		return withHint(&usageError{fmt.Sprintf("--systemd does not go with a secret in the environment variable %s: the service would not know it", names[0])},
			"Give the file that holds the secret instead, as by --password-file. Nothing was written.")
	}
	return s.checkRequest()
}

// variables returns the environment variables that the configuration reads.
func (s *mirrorSetup) variables() []string {
	var names []string
	for _, line := range s.lines {
		if key, name := keyAndText(line); strings.HasSuffix(key, "_env") {
			names = append(names, name)
		}
	}
	return names
}

// takeFlags makes the lines of the target of what was given.
func (s *mirrorSetup) takeFlags() error {
	if s.kind == "" {
		return withHint(&usageError{"--type is missing, and there is no terminal to ask"}, "Types: "+strings.Join(hosts.Types(), ", "))
	}
	fields := hosts.Fields(s.kind)
	if fields == nil {
		return withHint(&usageError{fmt.Sprintf("--type %q is not known", s.kind)}, "Types: "+strings.Join(hosts.Types(), ", "))
	}
	taken := map[string]bool{}
	for _, field := range fields {
		for _, name := range flagNames(field) {
			taken[name] = true
			if s.given.Flags().Changed(name) {
				s.lines = append(s.lines, s.line(name, field.Kind))
			}
		}
	}
	return s.refuseOthers(taken)
}

// refuseOthers refuses flags of other types.
func (s *mirrorSetup) refuseOthers(taken map[string]bool) error {
	for _, kind := range hosts.Types() {
		for _, field := range hosts.Fields(kind) {
			for _, name := range flagNames(field) {
				if s.given.Flags().Changed(name) && !taken[name] {
					return &usageError{fmt.Sprintf("--%s is not for --type %s", name, s.kind)}
				}
			}
		}
	}
	return nil
}

// line writes a flag as a line of the configuration. Paths of the flags are
// relative to the current folder, those of the file to the file.
func (s *mirrorSetup) line(name string, kind hosts.Kind) string {
	key := strings.ReplaceAll(name, "-", "_")
	switch kind {
	case hosts.Switch:
		return key + " = " + s.given.Flags().Lookup(name).Value.String()
	case hosts.List:
		words, _ := s.given.Flags().GetStringArray(name)
		return key + " = " + quoteList(words)
	}
	value := s.given.Flags().Lookup(name).Value.String()
	if isPath(key) {
		value = fromConfig(s.config, value)
	}
	return key + " = " + tomlfile.Quote(value)
}

// keyAndText takes a line apart; the text is "" if its value is something else.
func keyAndText(line string) (key, text string) {
	key, _, _ = strings.Cut(line, " = ")
	if table, err := tomlfile.Parse("", []byte(line)); err == nil {
		text = table.Text(key)
	}
	return key, text
}

func quoteList(words []string) string {
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, tomlfile.Quote(w))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// isPath tells which keys name files of this machine.
func isPath(key string) bool {
	return key == "path" || key == "known_hosts" || strings.HasSuffix(key, "_file")
}

// fromConfig keeps a path as it was given if the configuration lies in the
// current folder.
func fromConfig(config, path string) string {
	if path == "" || filepath.IsAbs(path) || strings.HasPrefix(path, "$CREDENTIALS_DIRECTORY/") || filepath.Dir(config) == "." {
		return path
	}
	return absolute(path)
}

// configuration returns the TOML.
func (s *mirrorSetup) configuration(trustName string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# A mirror. \"metaserver mirror once --help\" tells what can stand here.\n")
	fmt.Fprintf(&b, "root = %s\ntrust = %s\nschedule = \"%d * * * *\" # for \"mirror run\"; UTC\n", tomlfile.Quote(s.root), tomlfile.Quote(trustName), s.minute)
	fmt.Fprintf(&b, "\n%s\n", strings.Join(s.table(), "\n"))
	return []byte(b.String())
}

// table returns the lines of the target's table.
func (s *mirrorSetup) table() []string {
	lines := append([]string{"[[target]]", "type = " + tomlfile.Quote(s.kind)}, s.lines...)
	if s.public != "" {
		lines = append(lines, "public_url = "+tomlfile.Quote(s.public))
	}
	return lines
}

// checkRequest looks at what a registration needs, before anything is done.
func (s *mirrorSetup) checkRequest() error {
	if !s.register {
		return nil
	}
	var missing []string
	for _, needed := range []struct{ flag, value string }{
		{"--public-url", s.public}, {"--id", s.request.ID}, {"--operator", s.request.Operator}, {"--email", s.request.Email},
	} {
		if needed.value == "" {
			missing = append(missing, needed.flag)
		}
	}
	if len(missing) > 0 {
		return withHint(&usageError{"--register needs " + strings.Join(missing, ", ")}, "Nothing was written.")
	}
	s.request.URLs = []string{s.public}
	return nil
}
