package requirements_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// TestRequirement15_AnyURL: a mirror may have any URL, of the list alone, too.
func TestRequirement15_AnyURL(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/~someone/server.list", "/files/download.php?id=17&name=list", "/%7Eme/a%20b/the-list", "/deep/er/folder/"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			r := newRoot(t)
			r.list("Alpha")
			asked := path
			if strings.HasSuffix(path, "/") {
				asked += "server.list"
			}
			list := r.file("server.list")
			host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.URL.RequestURI() != asked {
					http.NotFound(w, req)
					return
				}
				w.Write(list)
			}))
			t.Cleanup(host.Close)
			mirror := api.Mirror{ID: "one", Operator: "One", URLs: []string{host.URL + path}}
			if _, err := r.Admin.AddMirror(t.Context(), api.NewMirror{Mirror: mirror}); err != nil {
				t.Fatal(err)
			}
			cache := serverlist.DirCache(t.TempDir())
			if c := player(t, serverlist.Config{Trust: r.pinned(), Root: []string{r.url()}, Cache: cache}); c != nil {
				sees(t, c, serverlist.SourceLive, "Alpha")
			}
			pinned, public := r.pinned(), r.url()
			r.stop()
			got := sees(t, player(t, serverlist.Config{Trust: pinned, Root: []string{public}, Cache: cache}), serverlist.SourceLive, "Alpha")
			if got.From != host.URL+asked {
				t.Errorf("the list is from %s", got.From)
			}
		})
	}
}
