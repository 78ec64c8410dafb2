package root_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

// byForm registers through the form and returns the path of the status page.
func (w *world) byForm(values url.Values) string {
	w.t.Helper()
	a := w.submit("/register", values)
	if a.status != http.StatusSeeOther {
		w.t.Fatalf("status %d: %s", a.status, a.body)
	}
	return "/" + a.header.Get("Location")
}

// back checks that a form leads back to the status page.
func (w *world) back(a answer, status string) {
	w.t.Helper()
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "../"+status[strings.LastIndexByte(status, '/')+1:] {
		w.t.Fatalf("status %d, Location %q: %s", a.status, a.header.Get("Location"), a.body)
	}
}

// TestOwnerPages does by forms what the owner of a request may do.
func TestOwnerPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status := w.byForm(form(1))
	w.pageWith(w.get(status), 200, "It waits for an admin", "Show that the address is yours", "a TXT record of _", "s1.example.net", "Change it", "Withdraw it")

	w.pageWith(w.get(status+"/edit"), 200, `value="Server 1"`, "s1.example.net:13327", "A server", `action="edit"`, "the one that is known")
	values := form(1)
	values.Set("email", "")
	values.Set("name", "")
	w.pageWith(w.submit(status+"/edit", values), 422, "One answer has to be mended", "is required")
	values.Set("name", "Server one")
	w.back(w.submit(status+"/edit", values), status)
	w.pageWith(w.get(status), 200, "Server one")

	id := strings.Split(status, "/")[2]
	if _, err := w.client().Approve(t.Context(), id, api.Approval{EntryID: "one"}); err != nil {
		t.Fatal(err)
	}
	w.untilListed("one")
	w.pageWith(w.get(status), 200, "It is approved.", "First edition that had it", "Edition that is served now", "one")

	values.Set("description", "Another server")
	w.back(w.submit(status+"/edit", values), status)
	w.pageWith(w.get(status), 200, "What you have asked for", `description: "A server" becomes "Another server"`)
	w.untilListed("one")

	w.pageWith(w.get(status+"/withdraw"), 200, "Withdraw Server one", "when an admin has agreed")
	w.back(w.submit(status+"/withdraw", url.Values{}), status)
	w.pageWith(w.get(status), 200, "A withdrawal")
}

// TestOwnerPagesRefuse checks that nothing is shown or done without the secret,
// and that what is over cannot be changed.
func TestOwnerPagesRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status := w.byForm(form(1))
	wrong := status[:len(status)-1] + "x"
	before := w.snapshot()
	for _, path := range []string{"/edit", "/withdraw"} {
		w.pageWith(w.get(wrong+path), 404, "There is nothing here")
		w.pageWith(w.submit(wrong+path, form(1)), 404, "There is nothing here")
	}
	w.pageWith(w.submit(wrong+"/check", url.Values{}), 404, "There is nothing here")
	crossed := w.send(exchange{"POST", w.public + status + "/withdraw",
		[]string{"Content-Type: application/x-www-form-urlencoded", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, ""})
	w.pageWith(crossed, 403, "on behalf of another site")
	if w.snapshot() != before {
		t.Error("something was changed")
	}
	for _, path := range []string{"", "/edit", "/withdraw"} {
		a := w.get(status + path)
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Robots-Tag") != "noindex" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	w.back(w.submit(status+"/withdraw", url.Values{}), status)
	w.pageWith(w.get(status), 200, "It is withdrawn.", "What you can do")
	w.pageWith(w.get(status+"/edit"), 409, "nothing to change any more")
	w.pageWith(w.submit(status+"/edit", form(1)), 409, "nothing to change any more")
}

func TestEditionsPage(t *testing.T) {
	t.Parallel()
	w := worldWithServers(t)
	w.pageWith(w.get("/editions"), 200, "There are no mirrors", "server.list", "mirror.list", "less than two minutes")
	got := decode[api.Editions](t, w.get("/api/v1/editions"), 200)
	if len(got.Servers) == 0 || got.Servers[0].Entries == nil || *got.Servers[0].Entries != 4 || got.Origin != origin || len(got.Lists) == 0 {
		t.Errorf("%+v", got)
	}
	w.pageWith(w.get("/api/"), 200, "POST /api/v1/registrations", "RegistrationRequest", "OpenAPI 3.1", "at most 80 code points")
	if a := w.get("/api/v1/openapi.json"); a.header.Get("Content-Type") != "application/json" || !strings.Contains(string(a.body), `"openapi": "3.1.0"`) {
		t.Errorf("%v", a.header)
	}
	if a := w.ask("GET", "/openapi.json", ""); a.status != 200 || !strings.Contains(string(a.body), "/api/v1/admin/audit") {
		t.Errorf("status %d", a.status)
	}
}
