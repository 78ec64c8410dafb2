package root_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
)

// A mirror is listed when clients find the list of this root there, or when an
// admin says so all the same.
func TestMirrorIsLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.WatchOff = true })
	stranger := newWorld(t, func(c *config.Config) { c.WatchOff = true })
	c := w.client()
	serve := func(dir string) string {
		server := httptest.NewServer(http.FileServer(http.Dir(dir)))
		t.Cleanup(server.Close)
		return server.URL + "/"
	}
	good, empty, other := serve(filepath.Join(w.dir, "public")), serve(t.TempDir()), serve(filepath.Join(stranger.dir, "public"))
	for name, tc := range map[string]struct {
		urls []string
		want string
	}{
		"nothing there":        {[]string{empty}, "404"},
		"another root's":       {[]string{other}, "signature"},
		"one of two is absent": {[]string{good, empty}, empty},
	} {
		before := w.snapshot()
		p := w.ask("POST", "/mirrors", newMirror("bad", tc.urls...)).problem(t, http.StatusUnprocessableEntity)
		if fields(p) != "urls" || !strings.Contains(p.Errors[0].Problem, tc.want) || !strings.Contains(p.Detail, "--unchecked") {
			t.Errorf("%s: %+v", name, p)
		}
		if after := w.snapshot(); after != before {
			t.Errorf("%s: what was refused changed something", name)
		}
	}
	if _, err := c.AddMirror(t.Context(), api.NewMirror{Mirror: api.Mirror{ID: "good", Operator: "G", URLs: []string{good}}}); err != nil {
		t.Error(err)
	}
	if ids := listedIDs(w); ids != "good" {
		t.Errorf("the list has %q", ids)
	}
	// A name that is taken says more than what is served.
	w.ask("POST", "/mirrors", newMirror("good", empty)).problem(t, http.StatusConflict)
}

func newMirror(id string, urls ...string) string {
	return `{"id":"` + id + `","operator":"x","urls":["` + strings.Join(urls, `","`) + `"]}`
}

// A request is looked at when it is shown and before it is approved; one at a
// private address only then.
func TestRequestIsLookedAt(t *testing.T) {
	t.Parallel()
	for name, private := range map[string]bool{"the Internet only": false, "private addresses, too": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *config.Config) { c.WatchOff, c.AllowPrivate = true, private })
			c := w.client()
			folder := t.TempDir()
			requests := 0
			site := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				requests++
				http.FileServer(http.Dir(folder)).ServeHTTP(rw, r)
			}))
			t.Cleanup(site.Close)
			decode[api.Accepted](t, w.postMirror(mirrorRequest(func(r *api.MirrorRequest) { r.URLs = []string{site.URL + "/"} })), http.StatusAccepted)
			all, err := c.PendingMirrors(t.Context())
			if err != nil || len(all) != 1 || (all[0].Look != nil) != private || (requests > 0) != private {
				t.Fatalf("%+v, %v, %d requests", all, err, requests)
			}
			if private && (all[0].Look.State != "unreachable" || !strings.Contains(all[0].Look.Error, "404")) {
				t.Errorf("%+v", all[0].Look)
			}
			seen := requests
			if one, err := c.MirrorRegistration(t.Context(), "m1"); err != nil || (one.Look != nil) != private || requests != seen {
				t.Errorf("again: %+v, %v, %d requests", one, err, requests)
			}
			p := w.ask("POST", "/mirror-registrations/m1/approve", "").problem(t, http.StatusUnprocessableEntity)
			if fields(p) != "urls" || requests == seen {
				t.Errorf("%+v", p)
			}
			folder = filepath.Join(w.dir, "public")
			if _, err := c.ApproveMirror(t.Context(), "m1", api.MirrorApproval{}); err != nil {
				t.Error(err)
			}
		})
	}
}
