package root_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

// TestStatusURLInBrowser opens the URL that programs get as a browser does.
func TestStatusURLInBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, err := url.Parse(w.register(1).StatusURL)
	if err != nil {
		t.Fatal(err)
	}
	noFollow := *w.http
	noFollow.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	browser := *w
	browser.http = &noFollow
	a := browser.get(status.Path, "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
	if a.status != http.StatusSeeOther {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	location := a.header.Get("Location")
	if !strings.HasPrefix(location, "../") {
		t.Errorf("Location %q does not hold behind a proxy that adds a folder", location)
	}
	page, err := status.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	w.pageWith(w.get(page.Path), 200, "It waits for an admin", "Withdraw it")

	for _, header := range [][]string{nil, {"Accept: */*"}, {"Accept: application/json, text/html;q=0.1"}} {
		if got := decode[api.Status](t, w.get(status.Path, header...), 200); got.ID != "r1" {
			t.Errorf("%q: %+v", header, got)
		}
	}
}

// TestNotFoundPage leads people back who mistype the address of a page.
func TestNotFoundPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/register/", "/a/b/c", "/status/r1"} {
		w.pageWith(w.get(path, "Accept: text/html,*/*;q=0.8"), 404, "There is nothing here", "Register a server")
		if a := w.get(path); a.status != 404 || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: status %d, type %q", path, a.status, a.header.Get("Content-Type"))
		}
	}
}
