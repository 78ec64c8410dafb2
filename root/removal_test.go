package root_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A large part of the list that is suspended at once needs a confirmation like
// any other loss: what is served stays until then.
func TestManySuspensionsNeedConfirmation(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	w := serveData(t, dir)
	var all api.Decisions
	for n := range 15 {
		all.Approve = append(all.Approve, api.Seen{ID: w.register(n).ID})
	}
	if out, err := w.client().DecideAll(t.Context(), all); err != nil || out.Failed > 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	w.until("list 15 entries", func() bool { return w.entries() == 15 })
	w.stop()
	suspendBeside(t, dir, 12)

	w = serveData(t, dir)
	var change int64
	w.until("ask for a confirmation", func() bool {
		lists, err := w.client().Lists(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		change = lists[0].Confirm
		return change > 0
	})
	if n := w.entries(); n != 15 {
		t.Fatalf("%d entries are served without a confirmation", n)
	}
	if _, err := w.client().Confirm(t.Context(), "server.list", change); err != nil {
		t.Fatal(err)
	}
	w.until("list 3 entries", func() bool { return w.entries() == 3 })
}

// suspendBeside suspends entries of a root that does not run, so that its next
// edition loses all of them at once.
func suspendBeside(t *testing.T, dir string, n int) {
	t.Helper()
	st, err := store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(dir, "root.db"), MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for i := range n {
		_, err := st.Suspend(t.Context(), store.Suspension{Entry: fmt.Sprintf("server-%d", i), Reason: "a mistake", Admin: "alice"})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// entries counts those of the served list.
func (w *world) entries() int {
	return len(w.open("/server.list", serverlist.TypeServerList).Servers)
}
