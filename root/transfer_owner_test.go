package root_test

import (
	"encoding/json"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

// An import that replaces the content leaves the entry its owner's, whose status
// URL keeps its power, unless it names another e-mail address.
func TestReplacingImportKeepsOwner(t *testing.T) {
	t.Parallel()
	o := newWorld(t).owner(1)
	o.approve(o.id)
	o.untilListed("server-1")
	for n, email := range []string{"Admin1@Example.org", ""} {
		description := []string{"First", "Second"}[n]
		line := o.exported(description, email)
		if r := o.take(line, api.ImportHow{Approve: true, Replace: true}); r.Replaced != 1 {
			t.Fatalf("%s: %+v", line, r)
		}
		s := o.state()
		if !s.Owner || s.Server == nil || s.Server.Description != description {
			t.Errorf("after an import with %q the owner sees %+v", email, s)
		}
		e, err := o.client().Entry(t.Context(), "server-1")
		if err != nil || e.Owner != o.id || e.Registration == o.id {
			t.Errorf("%+v, %v", e, err)
		}
		r := decode[api.Request](t, o.do(o.status+"/edit", o.edited(func(e *api.Edit) { e.Website = "https://example.org/" + description })), 202)
		o.approve(r.ID)
	}
	line := o.exported("Third", "other@example.net")
	if r := o.take(line, api.ImportHow{Approve: true, Replace: true}); r.Replaced != 1 {
		t.Fatalf("%+v", r)
	}
	if s := o.state(); s.Owner {
		t.Errorf("the former owner sees %+v", s)
	}
}

// exported returns the line of the one entry with another description and e-mail
// address.
func (w *world) exported(description, email string) string {
	w.t.Helper()
	var line map[string]any
	if err := json.Unmarshal(w.export(), &line); err != nil {
		w.t.Fatal(err)
	}
	line["description"] = description
	line["private"].(map[string]any)["email"] = email
	text, err := json.Marshal(line)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text) + "\n"
}
