package serverlist

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzStrictJSON holds our reader against another strict one, which follows
// RFC 7493: no duplicate names, no invalid UTF-8, no lone surrogates. Ours also
// refuses spaces and depths, which the test finds out by itself.
func FuzzStrictJSON(f *testing.F) {
	for _, line := range []string{
		`{"id":"cat2","name":"Cat 2","addresses":["cat2.example.net:13327"]}`,
		`{"a":[1,-0.5e-3,true,false,null,{"b":"\ud83d\ude00\u003c\/\"\\\b\f\n\r\t"}]}`,
		`{"a":1,"\u0061":2}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a": 1}`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":1e+5,"b":1E-5}`, `{"a":1e}`, `{"a":1e+}`, `{"a":1e+-5}`, "{\"a\":\"\\n\xff\"}", "{\"a\":\"\\n\x01\"}", `{"a":"\n`,
		`{"a":[[[[[[[1]]]]]]]}`, `{"a":[[[[[[[[1]]]]]]]]}`, `{"a":nul}`, `{"a":1}}`, `{,}`, `{"a":1,}`, `[1]`, `{}`, "",
		`{"a"1}`, `{"a","b"}`, `"a":1}`, `{"a":"\`, `{"a":"\u12`, `{"a":"\ud800`, `{"a":"\ud800\`, `{"a`, `{"a":"\ud800\u12`,
		`{"a":"\ud83dxude00"}`, `{"a":"\ud83d\nde00"}`, `{"a":"\ud83d\uzzzz"}`, `{"a":"\ud83d\u12"}`, `{"a":"\u/000"}`, `{"a":"\u@000"}`, `{"a":"\u000G"}`, `{"a":"\u000g"}`, `{"a":"\u09aAfF"}`,
		`{"a":[[],{},[],{},[],{},[],{},[]],"b":[{"c":[]},{"c":[]},{"c":[]},{"c":[]},{"c":[]},{"c":[]},{"c":[]},{"c":[]}]}`,
		manyNames(40, 40), manyNames(40, 39), manyNames(40, 35), manyNames(40, 0), manyNames(33, 32), manyNames(32, 31),
		`{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"g":0}`,
		`{"id":"x","name":"X","addresses":["x:1","[::1]:2"],"tags":["a",1],"tags":[]}`,
		`{"id":"x","name":"X","addresses":["x:1"],"probe":{"protocol":"p","port":1.5,"q":[{}]},"checks":{"size":-0},"endpoints":[{"role":"\ud800"}]}`,
		`{"id":"x","name":"X","addresses":["x:1"],"description":"` + "\xff" + `"}`, `{"id":"x","urls":["http://a/"],"operator":"` + "\xff" + `"}`,
		`{"id":"x","urls":["http://a/"],"root":tru,"contact":"\u0000","region":7}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		p := scanner{s: string(line)}
		err := p.skipObject()
		if err == nil && p.i != len(line) {
			err = errSyntax
		}
		theirs := strictReference(line)
		if ours := err == nil; ours != theirs {
			t.Fatalf("%q: ours accepts %v (%v), the reference %v", line, ours, err, theirs)
		}
		if theirs && !slices.Equal(stringsOf(&scanner{s: string(line)}, nil), referenceStrings(line)) {
			t.Fatalf("%q: the strings are %q, those of the reference %q", line, stringsOf(&scanner{s: string(line)}, nil), referenceStrings(line))
		}
		// Known members are read in another way, which must be as strict. A
		// required member that is wrong ends the reading.
		for what, err := range map[string]error{"server": readAsServer(line), "mirror": readAsMirror(line)} {
			if malformed := err != nil && reason(err) == "entry-malformed"; err == nil && !theirs || malformed && theirs {
				t.Fatalf("%q: read as a %s: %v, the reference accepts %v", line, what, err, theirs)
			}
		}
	})
}

// stringsOf adds all names and strings of a valid text to a list.
func stringsOf(p *scanner, list []string) []string {
	switch p.peek() {
	case '"':
		text, _ := p.string()
		return append(list, text)
	case '{':
		for o := new(objectReader); o.next(p); {
			list = stringsOf(p, append(list, o.name))
		}
	case '[':
		for a := new(listReader); a.more(p, '[', ']'); {
			list = stringsOf(p, list)
		}
	default:
		_ = p.skip()
	}
	return list
}

func referenceStrings(line []byte) (list []string) {
	d := jsontext.NewDecoder(bytes.NewReader(line))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return list
		}
		if token.Kind() == '"' {
			list = append(list, token.String())
		}
	}
}

// manyNames is an object of so many names, and then that with the given number
// once more, if there is one.
func manyNames(n, again int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"n%d":0,`, i)
	}
	return fmt.Sprintf(`{%s"n%d":0}`, &b, again)
}

func readAsServer(line []byte) error {
	_, err := readServer(string(line), forgivingly)
	return err
}

func readAsMirror(line []byte) error {
	_, err := readMirror(string(line), new(memory), forgivingly)
	return err
}

func forgivingly(*FieldError) error { return nil }

// strictReference tells whether the line is one object without spaces, at most
// maxDepth deep.
func strictReference(line []byte) bool {
	v := jsontext.Value(bytes.Clone(line))
	if !v.IsValid() || v.Kind() != '{' || v.Compact() != nil || !bytes.Equal(v, line) {
		return false
	}
	d := jsontext.NewDecoder(bytes.NewReader(line))
	for {
		if _, err := d.ReadToken(); err == io.EOF {
			return true
		} else if err != nil {
			return false
		}
		if d.StackDepth() > maxDepth {
			return false
		}
	}
}
