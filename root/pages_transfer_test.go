package root_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

var offerLink = regexp.MustCompile(`https://ms\.example\.org(/api/v1/transfers/one/[\w-]{43})<`)

// offerByForm offers a listed entry and returns the path of the link.
func (w *world) offerByForm(status, email string) string {
	w.t.Helper()
	a := w.submit(status+"/transfer", url.Values{"email": {email}})
	text := w.pageWith(a, 200, "is offered to", email, "Link for the new owner", "Back to the status")
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Robots-Tag") != "noindex" {
		w.t.Errorf("%v", a.header)
	}
	link := offerLink.FindStringSubmatch(text)
	if link == nil {
		w.t.Fatalf("the page has no link: %s", text)
	}
	return link[1]
}

// TestTransferPages hands an entry over by forms: its owner offers it, the new
// one asks for it, and the admin agrees.
func TestTransferPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status := w.byForm(form(1))
	if strings.Contains(string(w.get(status).body), "Hand it over") {
		t.Error("what is not listed can be handed over")
	}
	w.pageWith(w.get(status+"/transfer"), 409, "nothing to hand over yet")
	w.pageWith(w.submit(status+"/transfer", url.Values{"email": {"new@example.org"}}), 409, "nothing to hand over yet")
	if _, err := w.client().Approve(t.Context(), strings.Split(status, "/")[2], api.Approval{EntryID: "one"}); err != nil {
		t.Fatal(err)
	}
	w.pageWith(w.get(status), 200, "Hand it over", `action="../../status/r1/`)
	w.pageWith(w.get(status+"/transfer"), 200, "Hand over Server 1", `action="transfer"`, `id="f-email"`)
	w.pageWith(w.submit(status+"/transfer", url.Values{"email": {"new@"}}), 422, "One answer has to be mended", "is not an e-mail address", `value="new@"`)
	link := w.offerByForm(status, "new@example.org")

	offer := w.get(link, "Accept: text/html")
	w.pageWith(offer, 200, "Take over Server 1", "offers it to you until", "s1.example.net:13327", `id="f-key"`, `<meta name="robots" content="noindex">`)
	if shown := decode[api.Handover](t, w.get(link), 200); shown.EntryID != "one" || shown.Name != "Server 1" || len(shown.Addresses) != 1 {
		t.Errorf("a program sees %+v", shown)
	}
	page := "/transfer/one/" + link[strings.LastIndexByte(link, '/')+1:]
	w.pageWith(w.submit(page, url.Values{"email": {"mallory@example.org"}}), 422, "is not the one that the entry was offered to", `value="mallory@example.org"`)
	w.pageWith(w.submit(page, url.Values{"email": {"new@example.org"}, "key": {"short"}}), 422, "Key of the server: ", `value="short"`)
	taken := w.submit(page, url.Values{"email": {"new@example.org"}})
	location := taken.header.Get("Location")
	if taken.status != http.StatusSeeOther || !strings.HasPrefix(location, "../../status/r2/") {
		t.Fatalf("status %d, Location %q: %s", taken.status, location, taken.body)
	}
	next := strings.TrimPrefix(location, "../..")
	w.pageWith(w.get(next), 200, "It waits for an admin", "still its former owner's")
	w.pageWith(w.get(link, "Accept: text/html"), 404, "There is no such offer")
	w.pageWith(w.submit(page, url.Values{"email": {"new@example.org"}}), 404, "There is no such offer")

	w.approve("r2")
	w.pageWith(w.get(next), 200, "It is approved.", "Change it", "Hand it over", "Withdraw it")
	if text := w.pageWith(w.get(status), 200, "This URL shows the state only"); strings.Contains(text, "<form") {
		t.Error("the former owner has forms")
	}
	w.pageWith(w.get(status+"/transfer"), 403, "not the owner's URL")
	w.pageWith(w.submit(status+"/transfer", url.Values{"email": {"x@example.org"}}), 403, "not the owner's URL")
}

// TestTransferPagesRefuse does nothing for who has no secret, or is another site.
func TestTransferPagesRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status := w.byForm(form(1))
	if _, err := w.client().Approve(t.Context(), "r1", api.Approval{EntryID: "one"}); err != nil {
		t.Fatal(err)
	}
	w.untilListed("one")
	first := w.offerByForm(status, "first@example.org")
	link := w.offerByForm(status, "new@example.org")
	before := w.snapshot()
	values := url.Values{"email": {"new@example.org"}}
	wrong := status[:len(status)-1] + "x"
	w.pageWith(w.get(wrong+"/transfer"), 404, "There is nothing here")
	w.pageWith(w.submit(wrong+"/transfer", values), 404, "There is nothing here")
	for _, path := range []string{first, link[:len(link)-3] + "xyz", "/api/v1/transfers/one/x", "/api/v1/transfers/two/" + link[len(link)-43:]} {
		w.pageWith(w.get(path, "Accept: text/html"), 404, "There is no such offer")
		w.get(path).problem(t, 404)
	}
	w.pageWith(w.submit("/transfer/one/"+first[len(first)-43:], url.Values{"email": {"first@example.org"}}), 404, "There is no such offer")
	for _, path := range []string{status + "/transfer", "/transfer/one/" + link[len(link)-43:]} {
		crossed := w.send(exchange{"POST", w.public + path,
			[]string{"Content-Type: application/x-www-form-urlencoded", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, values.Encode()})
		w.pageWith(crossed, 403, "on behalf of another site")
	}
	if w.snapshot() != before {
		t.Error("something was changed")
	}
	w.ask("POST", "/entries/one/revoke", `{"reason":"gone"}`)
	w.pageWith(w.get(link, "Accept: text/html"), 404, "There is no such offer")
	w.pageWith(w.submit("/transfer/one/"+link[len(link)-43:], values), 404, "There is no such offer")
}
