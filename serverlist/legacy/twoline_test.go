package legacy_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/legacy"
)

const draft = "cat2.dynu.ca 13327 1117165607 version 1023 1027 Crossfire Server\ncat2 1.7.0CVS no description\n"

// read returns the entries and the errors, with their lines.
func read(t testing.TB, text string) (entries []legacy.TwoLine, problems []string) {
	t.Helper()
	err := legacy.ReadTwoLines(strings.NewReader(text), func(line int, e legacy.TwoLine, err error) error {
		if err != nil {
			problems = append(problems, fmt.Sprintf("%d: %v", line, err))
			return nil
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		problems = append(problems, err.Error())
	}
	return entries, problems
}

func TestDraft(t *testing.T) {
	t.Parallel()
	want := legacy.TwoLine{
		Host: "cat2.dynu.ca", Port: 13327, Seen: time.Unix(1117165607, 0).UTC(), Greeting: "version 1023 1027 Crossfire Server",
		Name: "cat2", Version: "1.7.0CVS", Comment: "no description",
	}
	for what, text := range map[string]string{
		"as it is": draft, "CRLF": strings.ReplaceAll(draft, "\n", "\r\n"), "no last line feed": strings.TrimSpace(draft),
		"blank lines": "\n\r\n" + draft + "\n", "as announced": strings.Replace(draft, "\n", "\n ", 1),
	} {
		if got, problems := read(t, text); !slices.Equal(got, []legacy.TwoLine{want}) || problems != nil {
			t.Errorf("%s: %+v, %v", what, got, problems)
		}
	}
	if b, err := want.Append(nil); err != nil || string(b) != draft {
		t.Errorf("%q, %v", b, err)
	}
	s := want.Server("crossfire")
	s.ID = "x"
	if err := s.Check(); err != nil || s.Addresses[0] != "cat2.dynu.ca:13327" || s.Description != "no description" {
		t.Errorf("%+v: %v", s, err)
	}
	if again := legacy.TwoLineOf(&s, want.Seen, want.Greeting); again != want {
		t.Errorf("%+v", again)
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]legacy.TwoLine{
		"h.example 1 0\nn -\n":                     {Host: "h.example", Port: 1, Name: "n"},
		"::1 65535 1 g\nn v\n":                     {Host: "::1", Port: 65535, Seen: time.Unix(1, 0).UTC(), Greeting: "g", Name: "n", Version: "v"},
		"192.0.2.1 1 0\nn - a  b c\n":              {Host: "192.0.2.1", Port: 1, Name: "n", Comment: "a  b c"},
		"h.example 1 0\nbig_cat - a_b\n":           {Host: "h.example", Port: 1, Name: "big_cat", Comment: "a_b"},
		"h.example 1 0\nCaf\xe9 - na\xefve\n":      {Host: "h.example", Port: 1, Name: "Café", Comment: "naïve"},
		"h.example 1 0\nCafé - \u4e16\u754c wei\n": {Host: "h.example", Port: 1, Name: "Café", Comment: "世界 wei"},
	} {
		got, problems := read(t, text)
		if len(got) != 1 || got[0] != want || problems != nil {
			t.Errorf("%q: %+v, %v", text, got, problems)
		}
	}
}

// A wrong entry is told with its line, and the others are read.
func TestWrong(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"h.example\nn v\n":            "host port unixtime greeting",
		"h.example x 0\nn v\n":        `"x" is no port`,
		"h.example 0 0\nn v\n":        `"0" is no port`,
		"h.example 01 0\nn v\n":       `"01" is no port`,
		"h.example 65536 0\nn v\n":    "is no port",
		"h.example 1 -1\nn v\n":       "is no time",
		"h.example 1 1e9\nn v\n":      "is no time",
		"h.example 1 9e99\nn v\n":     "is no time",
		"h_x! 1 0\nn v\n":             "host: ",
		"[::1] 1 0\nn v\n":            "without brackets",
		"h.example 1 0\nn\n":          "name version comment",
		"h.example 1 0\n\nn v\n":      "name version comment",
		"h.example 1 0\nn  v\n":       "name version comment",
		"h.example 1 0\nn v x \n":     "one space parts",
		"h.example 1 0  g\nn v\n":     "one space parts",
		"h.example 1 0\nn v a\x1bb\n": "comment: contains U+001B",
		"h.example 1 0\nn\x00 v\n":    "name: contains U+0000",
	} {
		got, problems := read(t, text+draft)
		if len(problems) == 0 || !strings.HasPrefix(problems[0], "1: ") || !strings.Contains(problems[0], says) {
			t.Errorf("%q: %v; want %q", text, problems, says)
		}
		_ = got
	}
	got, problems := read(t, "h.example 1 0\nn v a\x00b\n"+draft+"x\ny\n"+draft)
	if len(got) != 2 || len(problems) != 2 || !strings.HasPrefix(problems[1], "5: ") {
		t.Errorf("%+v, %q", got, problems)
	}
	if _, problems := read(t, strings.Repeat("x", 5000)+"\n"); len(problems) != 1 || !strings.Contains(problems[0], "more than 4096") {
		t.Error(problems)
	}
	stop := errors.New("stop")
	if err := legacy.ReadTwoLines(strings.NewReader(draft), func(int, legacy.TwoLine, error) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	good, _ := read(t, draft)
	for what, change := range map[string]func(*legacy.TwoLine){
		"two words":     func(e *legacy.TwoLine) { e.Name = "Cat 2" },
		"no name":       func(e *legacy.TwoLine) { e.Name = "" },
		"two versions":  func(e *legacy.TwoLine) { e.Version = "1 2" },
		"a dash":        func(e *legacy.TwoLine) { e.Version = "-" },
		"no host":       func(e *legacy.TwoLine) { e.Host = "" },
		"no port":       func(e *legacy.TwoLine) { e.Port = 0 },
		"a line feed":   func(e *legacy.TwoLine) { e.Comment = "a\nb" },
		"a space":       func(e *legacy.TwoLine) { e.Comment = " a" },
		"half a second": func(e *legacy.TwoLine) { e.Seen = e.Seen.Add(-2e18) },
	} {
		e := good[0]
		change(&e)
		if b, err := e.Append([]byte("before")); err == nil || string(b) != "before" {
			t.Errorf("%s: %q, %v", what, b, err)
		}
	}
}

// Whatever a list holds can be written, and reads back as what was written.
func TestTwoLineOf(t *testing.T) {
	t.Parallel()
	for _, s := range []serverlist.Server{
		{Name: "Cat 2", Addresses: []string{"cat2.example.net:13327", "[::1]:1"}, Version: "1.70 beta", Description: " two  words "},
		{Name: "-", Addresses: []string{"[2001:db8::1]:1"}, Version: "-"},
		{Name: " x ", Addresses: []string{"192.0.2.1:1"}},
		{Name: "Ñandú", Addresses: []string{"x.example:1"}, Description: strings.Repeat("é", 500)},
	} {
		e := legacy.TwoLineOf(&s, time.Unix(1e9, 5), "version 1 2 x")
		b, err := e.Append(nil)
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		if got, problems := read(t, string(b)); len(got) != 1 || got[0] != e || problems != nil {
			t.Errorf("%q: %+v, %v", b, got, problems)
		}
	}
}

// FuzzTwoLines: what is read is written the same way, and makes an entry.
func FuzzTwoLines(f *testing.F) {
	f.Add([]byte(draft))
	f.Add([]byte("::1 1 0\nn - a  b\n\nh.example 2 3 g\r\nn\xe9 v\r\n"))
	f.Add([]byte("::1 1 0\nn - " + strings.Repeat("\xa1", legacy.MaxTwoLine/2) + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second []legacy.TwoLine
		collect := func(into *[]legacy.TwoLine) func(int, legacy.TwoLine, error) error {
			return func(_ int, e legacy.TwoLine, err error) error {
				if err == nil {
					*into = append(*into, e)
				}
				return nil
			}
		}
		legacy.ReadTwoLines(bytes.NewReader(data), collect(&first))
		var b []byte
		for _, e := range first {
			var err error
			if b, err = e.Append(b); err != nil {
				t.Fatalf("%+v: %v", e, err)
			}
		}
		if err := legacy.ReadTwoLines(bytes.NewReader(b), collect(&second)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(first, second) {
			t.Fatalf("%+v became %+v", first, second)
		}
	})
}
