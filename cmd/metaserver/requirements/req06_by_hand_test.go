package requirements_test

import (
	"strings"
	"testing"
)

// An admin approves by hand. The queue has what was asked for; the e-mail
// address stays private.
func TestRequirement06_AdminApprovesByHand(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	req := request("1")
	req.Email = "private.address@example.org"
	sent := r.register(req)
	pending, err := r.Admin.Pending(t.Context())
	if err != nil || len(pending) != 1 {
		t.Fatalf("%+v, %v", pending, err)
	}
	p := pending[0]
	if p.Name != req.Name || p.Addresses[0] != req.Address || p.Email != req.Email || p.Description != req.Description || p.Source == "" {
		t.Errorf("the admin sees %+v", p)
	}
	if list := string(r.document("server.list")); strings.Contains(list, req.Name) {
		t.Errorf("listed before anybody decided: %s", list)
	}
	r.approve(sent.ID)
	r.until(r.client(), func(list []server) bool { return len(list) == 1 && list[0].Name == req.Name })
	for _, name := range []string{"server.list", "mirror.list"} {
		if text := string(r.document(name)); strings.Contains(text, "private.address") {
			t.Errorf("%s has the e-mail address", name)
		}
	}
	rejected := request("2")
	rejected.Email = "other@example.org"
	other := r.register(rejected)
	if _, err := r.Admin.Reject(t.Context(), other.ID, "it advertises"); err != nil {
		t.Fatal(err)
	}
	if s := r.statusOf(other); s.Status != "rejected" || s.Reason != "it advertises" {
		t.Errorf("the requester reads %+v", s)
	}
	if list := string(r.document("server.list")); strings.Contains(list, rejected.Name) {
		t.Errorf("listed although it was rejected: %s", list)
	}
}
