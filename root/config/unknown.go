package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// foreign are the tables of root.toml whose keys other packages read and check.
var foreign = []string{"target", "mail", "webhook"}

// refuseUnknown refuses the first name that is no setting, and says which one it
// may have been meant for.
func refuseUnknown(path, text string, undecoded []toml.Key) error {
	unknown := slices.DeleteFunc(undecoded, func(k toml.Key) bool { return slices.Contains(foreign, k[0]) })
	if len(unknown) == 0 {
		return nil
	}
	key := unknown[0]
	meant := "is it misspelt, or meant for a newer version?"
	if near := nearest(key.String(), settings()); near != "" {
		meant = fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Errorf("%s, line %d: there is no setting %q; %s", path, lineOf(text, key), key.String(), meant)
}

// settings returns the names of all settings, as "queue" and "watch.every".
func settings() []string { return keysOf(reflect.TypeFor[file](), "") }

func keysOf(t reflect.Type, prefix string) (names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		if name == "" || name == "-" {
			continue
		}
		names = append(names, prefix+name)
		if isSection(f.Type) {
			names = append(names, keysOf(f.Type, prefix+name+".")...)
		}
	}
	return names
}

// isSection tells a table of settings from a value that reads itself from text.
func isSection(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	_, isText := reflect.PointerTo(t).MethodByName("UnmarshalText")
	return !isText
}

// lineOf finds the line that defines a key, or that of its table.
func lineOf(text string, key toml.Key) int {
	t, err := tomlfile.Parse("", []byte(text))
	for _, name := range key[:len(key)-1] {
		if err != nil || t == nil {
			return 1
		}
		t = t.Table(name)
	}
	if err != nil || t == nil {
		return 1
	}
	return t.Line(key[len(key)-1])
}

// inFolder returns a path of a configuration, absolute or relative to its folder;
// a path that is absent is the folder itself.
func inFolder(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
