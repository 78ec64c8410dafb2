package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// A setupFile is a file that setup writes.
type setupFile struct {
	path string
	data []byte
	mode fs.FileMode
}

type setupFiles []setupFile

// write writes all files or none, and replaces none.
func (files setupFiles) write() error {
	for i, f := range files {
		if err := f.create(); err != nil {
			return errors.Join(err, files[:i].remove())
		}
	}
	return nil
}

// there tells whether the file has its content already, as when two mirrors of
// one root have their configurations in one folder.
func (f setupFile) there() bool {
	data, err := readWhole(f.path, int64(len(f.data)))
	return err == nil && bytes.Equal(data, f.data)
}

func (f setupFile) create() error {
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if errors.Is(err, fs.ErrExist) {
		return thereAlready(f.path)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(f.data)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(f.path))
	}
	return nil
}

// checkPlaces looks, before anything is asked, whether the files can be new.
func (s *mirrorSetup) checkPlaces() error {
	places := []string{s.config}
	if s.systemd != "" {
		places = append(places, s.unitFile(".service"), s.unitFile(".timer"))
	}
	for _, path := range places {
		if dir, err := os.Stat(filepath.Dir(path)); err != nil || !dir.IsDir() {
			return withHint(fmt.Errorf("%s is not a folder, and nothing was changed", filepath.Dir(path)), "Make it first.")
		}
		if _, err := os.Lstat(path); err == nil {
			return thereAlready(path)
		}
	}
	return nil
}

func thereAlready(path string) error {
	return withHint(fmt.Errorf("%s is there already, and nothing was changed", path), "Is this mirror set up already? Give --config another file, or remove this one.")
}

// remove takes back what write has written.
func (files setupFiles) remove() error {
	var errs []error
	for _, f := range files {
		errs = append(errs, os.Remove(f.path))
	}
	return errors.Join(errs...)
}

// prepare completes what is asked for and returns the files to write.
func (s *mirrorSetup) prepare(ctx context.Context, trust []byte) (setupFiles, error) {
	chain, err := keys.NewChain(trust)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(s.errOut, "The trust document %d of %s has the hash you gave.\n", chain.Newest().Version, chain.Origin())
	if err := s.complete(ctx); err != nil {
		return nil, err
	}
	if err := s.checkTarget(); err != nil {
		return nil, err
	}
	dir := filepath.Dir(s.config)
	trustName := fmt.Sprintf("%d.trust", chain.Newest().Version)
	var files setupFiles
	if f := (setupFile{filepath.Join(dir, trustName), trust, 0o644}); !f.there() {
		files = append(files, f)
	}
	if s.secret != nil {
		files = append(files, setupFile{s.secretFile, append(s.secret, '\n'), 0o600})
	}
	files = append(files, setupFile{s.config, s.configuration(trustName), 0o644})
	if s.systemd != "" {
		units, err := s.units()
		if err != nil {
			return nil, err
		}
		files = append(files, units...)
	}
	return files, nil
}

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
		if key, value, _ := strings.Cut(line, " = "); strings.HasSuffix(key, "_env") {
			names = append(names, strings.Trim(value, `"`))
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
