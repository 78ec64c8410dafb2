package root

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

func TestDecodeObjectRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, body, says string }{
		{"empty", "", "is empty"},
		{"white space", " \n", "is empty"},
		{"cut off", `{"name":"x"`, "line 1, byte 11"},
		{"second line", "{\n\"name\": x}", "line 2, byte 9"},
		{"two objects", `{} {}`, "line 1, byte 4"},
		{"array", `[]`, "not an object"},
		{"string", `"x"`, "not an object"},
		{"number", `1`, "not an object"},
		{"null", `null`, "not an object"},
		{"single quotes", `{'name':'x'}`, "line 1, byte 2"},
		{"trailing comma", `{"name":"x",}`, "line 1, byte 13"},
		{"comment", `{"name":"x"} // x`, "line 1, byte 14"},
		{"not UTF-8", "{\"name\":\"\xff\"}", "not UTF-8 at line 1, byte 10"},
		{"UTF-16", "{\x00", "line 1"},
		{"form", "name=x&game=y", "line 1, byte 2"},
		{"control in string", "{\"name\":\"a\nb\"}", "line 1"},
		{"deep", strings.Repeat("[", 20000), "depth"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var req api.RegistrationRequest
			_, err := decodeObject([]byte(tc.body), &req)
			var p *api.Problem
			if !errors.As(err, &p) || p.Status != 400 || !strings.Contains(p.Detail, tc.says) {
				t.Fatalf("%v; want a problem 400 that says %q", err, tc.says)
			}
		})
	}
}

func TestDecodeObjectNamesMembers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, body, field, says string }{
		{"unknown", `{"nmae":"x"}`, "nmae", "not a member"},
		{"case", `{"Name":"x"}`, "Name", "not a member"},
		{"empty name", `{"":"x"}`, "", "not a member"},
		{"twice", `{"name":"x","name":"y"}`, "name", "twice"},
		{"twice by escape", `{"name":"x","n\u0061me":"y"}`, "name", "twice"},
		{"number", `{"name":7}`, "name", "a string"},
		{"null", `{"name":null}`, "name", "null"},
		{"object", `{"name":{}}`, "name", "a string"},
		{"no array", `{"addresses":"x:1"}`, "addresses", "an array, each element a string"},
		{"mixed array", `{"addresses":["x:1",2]}`, "addresses", "an array"},
		{"no object", `{"probe":"x"}`, "probe", "an object with protocol, port"},
		{"unknown inside", `{"probe":{"x":1}}`, "probe", "an object with protocol, port"},
		{"twice inside", `{"probe":{"protocol":"x","protocol":"y"}}`, "probe", `"protocol" is none of them, or stands twice`},
		{"twice inside by escape", `{"probe":{"protocol":"x","pr\u006ftocol":"y"}}`, "probe", `"protocol" is none of them, or stands twice`},
		{"case inside", `{"probe":{"PROTOCOL":"x"}}`, "probe", `"PROTOCOL" is none of them`},
		{"null inside", `{"probe":{"protocol":null}}`, "probe", "a string"},
		{"twice in an array", `{"endpoints":[{"role":"a"},{"role":"b","role":"c"}]}`, "endpoints", `"role" is none of them, or stands twice`},
		{"case in an array", `{"endpoints":[{"Role":"a"}]}`, "endpoints", `"Role" is none of them`},
		{"null in an array", `{"addresses":["x:1",null]}`, "addresses", "a string"},
		{"fraction", `{"probe":{"port":1.5}}`, "probe", "an object"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var req api.RegistrationRequest
			fields, err := decodeObject([]byte(tc.body), &req)
			if err != nil {
				t.Fatal(err)
			}
			if len(fields) != 1 || fields[0].Field != tc.field || !strings.Contains(fields[0].Problem, tc.says) {
				t.Fatalf("%v; want %q and %q", fields, tc.field, tc.says)
			}
		})
	}
}

func FuzzDecodeObject(f *testing.F) {
	good, err := json.Marshal(goodRequest())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, s := range []string{
		``, `{}`, `[]`, `null`, `{"name":"x","name":"y"}`, `{"name":"\ud800"}`, `{"addresses":["a:1",null]}`,
		`{"endpoints":[{"role":"chat","protocol":"mumble","address":"[::1]:1"}]}`, `{"probe":{"protocol":"x","port":1}}`,
		"{\"name\":\"\xff\"}", `{"a":{"b":[{"c":1e999}]}}`, `{"email":"a@b"}x`, "\ufeff{}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var req api.RegistrationRequest
		fields, err := decodeObject(data, &req)
		if p := new(api.Problem); err != nil && !errors.As(err, &p) {
			t.Fatalf("an error that is not the requester's: %v", err)
		}
		if err == nil && !json.Valid(data) {
			t.Fatal("took what is not JSON")
		}
		if err != nil || len(fields) > 0 {
			return
		}
		entry, problems := checkRequest(&req, true)
		if len(problems) > 0 {
			return
		}
		entry.ID = "x"
		if err := entry.Check(); err != nil {
			t.Fatalf("took an entry that readers would refuse: %v", err)
		}
	})
}
