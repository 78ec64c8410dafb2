package tomlfile_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// ask asks a file for one key of each type, as a program would.
func ask(t *tomlfile.Table) (text string, texts []string, yes bool, inner []string) {
	text, texts, yes = t.Text("text"), t.Texts("texts"), t.Bool("yes")
	for _, sub := range t.Tables("table") {
		inner = append(inner, sub.Text("name"))
		sub.Require("name", `name = "x"`)
		sub.RefuseUnknown()
	}
	t.Refuse("password", "use a file")
	t.RefuseUnknown()
	return text, texts, yes, inner
}

func TestValues(t *testing.T) {
	t.Parallel()
	top, err := tomlfile.Parse("f.toml", []byte(`
text = "a"
texts = ["b", "c"]
yes = true
[[table]]
name = "one"
[["table"]]
name = 'two'
`))
	if err != nil {
		t.Fatal(err)
	}
	text, texts, yes, inner := ask(top)
	if err := top.Err(); err != nil {
		t.Fatal(err)
	}
	if text != "a" || !slices.Equal(texts, []string{"b", "c"}) || !yes || !slices.Equal(inner, []string{"one", "two"}) {
		t.Errorf("read %q, %q, %v, %q", text, texts, yes, inner)
	}
	if !top.Has("texts") || top.Has("none") || top.Line("texts") != 3 || top.Line("none") != 1 || top.File() != "f.toml" {
		t.Error("the places are wrong")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		``:                            nil,
		`text = 1`:                    {`f.toml:1: text is a number; expected text in "quotes"`},
		`text = ""`:                   {`f.toml:1: text is empty`},
		`texts = "a"`:                 {`f.toml:1: texts is text; expected a list of texts, as ["one", "two"]`},
		`texts = []`:                  {`f.toml:1: texts is empty`},
		`texts = ["a", ""]`:           {`f.toml:1: texts is empty or holds an empty text`},
		"\ntexts = [\n\"a\",\n1]":     {`f.toml:2: texts holds a number; expected a list of texts`},
		`yes = 1`:                     {`f.toml:1: yes is a number; expected true or false`},
		`other = 1`:                   {`f.toml:1: "other" is not known; known: text, texts, yes, table`},
		`password = "s3cret"`:         {`f.toml:1: password is not taken: use a file`},
		"[[table]]\nx = 1":            {`f.toml:1: name is missing in [[table]]: add name = "x"`, `f.toml:2: "x" is not known in [[table]]; known: name`},
		"yes = 1\n[table]\nname='x'":  {`f.toml:1: yes is a number`, `f.toml:2: table is a table; expected tables that begin with [[table]]`},
		"[[table]]\nname='x'\ntext=1": {`f.toml:3: "text" is not known in [[table]]`},
	} {
		top, err := tomlfile.Parse("f.toml", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		ask(top)
		var got []string
		if err := top.Err(); err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%q\ngot  %q\nwant %q", text, got, want)
		}
		if strings.Contains(strings.Join(got, ""), "s3cret") {
			t.Errorf("%q: the message shows a secret", text)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a = 1\n[one]\nname = 'x'\n[[two]]\nb = 1": "",
		"one = {name = 'x'}":                       "",
		"\n[one]\n":                                `f.toml:2: name is missing in [one]: add name = "x"`,
		"[one]\nname = 'x'\n\nb = 1":               `f.toml:4: "b" is not known in [one]; known: name`,
		"\none = 1":                                `f.toml:2: one is a number; expected a table that begins with [one]`,
		"\n[[one]]":                                `f.toml:2: one is a list; expected a table that begins with [one]`,
	} {
		top, err := tomlfile.Parse("f.toml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if top.Table("none") != nil {
			t.Errorf("%q: a table that is not there", text)
		}
		if sub := top.Table("one"); sub != nil {
			if name := sub.Text("name"); want == "" && name != "x" {
				t.Errorf("%q: name %q", text, name)
			}
			sub.Require("name", `name = "x"`)
			sub.RefuseUnknown()
		} else if want == "" {
			t.Errorf("%q: no table", text)
		}
		got := ""
		if err := top.Err(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestSyntax(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a = 1\na = 2":     "f.toml:2: ",
		"\n\nb = c":        "f.toml:3: ",
		`p = "C:\web\dir"`: "Windows paths in 'single' ones",
	} {
		if _, err := tomlfile.Parse("f.toml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzQuote: what is quoted is read as it was.
func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"a", `C:\web "x"`, "line\nline\x00\x7f", "ünï\u2028", "it's"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || s == "" {
			return
		}
		top, err := tomlfile.Parse("f.toml", []byte("text = "+tomlfile.Quote(s)+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := top.Text("text"); got != s {
			t.Errorf("%q was read as %q", s, got)
		}
	})
}

// FuzzParse: whatever the file, nothing panics, and every error has a place.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "text = 'a'\ntexts = ['b']\nyes = true\n[[table]]\nname = 'x'\n", "table = [{name = 'a'}, {nam = 1}]", "[table]\n", "[[table]]\n[table.name]\nx=1",
		"text = 2026-11-21", "\xef\xbb\xbftext = 'a'", "password = 1", "\"text\" = 'a'\n'yes'=true", "texts = [[1],{}]", "text = \"\"\"\nyes = 1\n\"\"\""} {
		f.Add([]byte(seed))
	}
	place := regexp.MustCompile(`^f\.toml:[1-9][0-9]*: .`)
	f.Fuzz(func(t *testing.T, data []byte) {
		top, err := tomlfile.Parse("f.toml", data)
		if err == nil {
			ask(top)
			err = top.Err()
		}
		if err != nil && !place.MatchString(err.Error()) {
			t.Errorf("an error without place: %v", err)
		}
	})
}
