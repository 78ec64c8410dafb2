package hosts

import (
	"fmt"
	"slices"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// A Field is a key of a target's table, for programs that ask a person for it
// or take it as a flag.
type Field struct {
	Key      string
	Question string // as on a terminal, without the colon
	Example  string // what to write, without quotes
	Kind     Kind
	Required bool
}

// A Kind is what a field holds.
type Kind int

// The kinds.
const (
	Text   Kind = iota
	List        // of texts
	Switch      // true or false
	Secret      // in the file named by KEY_file, or in the environment variable named by KEY_env
)

// rare are the keys that most people leave out.
var rare = []string{"ca_file", "style", "author_name", "author_email", "keep_history", "atomic"}

// Rare tells whether a person should not be bothered with the field.
func (f Field) Rare() bool { return slices.Contains(rare, f.Key) }

// example returns a line of a configuration, with what it is.
func (f Field) example() string {
	value := fmt.Sprintf("%q", f.Example)
	if f.Kind == List {
		value = "[" + value + "]"
	}
	return fmt.Sprintf("%s = %s (%s)", f.Key, value, f.Question)
}

// A kind is a type of targets. read reads its own keys; place names where the
// documents go, the same for the same place however it is reached.
type kind struct {
	name   string
	about  string
	fields []Field
	read   func(*reader) (target publish.Target, place string)
}

// kinds are all types, by name.
var kinds = func() map[string]kind {
	m := map[string]kind{}
	for _, k := range allKinds {
		m[k.name] = k
	}
	return m
}()

// Types returns the types that [Read] knows, the simplest first.
func Types() []string {
	var names []string
	for _, k := range allKinds {
		names = append(names, k.name)
	}
	return names
}

// About says in a few words what a type is.
func About(name string) string { return kinds[name].about }

// Fields returns the fields of a type, those that are required first; nil if
// there is no such type.
func Fields(name string) []Field { return slices.Clone(kinds[name].fields) }
