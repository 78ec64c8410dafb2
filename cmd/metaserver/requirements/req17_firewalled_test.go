package requirements_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/push"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// status asks for a path with an admin's token.
func (r *rootNode) status(method, url string) int {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Admin.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// What admins do is on a listener of its own, which a firewall can close: the
// public one has none of it, not even for who has a token.
func TestRequirement17_AdminListenerOfItsOwn(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	if r.Public.Root == r.Admin.Root {
		t.Fatal("there is one listener")
	}
	accepted := r.register(request("1"))
	for _, ask := range []struct{ method, path string }{
		{"GET", "/api/v1/admin/registrations"},
		{"GET", "/api/v1/admin/registrations/" + accepted.ID},
		{"POST", "/api/v1/admin/registrations/" + accepted.ID + "/approve"},
		{"GET", "/api/v1/admin/lists"},
		{"GET", "/api/v1/admin/audit"},
		{"POST", "/api/v1/admin/trust"},
		{"GET", "/api/v1/admin/../admin/lists"},
		{"GET", "/api/v1//admin/lists"},
		{"GET", "/metrics"},
		{"GET", "/healthz"},
		{"GET", "/readyz"},
	} {
		if got := r.status(ask.method, r.Public.Root+ask.path); got != http.StatusNotFound {
			t.Errorf("%s %s on the public listener: %d", ask.method, ask.path, got)
		}
	}
	for _, path := range []string{"/api/v1/admin/lists", "/metrics"} {
		if got := r.status("GET", r.Admin.Root+path); got != http.StatusOK {
			t.Errorf("%s on the admin listener: %d", path, got)
		}
	}
	if got := r.status("GET", r.Admin.Root+"/server.list"); got != http.StatusNotFound {
		t.Errorf("the list on the admin listener: %d", got)
	}
	if pending, err := r.Admin.Pending(t.Context()); err != nil || len(pending) != 1 {
		t.Errorf("nothing was to be decided by the public listener: %d pending, %v", len(pending), err)
	}
}

// A root without any public listener pushes what it signs to a static host, from
// which a client verifies it.
func TestRequirement17_NoPublicListener(t *testing.T) {
	t.Parallel()
	web := filepath.Join(t.TempDir(), "web")
	site := httptest.NewServer(http.FileServer(http.Dir(web)))
	defer site.Close()
	r := newRoot(t, func(c *config.Config) {
		c.Listen, c.PublicURL, c.AllowPrivate = config.ListenNone, site.URL+"/", true
		c.Targets = []push.Target{{Target: publish.Folder{Path: web}, PublicURL: site.URL + "/"}}
	})
	if r.Public != nil {
		t.Fatalf("the public listener is %s", r.Public.Root)
	}
	accepted, err := r.Admin.RegisterByAdmin(t.Context(), request("1"))
	if err != nil {
		t.Fatal(err)
	}
	id := r.approve(accepted.ID)
	pinned, err := os.ReadFile(filepath.Join(r.data, "public", "trust", "1.trust"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := serverlist.New(serverlist.Config{Trust: pinned, Root: []string{site.URL + "/"}, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	r.until(c, func(all []serverlist.Server) bool { return len(all) == 1 && all[0].ID == id })
}
