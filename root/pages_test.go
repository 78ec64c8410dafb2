package root_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
)

// pageWith checks that an answer is a page with these texts, as people read
// them, and that it allows browsers nothing that it does not need.
func (w *world) pageWith(a answer, status int, texts ...string) string {
	w.t.Helper()
	if a.status != status || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		w.t.Fatalf("status %d, type %q; want a page %d: %s", a.status, a.header.Get("Content-Type"), status, a.body)
	}
	text := html.UnescapeString(string(a.body))
	for _, want := range texts {
		if !strings.Contains(text, want) {
			w.t.Errorf("no %q in the page:\n%s", want, text)
		}
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"Referrer-Policy":         "no-referrer", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
	} {
		if got := a.header.Get(name); got != want {
			w.t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, never := range []string{"<script", "javascript:", " style=", "http-equiv", " onclick", "ZgotmplZ"} {
		if strings.Contains(string(a.body), never) {
			w.t.Errorf("the page has %q", never)
		}
	}
	if len(a.header.Values("Set-Cookie")) > 0 {
		w.t.Error("the page sets a cookie")
	}
	return text
}

// submit sends a form as a browser does that is on the page.
func (w *world) submit(path string, values url.Values, header ...string) answer {
	w.t.Helper()
	noFollow := *w.http
	noFollow.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	browser := *w
	browser.http = &noFollow
	return browser.send(exchange{"POST", w.public + path,
		append(header, "Content-Type: application/x-www-form-urlencoded", "Origin: "+w.public, "Sec-Fetch-Site: same-origin"), values.Encode()})
}

func form(n int) url.Values {
	r := request(n)
	return url.Values{"name": {r.Name}, "addresses": {r.Address}, "game": {r.Game}, "email": {r.Email}, "description": {r.Description}}
}

func TestListPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pageWith(w.get("/"), 200, "Servers of "+origin, "The list is empty.", "Edition", "server.list", "mirror.list", "trust/1.trust", "metaserver verify")

	hostile := request(1)
	hostile.Name, hostile.Website = `<b>"Cat" & 'mouse'</b>`, "https://example.org/?a=1&b=<>"
	hostile.Description = `</td><script>alert(1)</script>`
	hostile.Website = "https://example.org/a?b=c&d=e"
	hostile.Languages, hostile.Region = []string{"en", "de"}, "Northern Europe"
	accepted := decode[api.Accepted](t, w.post(hostile), http.StatusAccepted)
	pending := w.get("/")
	if strings.Contains(string(pending.body), "mouse") {
		t.Error("the page shows what is not in the list")
	}
	if _, err := w.client().Approve(t.Context(), accepted.ID, api.Approval{EntryID: "cat"}); err != nil {
		t.Fatal(err)
	}
	w.untilListed("cat")
	page := w.get("/")
	w.pageWith(page, 200, hostile.Name, hostile.Description, "One server.", "s1.example.net:13327", "en, de", "Northern Europe",
		`rel="nofollow noopener noreferrer"`, `id="cat"`, "fresh: it is what the root says now")
	for _, raw := range []string{"<b>\"Cat", "<script>"} {
		if strings.Contains(string(page.body), raw) {
			t.Errorf("the page has %s as it was sent", raw)
		}
	}
	w.pageWith(w.get("/?q=NORTHERN+mouse"), 200, "1 of 1 servers found.", hostile.Name)
	none := w.pageWith(w.get("/?q=dog"), 200, "0 of 1 servers found.", `value="dog"`)
	if strings.Contains(none, "mouse") {
		t.Error("a search shows what it has not found")
	}
	w.pageWith(w.get("/?q="+strings.Repeat("x", 101)), 400, "more than 100")
	for _, n := range []string{"0", "-1", "2", "x", "99999999999999999999"} {
		w.pageWith(w.get("/?page="+n), 404, "no page of this number")
	}
}

// TestListPageConditions checks what caches and slow networks need.
func TestListPageConditions(t *testing.T) {
	t.Parallel()
	w := worldWithServers(t)
	plain, packed := w.get("/"), w.get("/", "Accept-Encoding: gzip")
	if string(unpack(t, packed.body)) != string(plain.body) || packed.header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("gzip: %d bytes, %v", len(packed.body), packed.header)
	}
	for _, a := range []struct {
		of     answer
		header string
	}{{plain, "Accept: */*"}, {packed, "Accept-Encoding: gzip"}} {
		etag := a.of.header.Get("ETag")
		if got := w.get("/", a.header, "If-None-Match: "+etag); got.status != 304 || len(got.body) > 0 || got.header.Get("ETag") != etag {
			t.Errorf("%s: status %d", a.header, got.status)
		}
		if got := w.get("/", a.header, `If-None-Match: "x"`); got.status != 200 {
			t.Errorf("%s: status %d", a.header, got.status)
		}
	}
	head := w.send(exchange{"HEAD", w.public + "/", nil, ""})
	if head.status != 200 || head.header.Get("Content-Length") != fmt.Sprint(len(plain.body)) {
		t.Errorf("HEAD: status %d, Content-Length %q", head.status, head.header.Get("Content-Length"))
	}
	link := regexp.MustCompile(`href="(assets/[^"]+)"`).FindSubmatch(plain.body)
	if link == nil {
		t.Fatal("the page has no style sheet")
	}
	style := w.get("/" + string(link[1]))
	if style.status != 200 || style.header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(style.header.Get("Cache-Control"), "immutable") {
		t.Errorf("style sheet: status %d, %v", style.status, style.header)
	}
}

func TestRegisterForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pageWith(w.get("/register"), 200, "Register a server", `action="register"`, `name="addresses"`, `type="text" value=""`)
	values := form(1)
	values.Set("addresses", " s1.example.net:13327\r\n\r\ns2.example.net:13327 ")
	values.Set("description", "Two\r\nlines")
	values.Set("languages", "en, de")
	a := w.submit("/register", values)
	location := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(location, "status/r") {
		t.Fatalf("status %d, Location %q: %s", a.status, location, a.body)
	}
	status := w.get("/" + location)
	w.pageWith(status, 200, "Server 1", "It waits for an admin", `<meta name="robots" content="noindex">`, `href="../../register"`)
	if status.header.Get("Cache-Control") != "no-store" || status.header.Get("X-Robots-Tag") != "noindex" {
		t.Errorf("%v", status.header)
	}
	all, err := w.client().Pending(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if got := all[0]; got.Description != "Two lines" || strings.Join(got.Addresses, " ") != "s1.example.net:13327 s2.example.net:13327" || len(got.Languages) != 2 {
		t.Errorf("%+v", got)
	}
	if _, err := w.client().Reject(t.Context(), all[0].ID, "<i>No</i>"); err != nil {
		t.Fatal(err)
	}
	w.pageWith(w.get("/"+location), 200, "It is rejected.", "<i>No</i>")
	w.pageWith(w.get("/"+location[:len(location)-1]+"x"), 404, "There is nothing here")
	w.pageWith(w.get("/status/r1/x"), 404, "There is nothing here")
}

// TestRegisterFormProblems checks that what is wrong stands beside the fields,
// that nothing typed is lost, and that nothing is stored.
func TestRegisterFormProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.Games = config.Games{"crossfire": "Crossfire", "ddnet": "DDNet"} })
	before := w.snapshot()
	values := form(1)
	values.Set("email", "nobody")
	values.Set("game", "crosfire")
	values.Set("addresses", "ok.example.net:1\nbad")
	values.Set("website", `"><script>`)
	values.Set("key", "a\tb")
	a := w.submit("/register", values)
	text := w.pageWith(a, 422, "5 answers have to be mended", `href="#f-email"`, `id="f-email"`, "is not an e-mail address",
		`aria-describedby="f-email-problem f-email-hint"`, `aria-invalid="true"`, `value="nobody"`, "number 2 ", "ok.example.net:1\nbad",
		`<option value="ddnet">DDNet</option>`, `<title>Problem: Register a server`, "did you mean")
	if n := strings.Count(text, `aria-invalid="true"`); n != 5 {
		t.Errorf("%d fields are marked", n)
	}
	w.pageWith(w.submit("/register", url.Values{}), 422, "5 answers have to be mended", "is required")
	if w.snapshot() != before {
		t.Error("something was stored")
	}
}

func TestRegisterFormRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.LimitLoopback = true; c.PerSource = 1 })
	before := w.snapshot()
	large := form(1)
	large.Set("description", strings.Repeat("x", 50_000))
	w.pageWith(w.submit("/register", large), 413, "larger than")
	w.pageWith(w.submit("/register", form(1), "Content-Type: text/plain"), 415, "what its form sends")
	w.pageWith(w.submit("/register", form(1), "Content-Encoding: gzip"), 415, "what its form sends")
	noFollow := w.send(exchange{"POST", w.public + "/register",
		[]string{"Content-Type: application/x-www-form-urlencoded", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, form(1).Encode()})
	w.pageWith(noFollow, 403, "on behalf of another site")
	w.pageWith(w.send(exchange{"POST", w.public + "/register", []string{"Content-Type: application/x-www-form-urlencoded"}, "name=%zz"}), 400, "as browsers send one")
	if w.snapshot() != before {
		t.Error("something was stored")
	}
	if a := w.submit("/register", form(1)); a.status != http.StatusSeeOther {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	limited := w.submit("/register", form(2))
	w.pageWith(limited, 429, "Try again in", `value="Server 2"`)
	if limited.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
