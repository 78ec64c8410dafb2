package transfer_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/transfer"
)

const server = `{"id":"cat-2","name":"Cat <2>","game":"crossfire","addresses":["cat2.example.net:13327"],"x":[1]}`

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	at := time.Unix(1e9, 0).UTC()
	p := transfer.Private{State: "suspended", Email: "cat@example.net", Registration: "r7", Created: &at, Updated: &at, Reason: "<no>", Ends: &at, SuspendedBy: "bob", Allowed: []string{}, Notes: []transfer.Note{{At: at, Admin: "alice", Text: "ask"}}}
	line, err := transfer.AppendLine([]byte("before"), server, p)
	want := `before{"id":"cat-2","name":"Cat <2>","game":"crossfire","addresses":["cat2.example.net:13327"],"x":[1],` +
		`"private":{"state":"suspended","email":"cat@example.net","registration":"r7","created":"2001-09-09T01:46:40Z","updated":"2001-09-09T01:46:40Z","reason":"<no>","ends":"2001-09-09T01:46:40Z","suspended_by":"bob","allowed":[],"notes":[{"at":"2001-09-09T01:46:40Z","admin":"alice","text":"ask"}]}}` + "\n"
	if err != nil || string(line) != want {
		t.Fatalf("%s, %v", line, err)
	}
	e, err := transfer.Parse(bytes.TrimSuffix(line[len("before"):], []byte("\n")))
	if err != nil {
		t.Fatal(err)
	}
	text, err := e.Server.MarshalJSON()
	if err != nil || string(text) != server {
		t.Errorf("%s, %v", text, err)
	}
	if e.Private.Email != p.Email || !e.Private.Created.Equal(at) || e.Private.Reason != p.Reason || e.Private.State != p.State ||
		!e.Private.Ends.Equal(at) || e.Private.SuspendedBy != "bob" || e.Private.Allowed == nil {
		t.Errorf("%+v", e.Private)
	}
	if _, err := transfer.AppendLine(nil, "x", p); err == nil {
		t.Error("what is no object was extended")
	}
}

func TestTakes(t *testing.T) {
	t.Parallel()
	for line, id := range map[string]string{
		server: "cat-2",
		`{"name":"N","addresses":["h.example:1"]}`:                                          "",
		` {"private":{}, "name": "N", "addresses": ["h.example:1"], "id":"a" } ` + "\r":     "a",
		`{"name":"N","addresses":["h.example:1"],"private":{"email":"a@b.example"}}`:        "",
		`{"id":"unnamed","name":"N","addresses":["h.example:1"]}`:                           "unnamed",
		`{"id":"a","name":"N","addresses":["h.example:1"],"private":{"state":"suspended"}}`: "a",
	} {
		e, err := transfer.Parse([]byte(line))
		if err != nil || e.Server.ID != id {
			t.Errorf("%s: %q, %v", line, e.Server.ID, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	private := func(p string) string {
		return `{"id":"a","name":"N","addresses":["h.example:1"],"private":` + p + `}`
	}
	for line, says := range map[string]string{
		"":                      "not a JSON object",
		"[]":                    "not a JSON object",
		`{"id":1`:               "not JSON",
		`{"id":"a","name":"N"}`: "addresses: is missing",
		`{"id":"A!","name":"N","addresses":["h.example:1"]}`:         "id: ",
		`{"id":"a","id":"b","name":"N","addresses":["h.example:1"]}`: "twice",
		`{"id":"a","name":"N","addresses":["h.example:1"]} x`:        "something after",
		`{"id":"a","name":"N","addresses":["h.example:1"]}{}`:        "something after",
		`{"id":"a","name":"N\u0000","addresses":["h.example:1"]}`:    "name: ",
		private(`1`):                                                                     "private: ",
		private(`{"email":"A <a@b.example>"}`):                                           "is not an e-mail address",
		private(`{"email":"a@b.example\n"}`):                                             "is not an e-mail address",
		private(`{"state":"new"}`):                                                       "none of listed",
		private(`{"ends":"2030-01-01T00:00:00Z"}`):                                       `write "state":"suspended"`,
		private(`{"state":"revoked","suspended_by":"alice"}`):                            "is not suspended",
		private(`{"state":"suspended","ends":"9999-12-31T23:59:59-12:00"}`):              "ends must be",
		private(`{"state":"suspended","ends":"soon"}`):                                   "private: ",
		private(`{"state":"suspended","suspended_by":"\u001b[2J"}`):                      "suspended_by contains",
		private(`{"notes":[{"at":"9999-12-31T23:59:59-12:00","admin":"a","text":"t"}]}`): "needs a time",
		private(`{"allowed":"version"}`):                                                 "private: ",
		private(`{"reason":"\u001b[2J"}`):                                                "reason contains",
		private(`{"admin":true}`):                                                        "unknown field",
		private(`{},"private":{}`):                                                       "twice",
		`{"name":"` + strings.Repeat("x", transfer.MaxLine) + `"}`:                       "more than 1048576",
	} {
		if _, err := transfer.Parse([]byte(line)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.100s: %v; want %q in it", line, err, says)
		}
	}
}

// FuzzParse: what is taken can be handed out, and is taken again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(server))
	f.Add([]byte(`{"private":{"email":"a@b.example","created":"2001-09-09T01:46:40Z"},"name":"N","addresses":["h.example:1"],"id":"a"}`))
	f.Add([]byte(`{"private":{"state":"suspended","reason":"cheats","ends":"2030-01-01T00:00:00+01:00","suspended_by":"alice","allowed":[]},"name":"N","addresses":["h.example:1"],"id":"a"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := transfer.Parse(line)
		if err != nil || e.Server.ID == "" {
			return
		}
		text, err := e.Server.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if e.Private.Created != nil && e.Private.Created.Year() > 9999 {
			return
		}
		out, err := transfer.AppendLine(nil, string(text), e.Private)
		if err != nil {
			t.Fatal(err)
		}
		again, err := transfer.Parse(bytes.TrimSuffix(out, []byte("\n")))
		if err != nil && len(out) <= transfer.MaxLine {
			t.Fatalf("%s: %v", out, err)
		}
		if err == nil && (again.Private.Email != e.Private.Email || (again.Private.Allowed == nil) != (e.Private.Allowed == nil)) {
			t.Fatalf("%+v", again)
		}
	})
}
