package root_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

// TestBadMirrorIsTold: whoever runs a mirror that lies reads that it is left out,
// and that it is back; the admins and a program are told as well.
func TestBadMirrorIsTold(t *testing.T) {
	t.Parallel()
	w, server, receiver := newTellingWorld(t, hasty)
	folder := http.FileServer(http.Dir(filepath.Join(w.dir, "public")))
	var lies atomic.Bool
	host := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if lies.Load() {
			rw.Write([]byte("ms.example.org\nnot signed\n"))
			return
		}
		folder.ServeHTTP(rw, r)
	}))
	t.Cleanup(host.Close)
	mirror := api.Mirror{ID: "wien", Operator: "Wien", Email: "wien@example.org", URLs: []string{host.URL + "/"}}
	if _, err := w.client().AddMirror(t.Context(), api.NewMirror{Mirror: mirror}); err != nil {
		t.Fatal(err)
	}
	for _, turn := range []struct {
		lies           bool
		event, subject string
	}{
		{true, "mirror.left-out", "mirror wien is left out of the mirror list"},
		{false, "mirror.taken-in", "mirror wien is back in the mirror list"},
	} {
		lies.Store(turn.lies)
		for range 2 {
			if _, err := w.client().CheckMirrors(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, to := range []string{"wien@example.org", "boss@example.org"} {
			until(t, turn.subject+" to "+to, func() bool {
				return slices.ContainsFunc(received(server, to), func(letter string) bool { return strings.Contains(letter, turn.subject) })
			})
		}
		until(t, turn.event, func() bool { return len(receiver.event(turn.event)) == 1 })
	}
}
