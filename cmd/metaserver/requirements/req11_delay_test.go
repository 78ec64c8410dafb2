package requirements_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// TestRequirement11_DelayIsVisible follows a server from its approval to a mirror:
// which edition it is in, how old that is, and who has it, for everybody and for
// its owner.
func TestRequirement11_DelayIsVisible(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	folder := filepath.Join(t.TempDir(), "mirror")
	host := httptest.NewServer(http.FileServer(http.Dir(folder)))
	t.Cleanup(host.Close)
	pull := func() {
		t.Helper()
		if report, err := r.mirrorTo(folder).Once(t.Context()); err != nil || !report.OK {
			t.Fatalf("%+v, %v", report, err)
		}
		if _, err := r.Admin.CheckMirrors(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.list("Alpha")
	if _, err := r.Admin.AddMirror(t.Context(), api.NewMirror{Mirror: api.Mirror{ID: "m", Operator: "somebody", URLs: []string{host.URL + "/"}}, Unchecked: true}); err != nil {
		t.Fatal(err)
	}
	pull()
	before := r.editions()
	if before.Servers[0].Mirrors != 1 || before.Mirrors[0].Version != before.Servers[0].Version || before.Mirrors[0].BehindSeconds != 0 {
		t.Fatalf("at first: %+v", before)
	}

	beta := r.register(request("beta"))
	waiting := r.statusOf(beta)
	if waiting.Status != "pending" || waiting.Listing != nil || waiting.Created.IsZero() {
		t.Errorf("while it waits: %+v", waiting)
	}
	r.approve(beta.ID)
	r.until(r.client(), func(s []serverlist.Server) bool { return len(s) == 2 })
	now := r.editions()
	newest := now.Servers[0]
	if newest.Version <= before.Servers[0].Version || *newest.Entries != 2 || newest.Mirrors != 0 || newest.Issued.IsZero() || newest.AgeSeconds < 0 {
		t.Errorf("the newest edition: %+v", newest)
	}
	if now.Servers[1].Version != before.Servers[0].Version || now.Servers[1].Mirrors != 1 || now.Mirrors[0].BehindSeconds < 1 {
		t.Errorf("the edition before, and the mirror: %+v", now)
	}
	if l := r.statusOf(beta).Listing; l == nil || l.Since != newest.Version || l.Mirrors != 1 || l.MirrorsGot != 0 {
		t.Errorf("what its owner sees: %+v", l)
	}

	pull()
	if now = r.editions(); now.Servers[0].Mirrors != 1 || now.Mirrors[0].BehindSeconds != 0 {
		t.Errorf("in the end: %+v", now)
	}
	if l := r.statusOf(beta).Listing; l == nil || l.MirrorsGot != 1 || len(l.MirrorURLs) != 1 {
		t.Errorf("what its owner sees in the end: %+v", l)
	}
}

func (r *rootNode) editions() api.Editions {
	r.t.Helper()
	e, err := r.Public.Editions(r.t.Context())
	if err != nil || len(e.Servers) == 0 || len(e.Mirrors) != 1 {
		r.t.Fatalf("%+v, %v", e, err)
	}
	return e
}

// statusOf is what the owner of a request sees.
func (r *rootNode) statusOf(a api.Accepted) api.Status {
	r.t.Helper()
	s, err := r.Public.Status(r.t.Context(), a.StatusURL)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}
