package watch_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/watch"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// redirects starts a host that sends everybody on to another place.
func redirects(t *testing.T, to string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, to+strings.TrimPrefix(r.URL.Path, "/"), http.StatusFound)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

// TestRedirects: one that only sends clients on, to the root or to another
// mirror, is no mirror; it may send them to another place of its own.
func TestRedirects(t *testing.T) {
	t.Parallel()
	var root string
	w := newWorld(t, func(c *watch.Config) {
		c.PublicURL = serverlisttest.NewRoot(serverlisttest.Options{}).Site(serverlisttest.Honest).Start(t).URL + "/"
		root = c.PublicURL
	})
	w.mirror("honest", serverlisttest.Honest)
	honest := w.servers["honest"].URL + "/"
	place := func() string { return w.Site(serverlisttest.Honest).Start(t).URL + "/" }
	listed := place()
	toRoot, toMirror, toOwn, toBoth := redirects(t, root), redirects(t, honest), redirects(t, place()), redirects(t, listed)
	w.add("to-root", toRoot)
	w.add("to-mirror", toMirror)
	w.add("to-own", toOwn)
	w.add("to-both", toBoth, listed+"server.list")
	w.round()
	for id, want := range map[string]string{
		"to-root": "redirects to " + root, "to-mirror": "(mirror honest), and is no mirror", "to-own": "", "to-both": "", "honest": "",
	} {
		last := w.watched(id).Last
		switch {
		case want == "" && last.State != store.MirrorWell:
			t.Errorf("%s is %s: %s", id, last.State, last.Error)
		case want != "" && (last.State != store.MirrorUnreachable || !strings.Contains(last.Error, want)):
			t.Errorf("%s is %s: %s; want one that cannot be reached, with %q", id, last.State, last.Error, want)
		}
	}
	for url, ill := range map[string]bool{toRoot: true, toMirror: true, redirects(t, honest): true, redirects(t, place()): false} {
		if seen, err := w.watcher.LookAt(t.Context(), []string{url}); err != nil || seen.State.Ill() != ill {
			t.Errorf("before it is listed: %+v, %v; want ill: %v", seen, err, ill)
		}
	}
}

func TestRedirectInside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		to, place string
		want      bool
	}{
		{"https://ms.example.org/server.list", "http://ms.example.org/", true},
		{"https://MS.example.org:443/server.list", "http://ms.example.org:80", true},
		{"http://ms.example.org:8080/server.list", "http://ms.example.org/", false},
		{"http://ms.example.org/other/server.list", "http://ms.example.org/ms/", false},
		{"http://ms.example.org/ms/trust/1.trust", "http://ms.example.org/ms/", true},
		{"http://ms.example.org/list", "http://ms.example.org/list", true},
		{"http://ms.example.org/list2", "http://ms.example.org/list", false},
	} {
		if got := watch.IsAt(t, c.to, c.place); got != c.want {
			t.Errorf("%s at %s: %v", c.to, c.place, got)
		}
	}
}
