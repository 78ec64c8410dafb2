package root_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
)

// export returns all lines that a root hands out.
func (w *world) export() []byte {
	w.t.Helper()
	in, err := w.client().Export(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer in.Close()
	lines, err := io.ReadAll(in)
	if err != nil {
		w.t.Fatal(err)
	}
	return lines
}

func (w *world) take(lines string, how api.ImportHow) api.ImportResult {
	w.t.Helper()
	r, err := w.client().Import(w.t.Context(), []byte(lines), how, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// body returns the entries of the served list, as they were signed.
func (w *world) body() string {
	w.t.Helper()
	l := w.open("/server.list", serverlist.TypeServerList)
	return string(l.Bytes()[int64(len(l.Bytes()))-l.Head.BodySize:])
}

// manyLines are entries to import, with every kind of member.
func manyLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"s-%d","name":"Server <%d> \u00e9","game":"crossfire","description":"a & b","version":"1.%d","addresses":["s%d.example.net:13327","[2001:db8::%x:%x]:1"],"languages":["en"],"tags":["t"],"x-later":{"n":%d},"private":{"email":"admin%d@example.org","created":"2005-05-27T03:20:07Z"}}`+"\n",
			i, i, i, i, i>>16, i&0xffff, i, i)
	}
	return b.String()
}

// TestExportImport: a new root that takes an export publishes the same bytes.
func TestExportImport(t *testing.T) {
	t.Parallel()
	n := 1500
	if publishtest.Sweep() {
		n = 100_000
	}
	first := newWorld(t)
	if r := first.take(manyLines(n), api.ImportHow{Approve: true}); r.Listed != n || r.Conflicts+r.Same+r.Wrong != 0 {
		t.Fatalf("%+v", r)
	}
	first.list(1)
	first.list(2)
	first.untilHas("server-1", "server-2", "s-0")
	if _, err := first.client().Revoke(t.Context(), "server-2", "gone"); err != nil {
		t.Fatal(err)
	}
	first.untilLacks("server-2")
	lines := first.export()

	second := newWorld(t)
	r := second.take(string(lines), api.ImportHow{Approve: true})
	if r.Listed != n+1 || r.Reserved != 1 {
		t.Fatalf("%+v", r)
	}
	second.untilHas("server-1", "s-0")
	if first.body() != second.body() {
		t.Error("the two roots publish different entries")
	}
	again := second.take(string(lines), api.ImportHow{Approve: true})
	if again.Same != n+2 || again.Listed != 0 {
		t.Errorf("a second time: %+v", again)
	}
	third := strings.NewReplacer(`"registration":"`, `"registration":"x`)
	strip := func(lines []byte) string { return third.Replace(string(lines)) }
	if a, b := lineCount(strip(lines)), lineCount(strip(second.export())); a != b {
		t.Errorf("%d lines were handed out, %d are handed out again", a, b)
	}
	// The owner is known by the e-mail address: the same request is an update.
	second.register(1)
	pending, err := second.client().Pending(t.Context())
	if err != nil || len(pending) != 1 || pending[0].EntryID != "server-1" {
		t.Errorf("%+v, %v", pending, err)
	}
}

func lineCount(s string) int { return strings.Count(s, "\n") }

// untilHas waits until all of these are listed, among others.
func (w *world) untilHas(ids ...string) {
	w.t.Helper()
	w.until("the list has "+strings.Join(ids, " "), func() bool {
		body := w.body()
		for _, id := range ids {
			if !strings.Contains(body, `"id":"`+id+`"`) {
				return false
			}
		}
		return true
	})
}

func (w *world) untilLacks(id string) {
	w.t.Helper()
	w.until("the list lacks "+id, func() bool { return !strings.Contains(w.body(), `"id":"`+id+`"`) })
}

// Nothing of an import with a wrong line is taken, unless that is wanted.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.list(1)
	w.untilListed("server-1")
	before := w.snapshot().counts
	wrong := manyLines(3) + "\n" + `{"id":"b","name":"\u202e","addresses":["h.example:1"]}` + "\n" + manyLines(2) + "no line\n"
	_, err := w.client().Import(t.Context(), []byte(wrong), api.ImportHow{Approve: true}, nil)
	p, ok := err.(*api.Problem)
	if !ok || p.Status != 422 || fields(*p) != "line 5 line 8" {
		t.Fatalf("%v", err)
	}
	if after := w.snapshot().counts; after != before {
		t.Errorf("%+v, was %+v", after, before)
	}
	r := w.take(wrong, api.ImportHow{Approve: true, SkipWrong: true})
	if r.Listed != 3 || r.Same != 2 || r.Wrong != 2 || len(r.Problems) != 2 || r.Problems[0].Line != 5 {
		t.Errorf("%+v", r)
	}
	other := strings.Replace(manyLines(1), "a & b", "another", 1)
	r = w.take(other, api.ImportHow{Approve: true})
	if r.Conflicts != 1 || r.Problems[0].ID != "s-0" || !r.Problems[0].Conflict {
		t.Errorf("%+v", r)
	}
	if _, err := w.client().Import(t.Context(), []byte(other), api.ImportHow{Replace: true}, nil); err == nil {
		t.Error("replaced without approval")
	}
	if r = w.take(other, api.ImportHow{Approve: true, Replace: true}); r.Replaced != 1 {
		t.Errorf("%+v", r)
	}
	w.until("the replaced entry is listed", func() bool { return strings.Contains(w.body(), "another") })
	// Into the queue, where a request of the same identity waits already.
	queued := strings.ReplaceAll(manyLines(10), `"s-`, `"q-`)
	queued = strings.ReplaceAll(queued, "example.net", "q.example.net")
	if r = w.take(queued, api.ImportHow{}); r.Queued != 10 {
		t.Errorf("%+v", r)
	}
	if r = w.take(queued, api.ImportHow{}); r.Same != 10 {
		t.Errorf("again: %+v", r)
	}
	if r = w.take(strings.ReplaceAll(queued, "a & b", "c"), api.ImportHow{}); r.Conflicts != 10 {
		t.Errorf("changed: %+v", r)
	}
	pending, err := w.client().Pending(t.Context())
	if err != nil || len(pending) != 10 {
		t.Fatalf("%d pending, %v", len(pending), err)
	}
	d, err := w.client().Approve(t.Context(), pending[3].ID, api.Approval{})
	if err != nil || d.EntryID != "q-3" {
		t.Errorf("%+v, %v", d, err)
	}
	if body := w.ask("POST", "/import", "", "Content-Type: application/jsonl").body; !bytes.Contains(body, []byte(`"listed":0`)) {
		t.Errorf("nothing was imported as %s", body)
	}
}
