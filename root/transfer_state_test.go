package root_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
)

// A suspended entry, and what its key may change, go from root to root.
func TestExportImportState(t *testing.T) {
	t.Parallel()
	first, second, third := newWorld(t), newWorld(t), newWorld(t)
	for n := range 3 {
		first.list(n + 1)
	}
	first.untilHas("server-1", "server-2", "server-3")
	ends := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	admin := first.client()
	if _, err := admin.Suspend(t.Context(), "server-1", api.Suspend{Reason: "cheats", Ends: &ends}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Suspend(t.Context(), "server-3", api.Suspend{Reason: "cheats"}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Revoke(t.Context(), "server-3", "spam"); err != nil {
		t.Fatal(err)
	}
	for id, members := range map[string][]string{"server-1": {}, "server-2": {"version"}} {
		if _, err := admin.Allow(t.Context(), id, api.Allowed{Members: members}); err != nil {
			t.Fatal(err)
		}
	}
	lines := string(first.export())

	if r := second.take(lines, api.ImportHow{Approve: true}); r.Suspended != 1 || r.Listed != 1 || r.Reserved != 1 || r.Queued != 0 {
		t.Errorf("%+v", r)
	}
	second.untilHas("server-2")
	if strings.Contains(second.body(), "server-1") {
		t.Error("a suspended entry is published")
	}
	e, err := second.client().Entry(t.Context(), "server-1")
	if err != nil || e.State != "suspended" || e.Suspended == nil || e.Suspended.Reason != "cheats" || e.Suspended.Ends == nil || !e.Suspended.Ends.Equal(ends) {
		t.Errorf("%+v, %v", e, err)
	}
	for what, w := range map[string]*world{"the other root": second, "its own": first} {
		if r := w.take(lines, api.ImportHow{Approve: true}); r.Same != 3 || r.Conflicts != 0 {
			t.Errorf("again into %s: %+v", what, r)
		}
	}
	again := string(second.export())
	for _, member := range []string{`"allowed":[]`, `"allowed":["version"]`, `"ends":"` + ends.Format(time.RFC3339) + `"`, `"suspended_by":`} {
		if strings.Count(lines, member) != 1 || strings.Count(again, member) != 1 {
			t.Errorf("%s is not once in\n%s\nor in\n%s", member, lines, again)
		}
	}
	if r := third.take(lines, api.ImportHow{}); r.Queued != 2 || r.Suspended != 0 {
		t.Errorf("into the queue: %+v", r)
	}
}

func TestImportRefusesAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := manyLines(1) + `{"id":"b","name":"B","addresses":["h.example:1"],"private":{"allowed":["version","name"]}}` + "\n"
	_, err := w.client().Import(t.Context(), []byte(wrong), api.ImportHow{Approve: true}, nil)
	p, ok := err.(*api.Problem)
	if !ok || p.Status != 422 || fields(*p) != "line 2" || !strings.Contains(p.Errors[0].Problem, `allowed: "name" cannot be changed without an admin; what can is addresses`) {
		t.Errorf("%v", err)
	}
}
