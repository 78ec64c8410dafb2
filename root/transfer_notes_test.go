package root_test

import (
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

// What admins have noted down goes with the entries, and is not doubled by an
// import that is repeated.
func TestExportImportNotes(t *testing.T) {
	t.Parallel()
	first, second := newWorld(t), newWorld(t)
	a := first.register(1)
	if _, err := first.client().NoteRegistration(t.Context(), a.ID, "asked by mail"); err != nil {
		t.Fatal(err)
	}
	first.approve(a.ID)
	if _, err := first.client().NoteEntry(t.Context(), "server-1", "a <friend>"); err != nil {
		t.Fatal(err)
	}
	lines := string(first.export())
	for range 2 {
		second.take(lines, api.ImportHow{Approve: true})
		first.take(lines, api.ImportHow{Approve: true})
	}
	e, err := second.client().Entry(t.Context(), "server-1")
	if err != nil || len(e.Notes) != 2 || e.Notes[0].Text != "asked by mail" || e.Notes[1].Text != "a <friend>" || e.Notes[0].Admin == "" || e.Notes[0].At.IsZero() {
		t.Errorf("%+v, %v", e.Notes, err)
	}
	if e, err := first.client().Entry(t.Context(), "server-1"); err != nil || len(e.Notes) != 1 {
		t.Errorf("in their first root: %+v, %v", e.Notes, err)
	}
	if string(second.export()) == "" {
		t.Error("nothing is exported")
	}
}
