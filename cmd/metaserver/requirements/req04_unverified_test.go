package requirements_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// TestRequirement04_NothingUnverified: whatever a host serves in place of the
// list, a caller gets a list that the root has signed, or none.
func TestRequirement04_NothingUnverified(t *testing.T) {
	t.Parallel()
	r, stranger := newRoot(t), newRoot(t)
	r.list("Alpha")
	stranger.list("Evil")
	right := r.file("server.list")
	head, body, _ := bytes.Cut(right, []byte(`{"`))
	for name, lie := range map[string][]byte{
		"of another root":   stranger.file("server.list"),
		"another body":      bytes.ReplaceAll(right, []byte("Alpha"), []byte("Evil!")),
		"another version":   regexp.MustCompile(`(?m)^version \d`).ReplaceAll(right, []byte("version 9")),
		"without signature": right[:bytes.Index(right, []byte("\n\n"))+2],
		"cut off":           right[:len(right)-3],
		"with more":         append(bytes.Clone(right), []byte(`{"id":"evil"}`+"\n")...),
		"head of another":   append(bytes.Clone(head), append([]byte(`{"name":"Evil",`), body...)...),
		"a page":            []byte("<!DOCTYPE html><p>Evil"),
		"nothing":           {},
	} {
		if bytes.Equal(lie, right) {
			t.Fatalf("%s: nothing is changed", name)
		}
		host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			switch doc := strings.TrimPrefix(req.URL.Path, "/"); doc {
			case "server.list":
				w.Write(lie)
			case "mirror.list", "trust/1.trust":
				w.Write(r.file(doc))
			default:
				http.NotFound(w, req)
			}
		}))
		t.Cleanup(host.Close)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := player(t, serverlist.Config{Trust: r.pinned(), Root: []string{host.URL + "/"}}).Refresh(t.Context())
			if err == nil || result.List != nil || strings.Contains(fmt.Sprint(result), "Evil") {
				t.Errorf("a caller gets %+v, %v", result, err)
			}
			// Who has a list from before keeps it.
			cache := serverlist.DirCache(t.TempDir())
			sees(t, player(t, serverlist.Config{Trust: r.pinned(), Root: []string{r.url()}, Cache: cache}), serverlist.SourceLive, "Alpha")
			result, _ = player(t, serverlist.Config{Trust: r.pinned(), Root: []string{host.URL + "/"}, Cache: cache}).Refresh(t.Context())
			if result.List == nil || !bytes.Equal(result.List.Bytes(), right) {
				t.Errorf("with the list in the cache, a caller gets %+v", result)
			}
		})
	}
}
