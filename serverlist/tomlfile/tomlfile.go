// Package tomlfile reads configuration files strictly: unknown keys and wrong
// types are refused, and every error names the file and the line.
//
// The TOML library decodes into structs as well, but then it takes names in
// any case, says nothing of the lines of unknown keys, and of several
// [[target]] it names the line of the last.
package tomlfile

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// A Table gives out the values of a TOML table by name and type, and notes what
// is wrong, with the line, so that a file is put right in one go: ask for every
// key, then call RefuseUnknown, and at the end Err. It is used by one goroutine
// at a time.
type Table struct {
	file   string
	title  string // "[[target]]"; "" at the top
	line   int    // where the table begins
	values map[string]any
	lines  map[string]int // of keys
	below  []section      // titled tables of the file, in order
	known  []string       // every key that was asked for
	errs   *[]error       // of the whole file
}

// Parse returns the top table of a file, whose name serves messages only.
func Parse(file string, data []byte) (*Table, error) {
	var values map[string]any
	if _, err := toml.Decode(string(data), &values); err != nil {
		line, message := 1, err.Error()
		var pe toml.ParseError
		if errors.As(err, &pe) {
			line, message = max(1, pe.Position.Line), pe.Message
		}
		return nil, fmt.Errorf("%s:%d: %s (in TOML text stands in \"quotes\", Windows paths in 'single' ones, and each target begins with [[target]])", file, line, message)
	}
	sections := findLines(string(data))
	t := &Table{file: file, line: 1, values: values, lines: sections[0].lines, below: sections[1:], errs: new([]error)}
	for _, s := range t.below {
		if t.lines[s.name] == 0 {
			t.lines[s.name] = s.line
		}
	}
	return t, nil
}

// A section is the top of a file or what follows a title.
type section struct {
	name  string // "" at the top
	line  int
	lines map[string]int // first line of each key
}

var (
	titleLine = regexp.MustCompile(`^\s*\[\[?\s*["']?([^\]"']*?)["']?\s*\]`)
	keyLine   = regexp.MustCompile(`^\s*["']?([^\s"'=#]+)["']?\s*=`)
)

// findLines finds where keys stand. It is for messages only and need not
// understand every way to write TOML; what it misses gets the line of its
// table.
func findLines(data string) []section {
	sections := []section{{line: 1, lines: map[string]int{}}}
	for i, l := range strings.Split(data, "\n") {
		if m := titleLine.FindStringSubmatch(l); m != nil {
			sections = append(sections, section{m[1], i + 1, map[string]int{}})
		} else if m := keyLine.FindStringSubmatch(l); m != nil {
			if last := &sections[len(sections)-1]; last.lines[m[1]] == 0 {
				last.lines[m[1]] = i + 1
			}
		}
	}
	return sections
}

// Err returns what was noted in this table and in every other of its file, in
// the order in which it was found; nil if nothing was.
func (t *Table) Err() error { return errors.Join(*t.errs...) }

// File returns the name that was given to [Parse].
func (t *Table) File() string { return t.file }

// Check notes an error about a key; nil is none.
func (t *Table) Check(key string, err error) {
	if err != nil {
		line := t.Line(key)
		*t.errs = append(*t.errs, fmt.Errorf("%s:%d: %w", t.file, line, err))
	}
}

// Line returns the line of a key, or that of the table if the key is absent.
func (t *Table) Line(key string) int {
	if line := t.lines[key]; line > 0 {
		return line
	}
	return t.line
}

// Has tells whether a key is there, of whatever type.
func (t *Table) Has(key string) bool {
	_, given := t.values[key]
	return given
}

// Text returns a string; "" if the key is absent. The key with an empty string
// is refused, so that "" has one meaning.
func (t *Table) Text(key string) string {
	s, given := get[string](t, key, `text in "quotes"`)
	if given && s == "" {
		t.Check(key, fmt.Errorf("%s is empty: give a value or remove the line", key))
	}
	return s
}

