package serverlist_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// An entry by itself is read more strictly than one of a list: whoever writes it
// is there to mend it. Spaces do no harm.
func TestEntryJSON(t *testing.T) {
	t.Parallel()
	const server, mirror = `"id":"x","name":"X","addresses":["x.example:1"]`, `"id":"x","urls":["http://x.example/"]`
	for _, test := range []struct {
		what, server, mirror string
		field                string // to blame; "-": no error, "": none by itself
	}{
		{"required members", "{" + server + "}", "{" + mirror + "}", "-"},
		{"spaces", "\n{ " + strings.ReplaceAll(server, `":`, `" : `) + " }\n", "{\t" + mirror + "}", "-"},
		{"unknown member", "{" + server + `,"later":[1, 2]}`, "{" + mirror + `,"later":[1, 2]}`, "-"},
		{"wrong optional member", "{" + server + `,"region":7}`, "{" + mirror + `,"region":7}`, "region"},
		{"wrong required member", `{"id":"X"}`, `{"id":"X"}`, "id"},
		{"no required member", "{}", "{}", "id"},
		{"member twice", "{" + server + `,"id":"x"}`, "{" + mirror + `,"id":"x"}`, ""},
		{"cut", "{" + server, "{" + mirror, ""},
		{"two objects", "{" + server + "}{}", "{" + mirror + "}{}", ""},
		{"no object", "[]", "7", ""},
	} {
		s := serverlist.Server{ID: "before"}
		expectField(t, test.what+", server", s.UnmarshalJSON([]byte(test.server)), test.field)
		m := serverlist.Mirror{ID: "before"}
		expectField(t, test.what+", mirror", m.UnmarshalJSON([]byte(test.mirror)), test.field)
		if want := map[bool]string{true: "x", false: "before"}[test.field == "-"]; s.ID != want || m.ID != want {
			t.Errorf("%s: the server is %q and the mirror %q, want %q", test.what, s.ID, m.ID, want)
		}
	}
}

func TestMirrorThatIsNoRoot(t *testing.T) {
	t.Parallel()
	m := serverlist.Mirror{Root: true}
	if err := m.UnmarshalJSON([]byte(`{"id":"x","urls":["http://x.example/"],"root":false}`)); err != nil || m.Root {
		t.Errorf("%+v, %v", m, err)
	}
}

// Check and MarshalJSON say which member is wrong.
func TestEntryCheck(t *testing.T) {
	t.Parallel()
	later := []serverlist.Member{{Name: "later", Value: "x"}}
	for field, change := range map[string]func(*serverlist.Server, *serverlist.Mirror){
		"-":      func(*serverlist.Server, *serverlist.Mirror) {},
		"id":     func(s *serverlist.Server, m *serverlist.Mirror) { s.ID, m.ID = "X", "" },
		"region": func(s *serverlist.Server, m *serverlist.Mirror) { s.Region, m.Region = "\x00", "\x00" },
		"later":  func(s *serverlist.Server, m *serverlist.Mirror) { s.Unknown, m.Unknown = later, later },
	} {
		s := serverlist.Server{ID: "x", Name: "X", Addresses: []string{"x.example:1"}}
		m := serverlist.Mirror{ID: "x", URLs: []string{"http://x.example/"}}
		change(&s, &m)
		expectField(t, "server", s.Check(), field)
		expectField(t, "mirror", m.Check(), field)
		_, err := json.Marshal(s)
		expectField(t, "server as JSON", err, field)
		_, err = json.Marshal(m)
		expectField(t, "mirror as JSON", err, field)
	}
}

// Errors in the objects of an entry name the member in there.
func TestNestedMembers(t *testing.T) {
	t.Parallel()
	const sum = `"sha256":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"`
	for member, says := range map[string]string{
		`"endpoints":[{"role":"a","protocol":"b","address":"c:1","later":[1]}]`:                              "",
		`"endpoints":[{"role":"a","protocol":"b","address":"c:1"},{"role":"A","protocol":"b","address":""}]`: `endpoints: element 1: role: "A"`,
		`"endpoints":[{"role":"a","protocol":"B","address":"c:1"}]`:                                          `endpoints: element 0: protocol: "B"`,
		`"endpoints":[{"role":"a","protocol":"b","address":"c"}]`:                                            `endpoints: element 0: address: "c"`,
		`"endpoints":[{"protocol":"b","address":"c:1"}]`:                                                     "element 0: needs role, protocol and address",
		`"endpoints":[{"role":"a","address":"c:1"}]`:                                                         "element 0: needs role, protocol and address",
		`"endpoints":[{"role":"a","protocol":"b"}]`:                                                          "element 0: needs role, protocol and address",
		`"endpoints":{}`:   "endpoints: is not an array",
		`"endpoints":[[]]`: "endpoints: element 0: is not an object",
		`"probe":{"protocol":"a","port":1,"later":[1]}`:         "",
		`"probe":{"protocol":"a","port":65535}`:                 "",
		`"probe":{"protocol":"a","port":0}`:                     "probe: port: is not from 1 to 65535",
		`"probe":{"protocol":"a","port":65536}`:                 "probe: port: is not from 1 to 65535",
		`"probe":{"protocol":"A"}`:                              `probe: protocol: "A"`,
		`"probe":{"port":1}`:                                    "probe: needs a protocol",
		`"checks":{"name":"a",` + sum + `,"size":0,"later":{}}`: "",
		`"checks":{"name":"",` + sum + `,"size":0}`:             "checks: name: must not be empty",
		`"checks":{"name":"a","sha256":"0A","size":0}`:          "checks: sha256: is not 64",
		`"checks":{"name":"a",` + sum + `,"size":-1}`:           "checks: size: is not from 0",
		`"checks":{` + sum + `,"size":0}`:                       "checks: needs name, sha256 and size",
		`"checks":{"name":"a","size":0}`:                        "checks: needs name, sha256 and size",
		`"checks":{"name":"a",` + sum + `}`:                     "checks: needs name, sha256 and size",
	} {
		var s serverlist.Server
		err := s.UnmarshalJSON([]byte(`{"id":"x","name":"X","addresses":["x.example:1"],` + member + `}`))
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want an error that says %q", member, err, says)
		}
	}
}

// expectField checks that an error blames a member; see TestEntryJSON.
func expectField(t *testing.T, what string, err error, field string) {
	t.Helper()
	var e *serverlist.FieldError
	switch {
	case (err == nil) != (field == "-"):
		t.Errorf("%s: %v, want an error about %q", what, err, field)
	case errors.As(err, &e) && e.Field != field, e == nil && err != nil && field != "":
		t.Errorf("%s: %v, want that about %q", what, err, field)
	}
}
