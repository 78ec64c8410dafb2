package mirror

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// TestInterrupted: whoever interrupts a run reads that, and not the words of
// the library that noticed it first.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	docs := w.Documents(t0, "alpha")
	w.host.serve(docs)
	w.mustOnce()
	ctx, interrupt := context.WithCancel(t.Context())
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		interrupt()
		<-r.Context().Done()
	}))
	defer slow.Close()
	w.cfg.Root = slow.URL + "/"
	w.cfg.Targets = append(w.cfg.Targets, Target{Target: publish.Folder{Path: w.folder + "2"}})
	m, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	report, err := m.Once(ctx)
	if err == nil || strings.Contains(err.Error(), "context") {
		t.Errorf("the error is %v", err)
	}
	if len(report.Root.Errors) != 1 || report.Root.Errors[0] != Interrupted {
		t.Errorf("of the root it says %q", report.Root.Errors)
	}
	if current, empty := report.Targets[0], report.Targets[1]; !current.OK || empty.Error != Interrupted || empty.OK {
		t.Errorf("of a target that has everything it says %+v, and of one that has nothing %+v", current, empty)
	}
	wantFolder(t, w.folder, docs)
}