// Texts returns a list of strings, none of them empty; nil if the key is
// absent.
func (t *Table) Texts(key string) []string {
	const expected = `a list of texts, as ["one", "two"]`
	list, _ := get[[]any](t, key, expected)
	var texts []string
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			t.Check(key, fmt.Errorf("%s holds %s; expected %s", key, kindOf(v), expected))
			return nil
		}
		texts = append(texts, s)
	}
	if list != nil && len(list) == 0 || slices.Contains(texts, "") {
		t.Check(key, fmt.Errorf("%s is empty or holds an empty text: give a value or remove the line", key))
		return nil
	}
	return texts
}

// Bool returns false if the key is absent.
func (t *Table) Bool(key string) bool {
	b, _ := get[bool](t, key, "true or false")
	return b
}

// get returns the zero value for an absent key and for a wrong type, which it
// notes.
func get[T any](t *Table, key, expected string) (v T, given bool) {
	t.know(key)
	raw, given := t.values[key]
	if !given {
		return v, false
	}
	v, ok := raw.(T)
	if !ok {
		t.Check(key, fmt.Errorf("%s is %s; expected %s", key, kindOf(raw), expected))
	}
	return v, ok
}

func (t *Table) know(key string) {
	if !slices.Contains(t.known, key) {
		t.known = append(t.known, key)
	}
}

// Table returns the table titled [key], or written inline; nil if there is none.
func (t *Table) Table(key string) *Table {
	values, given := get[map[string]any](t, key, "a table that begins with ["+key+"]")
	if !given {
		return nil
	}
	sub := &Table{file: t.file, title: "[" + key + "]", line: max(1, t.lines[key]), values: values, errs: t.errs}
	for _, s := range t.below {
		if s.name == key {
			sub.lines = s.lines
		}
	}
	return sub
}

// Tables returns the tables titled [[key]], or written inline.
func (t *Table) Tables(key string) []*Table {
	t.know(key)
	raw, given := t.values[key]
	values, ok := tablesOf(raw)
	if given && !ok {
		t.Check(key, fmt.Errorf("%s is %s; expected tables that begin with [[%s]] in double brackets", key, kindOf(raw), key))
	}
	sections := slices.DeleteFunc(slices.Clone(t.below), func(s section) bool { return s.name != key })
	var tables []*Table
	for i, v := range values {
		sub := &Table{file: t.file, title: "[[" + key + "]]", line: max(1, t.lines[key]), values: v, errs: t.errs}
		if len(sections) == len(values) {
			sub.line, sub.lines = sections[i].line, sections[i].lines
		}
		tables = append(tables, sub)
	}
	return tables
}

// tablesOf knows the two forms in which the library gives tables: titled and
// inline.
func tablesOf(raw any) (values []map[string]any, ok bool) {
	if titled, ok := raw.([]map[string]any); ok {
		return titled, true
	}
	list, ok := raw.([]any)
	for _, v := range list {
		m, isTable := v.(map[string]any)
		if !isTable {
			return nil, false
		}
		values = append(values, m)
	}
	return values, ok && len(list) > 0
}

// Require notes that a key is missing, with an example of what to write.
func (t *Table) Require(key, example string) {
	if !t.Has(key) {
		t.Check(key, fmt.Errorf("%s is missing%s: add %s", key, t.in(), example))
	}
}

// Refuse notes a key that may not be there, with why and what to do instead.
func (t *Table) Refuse(key, remedy string) {
	if t.Has(key) {
		t.Check(key, fmt.Errorf("%s is not taken%s: %s", key, t.in(), remedy))
		delete(t.values, key) // RefuseUnknown would name it again
	}
}

// RefuseUnknown notes the keys that nobody asked for.
func (t *Table) RefuseUnknown() {
	for _, key := range slices.Sorted(maps.Keys(t.values)) {
		if !slices.Contains(t.known, key) {
			t.Check(key, fmt.Errorf("%q is not known%s; known: %s", key, t.in(), strings.Join(t.known, ", ")))
		}
	}
}

// in says in which table something is.
func (t *Table) in() string {
	if t.title == "" {
		return ""
	}
	return " in " + t.title
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case int64, float64:
		return "a number"
	case map[string]any:
		return "a table"
	case []any, []map[string]any:
		return "a list"
	default:
		return "a date or time"
	}
}

// Quote writes a text as a TOML string.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
