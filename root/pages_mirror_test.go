package root_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
)

// mirrorForm is what somebody types who lends a mirror.
func mirrorForm(id string, urls ...string) url.Values {
	return url.Values{"id": {id}, "urls": {strings.Join(urls, "\r\n")}, "operator": {"TU Wien"}, "email": {id + "@example.org"}, "contact": {"irc"}}
}

// lend sends the form and returns the path of the status page.
func (w *world) lend(values url.Values) string {
	w.t.Helper()
	a := w.submit("/register/mirror", values)
	location := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(location, "../status/m") {
		w.t.Fatalf("status %d, Location %q: %s", a.status, location, a.body)
	}
	return strings.TrimPrefix(location, "..")
}

// TestMirrorPages lends a mirror by the form, and reads on the status page what
// becomes of it and what the root sees there.
func TestMirrorPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.WatchOff, c.AllowPrivate = true, true })
	c := w.client()
	for path, link := range map[string]string{"/": "register/mirror", "/register": "register/mirror", "/register/mirror": "../register"} {
		w.pageWith(w.get(path), 200, `href="`+link+`"`, "Lend a mirror")
	}
	w.pageWith(w.get("/register/mirror"), 200, `action="mirror"`, `name="urls"`, `aria-current="page"`)
	status := w.lend(mirrorForm("wien", " http://127.0.0.1:9/ms/", "", "http://127.0.0.1:10/ "))
	page := w.get(status)
	w.pageWith(page, 200, "Mirror wien", "It waits for an admin", "http://127.0.0.1:9/ms/", "http://127.0.0.1:10/", `action="../../register/mirror"`, `<meta name="robots" content="noindex">`)
	if page.header.Get("Cache-Control") != "no-store" || page.header.Get("X-Robots-Tag") != "noindex" {
		t.Errorf("%v", page.header)
	}
	w.pageWith(w.get("/api/v1/mirrors"+strings.TrimPrefix(status, "/status"), "Accept: text/html"), 200, "Mirror wien", "It waits for an admin")
	w.pageWith(w.get(status[:len(status)-1]+"x"), 404, "There is nothing here")

	pending, err := c.PendingMirrors(t.Context())
	if err != nil || len(pending) != 1 || strings.Join(pending[0].URLs, " ") != "http://127.0.0.1:9/ms/ http://127.0.0.1:10/" || pending[0].Contact != "irc" {
		t.Fatalf("%+v, %v", pending, err)
	}
	if _, err := c.ApproveMirror(t.Context(), "m1", api.MirrorApproval{Mirror: "wien-2", Unchecked: true}); err != nil {
		t.Fatal(err)
	}
	w.pageWith(w.get(status), 200, "Mirror wien-2", "It is in the mirror list.", "What the root sees there", "Nobody has looked yet.")
	if _, err := c.CheckMirrors(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.pageWith(w.get(status), 200, "It does not answer", "refused", "Looked at")
	if _, err := c.RemoveMirror(t.Context(), "wien-2"); err != nil {
		t.Fatal(err)
	}
	w.pageWith(w.get(status), 200, "is no mirror any more")

	second := w.lend(mirrorForm("graz", "http://127.0.0.1:11/"))
	if _, err := c.RejectMirror(t.Context(), "m2", "<i>who are you?</i>"); err != nil {
		t.Fatal(err)
	}
	w.pageWith(w.get(second), 200, "It is rejected.", "<i>who are you?</i>")
	for _, below := range []string{"/edit", "/withdraw", "/transfer"} { // there are none for mirrors
		w.pageWith(w.get(status+below), 404, "There is nothing here")
	}
}

// TestMirrorPageProblems: what is wrong stands beside the fields, nothing typed is
// lost, and nothing is stored.
func TestMirrorPageProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.client().AddBlock(t.Context(), api.NewBlock{Value: "spam.example", Reason: "advertisements", Public: "No advertisements."}); err != nil {
		t.Fatal(err)
	}
	before := w.snapshot()
	values := mirrorForm("TU Wien", "http://ok.example.org/", "ftp://ms.example.at/")
	values.Set("email", "nobody")
	text := w.pageWith(w.submit("/register/mirror", values), 422, "3 answers have to be mended", `href="#f-urls"`, "number 2 ", `value="TU Wien"`,
		"http://ok.example.org/\r\nftp://ms.example.at/", "is not an e-mail address", `aria-invalid="true"`)
	if n := strings.Count(text, `aria-invalid="true"`); n != 3 {
		t.Errorf("%d fields are marked", n)
	}
	w.pageWith(w.submit("/register/mirror", url.Values{}), 422, "4 answers have to be mended")
	w.pageWith(w.submit("/register/mirror", mirrorForm("wien", "https://ms.spam.example/")), 403, "No advertisements.", `value="wien"`)
	large := mirrorForm("wien", "http://ms.example.at/"+strings.Repeat("x", 50_000))
	w.pageWith(w.submit("/register/mirror", large), 413, "larger than")
	w.pageWith(w.submit("/register/mirror", mirrorForm("wien", "http://ms.example.at/"), "Content-Type: text/plain"), 415, "what its form sends")
	crossed := w.send(exchange{"POST", w.public + "/register/mirror",
		[]string{"Content-Type: application/x-www-form-urlencoded", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, mirrorForm("wien", "http://ms.example.at/").Encode()})
	w.pageWith(crossed, 403, "on behalf of another site")
	if w.snapshot() != before {
		t.Error("something was stored")
	}
}
