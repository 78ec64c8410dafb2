package serverlist_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// Unknown members are written as they are, so a writer refuses those that
// readers would read as something else.
func TestUnknownMembersThatSmuggle(t *testing.T) {
	t.Parallel()
	member := func(name, value string) serverlist.Member { return serverlist.Member{Name: name, Value: value} }
	many := make([]serverlist.Member, serverlist.MaxUnknown+1)
	for i := range many {
		many[i] = member(fmt.Sprint("x", i), "1")
	}
	for what, test := range map[string]struct {
		unknown []serverlist.Member
		good    bool
	}{
		"one of each kind":    {[]serverlist.Member{member("a", `{"b":[1.5e3,null,"\u003c"]}`), member("", `""`), member("ID", "-0"), member(`q"\`, "true"), member("\x00\n\x1f", "1")}, true},
		"as many as allowed":  {many[1:], true},
		"one too many":        {many, false},
		"as long as allowed":  {[]serverlist.Member{member("a", `"`+strings.Repeat("x", serverlist.MaxUnknownBytes-6)+`"`)}, true},
		"one byte too long":   {[]serverlist.Member{member("a", `"`+strings.Repeat("x", serverlist.MaxUnknownBytes-5)+`"`)}, false},
		"a second member":     {[]serverlist.Member{member("a", `1,"b":2`)}, false},
		"a known member":      {[]serverlist.Member{member("a", `1,"description":"not what was approved"`)}, false},
		"the end of an entry": {[]serverlist.Member{member("a", `1}`)}, false},
		"another entry":       {[]serverlist.Member{member("a", "1}\n{\"id\":\"x\",\"name\":\"X\",\"addresses\":[\"x:1\"],\"b\":2")}, false},
		"a known name":        {[]serverlist.Member{member("tags", `["a"]`)}, false},
		"a required name":     {[]serverlist.Member{member("urls", `["http://a/"]`), member("id", `"x"`)}, false},
		"one name twice":      {[]serverlist.Member{member("a", "1"), member("a", "1")}, false},
		"a name not in UTF-8": {[]serverlist.Member{member("\xff", "1")}, false},
		"no value":            {[]serverlist.Member{member("a", "")}, false},
		"a space":             {[]serverlist.Member{member("a", "1 ")}, false},
		"a space inside":      {[]serverlist.Member{member("a", "[1, 2]")}, false},
		"half a value":        {[]serverlist.Member{member("a", "["), member("b", "]")}, false},
		"half a string":       {[]serverlist.Member{member("a", `"`), member("b", `"`)}, false},
		"not JSON":            {[]serverlist.Member{member("a", "nul")}, false},
		"a name twice inside": {[]serverlist.Member{member("a", `{"b":1,"\u0062":1}`)}, false},
		"a lone surrogate":    {[]serverlist.Member{member("a", `"\ud800"`)}, false},
		"as deep as allowed":  {[]serverlist.Member{member("a", strings.Repeat("[", 7)+strings.Repeat("]", 7))}, true},
		"too deep":            {[]serverlist.Member{member("a", strings.Repeat("[", 8)+strings.Repeat("]", 8))}, false},
	} {
		t.Run(what, func(t *testing.T) {
			s := serverlist.Server{ID: "s", Name: "S", Addresses: []string{"s.example.net:1"}, Unknown: test.unknown}
			once, err := serverlist.EncodeServers([]serverlist.Server{s})
			if (err == nil) != test.good {
				t.Fatalf("written as %s, error %v; want accepted %v", once, err, test.good)
			}
			m := serverlist.Mirror{ID: "m", URLs: []string{"http://m.example/"}, Unknown: test.unknown}
			if err := m.Check(); (err == nil) != test.good && what != "a known name" {
				t.Errorf("as members of a mirror: %v, want accepted %v", err, test.good)
			}
			if !test.good {
				return
			}
			root := newRoot()
			list, err := serverlist.Open(root.Sign(serverlist.Draft{Body: once}), wantServers, root.Chain())
			if err != nil || len(list.Skipped) > 0 || len(list.Servers) != 1 {
				t.Fatalf("written and not read: %v, %v", list, err)
			}
			if twice, err := serverlist.EncodeServers(list.Servers); err != nil || !bytes.Equal(once, twice) {
				t.Errorf("written, read and written again (%v):\n%s%s", err, once, twice)
			}
		})
	}
}

// An error about an unknown member names it.
func TestUnknownMemberIsNamed(t *testing.T) {
	t.Parallel()
	s := serverlist.Server{ID: "s", Name: "S", Addresses: []string{"s.example.net:1"}, Unknown: []serverlist.Member{{Name: "later", Value: `1,"id":"x"`}}}
	var e *serverlist.FieldError
	if err := s.Check(); !errors.As(err, &e) || e.Field != "later" {
		t.Errorf("%v, want an error about the member later", err)
	}
}

// Entries of one list share memory, which nobody notices: a list of one cannot
// grow into that of another.
func TestEntriesDoNotShareLists(t *testing.T) {
	t.Parallel()
	root := newRoot()
	list, err := serverlist.Open(root.Sign(serverlisttest.Servers("a", "b")), wantServers, root.Chain())
	if err != nil || len(list.Servers) < 2 {
		t.Fatal(list, err)
	}
	second := list.Servers[1].Addresses[0]
	_ = append(list.Servers[0].Addresses, "overwritten:1")
	if list.Servers[1].Addresses[0] != second {
		t.Errorf("an append to the addresses of one entry changed another's to %s", list.Servers[1].Addresses[0])
	}
}
