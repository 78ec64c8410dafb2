package requirements_test

import (
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Registering again after a crash updates the same entry; it never makes a
// second one: whether the root was restarted, the words changed, the spelling is
// another, or the name leads elsewhere by now.
func TestRequirement03_SameServerAgainIsTheSameEntry(t *testing.T) {
	t.Parallel()
	dns := testenv.NewDNS(t)
	r := newRoot(t, func(c *config.Config) { c.Resolver = dns.Addr })
	again := func(change func(*api.RegistrationRequest)) api.Accepted {
		t.Helper()
		req := request("1")
		change(&req)
		return r.register(req)
	}
	first := again(func(*api.RegistrationRequest) {})

	// While it waits it stays one request.
	r.restart()
	waits := again(func(q *api.RegistrationRequest) { q.Description = "Back after a crash" })
	if waits.ID != first.ID {
		t.Errorf("sent again it is %s, and was %s", waits.ID, first.ID)
	}
	entry := r.approve(first.ID)
	r.until(r.client(), func(list []serverlist.Server) bool { return len(list) == 1 })

	// Listed, it stays one entry.
	for name, change := range map[string]func(*api.RegistrationRequest){
		"as it was":      func(*api.RegistrationRequest) {},
		"other words":    func(q *api.RegistrationRequest) { q.Description, q.Version = "Better", "2.0" },
		"other name":     func(q *api.RegistrationRequest) { q.Name = "Another Name" },
		"other spelling": func(q *api.RegistrationRequest) { q.Address, q.Email = "S1.Example.NET:13327", "Admin1@Example.org" },
		"address moved":  func(*api.RegistrationRequest) { dns.Host("s1.example.net", "192.0.2.77") },
	} {
		r.restart()
		sent := again(change)
		review, err := r.Admin.Registration(t.Context(), sent.ID)
		if err != nil || review.EntryID != entry {
			t.Errorf("%s: the admin is shown %q, %v", name, review.EntryID, err)
		}
		if got := r.approve(sent.ID); got != entry {
			t.Errorf("%s: it became %s, and was %s", name, got, entry)
		}
	}
	r.restart()
	list := r.until(r.client(), func(list []serverlist.Server) bool { return len(list) > 0 })
	if len(list) != 1 || list[0].ID != entry || !strings.EqualFold(list[0].Addresses[0], "s1.example.net:13327") {
		t.Errorf("the list has %+v", list)
	}
	if waiting, err := r.Admin.Pending(t.Context()); err != nil || len(waiting) != 0 {
		t.Errorf("%d requests wait, %v", len(waiting), err)
	}
}
