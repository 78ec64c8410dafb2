package mirror

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// A table gives out the values of a TOML table by name and type, and notes
// what is wrong, with the line. The library decodes into structs as well, but
// then it takes names in any case, says nothing of lines of unknown keys, and
// of several [[target]] it names the line of the last.
type table struct {
	file   string
	title  string // "[[target]]"; "" at the top
	line   int    // where the table begins
	values map[string]any
	lines  map[string]int // of keys
	below  []section      // titled tables of the file, in order
	known  []string       // every key that was asked for
	errs   []error
}

// parseTOML returns the top table.
func parseTOML(file string, data []byte) (*table, error) {
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
	t := &table{file: file, line: 1, values: values, lines: sections[0].lines, below: sections[1:]}
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

// check notes an error about a key.
func (t *table) check(key string, err error) {
	if err != nil {
		line := t.lines[key]
		if line == 0 {
			line = t.line
		}
		t.errs = append(t.errs, fmt.Errorf("%s:%d: %w", t.file, line, err))
	}
}

// text returns a string; "" if the key is absent. The key with an empty string
// is refused, so that "" has one meaning.
func (t *table) text(key string) string {
	s, given := get[string](t, key, `text in "quotes"`)
	if given && s == "" {
		t.check(key, fmt.Errorf("%s is empty: give a value or remove the line", key))
	}
	return s
}

// boolean returns false if the key is absent.
func (t *table) boolean(key string) bool {
	b, _ := get[bool](t, key, "true or false")
	return b
}

// get returns the zero value for an absent key and for a wrong type, which it
// notes.
func get[T any](t *table, key, expected string) (v T, given bool) {
	t.known = append(t.known, key)
	raw, given := t.values[key]
	if !given {
		return v, false
	}
	v, ok := raw.(T)
	if !ok {
		t.check(key, fmt.Errorf("%s is %s; expected %s", key, kindOf(raw), expected))
	}
	return v, ok
}

// tables returns the tables titled [[key]], or written inline.
func (t *table) tables(key string) []*table {
	t.known = append(t.known, key)
	raw, given := t.values[key]
	values, ok := tablesOf(raw)
	if given && !ok {
		t.check(key, fmt.Errorf("%s is %s; expected tables that begin with [[%s]] in double brackets", key, kindOf(raw), key))
	}
	sections := slices.DeleteFunc(slices.Clone(t.below), func(s section) bool { return s.name != key })
	var tables []*table
	for i, v := range values {
		sub := &table{file: t.file, title: "[[" + key + "]]", line: max(1, t.lines[key]), values: v}
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

// require notes that a key is missing, with an example of what to write.
func (t *table) require(key, example string) {
	if _, given := t.values[key]; !given {
		in := ""
		if t.title != "" {
			in = " in " + t.title
		}
		t.check(key, fmt.Errorf("%s is missing%s: add %s", key, in, example))
	}
}

// refuseUnknown notes the keys that nobody asked for.
func (t *table) refuseUnknown() {
	for _, key := range slices.Sorted(maps.Keys(t.values)) {
		if !slices.Contains(t.known, key) {
			in := ""
			if t.title != "" {
				in = " in " + t.title
			}
			t.check(key, fmt.Errorf("%q is not known%s; known: %s", key, in, strings.Join(t.known, ", ")))
		}
	}
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
