package requirements_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

// Claiming another entry's name, address or key is shown to the admin as a
// conflict; it is never published by itself.
func TestRequirement02_ImpostorIsShown(t *testing.T) {
	t.Parallel()
	const key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	r := newRoot(t)
	honest := request("1")
	honest.Name, honest.Key = "Cat 2", key
	id := r.approve(r.register(honest).ID)
	r.until(r.client(), func(list []server) bool { return len(list) == 1 })
	before := r.document("server.list")

	for kind, claim := range map[string]func(*api.RegistrationRequest){
		"name":       func(q *api.RegistrationRequest) { q.Name = "CAT  2" },
		"look-alike": func(q *api.RegistrationRequest) { q.Name = "Сat 2" }, // a Cyrillic letter
		"address":    func(q *api.RegistrationRequest) { q.Address = "S1.Example.NET:13327" },
		"key":        func(q *api.RegistrationRequest) { q.Key = key },
	} {
		req := request("2")
		req.Email = strings.ReplaceAll(kind, "-", "") + "@example.com"
		claim(&req)
		sent := r.register(req)
		shown, err := r.Admin.Registration(t.Context(), sent.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(shown.Conflicts, func(c api.Conflict) bool { return c.Kind == kind && c.EntryID == id }) {
			t.Errorf("%s: the admin sees %+v", kind, shown.Conflicts)
		}
		if status := r.statusOf(sent); status.Status != "pending" {
			t.Errorf("%s: it is %s", kind, status.Status)
		}
	}
	if after := r.document("server.list"); string(after) != string(before) {
		t.Errorf("the list is another: %s", after)
	}
}
