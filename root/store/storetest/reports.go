package storetest

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

var reportTests = map[string]func(*testing.T, *world){
	"Reports":     reports,
	"MostReports": mostReports,
}

func reports(t *testing.T, w *world) {
	id := w.approve(w.register().ID).Server.ID
	report := func(text, source string) error {
		return w.AddReport(t.Context(), store.Report{Entry: id, Kind: "dead", Text: text}, netip.MustParseAddr(source))
	}
	for _, r := range [][2]string{{"first", "192.0.2.1"}, {"other", "2001:db8::1"}, {"same /64", "2001:db8::2"}, {"again", "192.0.2.1"}} {
		w.wait(time.Minute)
		if err := report(r[0], r[1]); err != nil {
			t.Fatal(err)
		}
	}
	all, err := w.OpenReports(t.Context())
	if err != nil || len(all) != 2 || all[0].Text != "again" || all[1].Text != "same /64" || all[0].Entry != id || !all[0].At.Equal(w.clock()) {
		t.Errorf("%+v, %v", all, err)
	}
	if n, err := w.ResolveReports(t.Context(), id, "it is back", "alice"); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
	if r := Recorded(t, w, 1)[0]; r.Action != store.ActionResolve || r.Subject != id {
		t.Errorf("recorded %+v", r)
	}
	_, err = w.ResolveReports(t.Context(), id, "", "alice")
	wantError(t, err, store.ErrNotFound)
	if err := report("once more", "192.0.2.1"); err != nil {
		t.Error(err)
	}
	wantError(t, w.AddReport(t.Context(), store.Report{Entry: "nobody"}, netip.Addr{}), store.ErrNotFound)
	if _, err := w.Revoke(t.Context(), id, "gone", "alice"); err != nil {
		t.Fatal(err)
	}
	wantError(t, report("late", "192.0.2.3"), store.ErrNotFound)
}

func mostReports(t *testing.T, w *world) {
	id := w.approve(w.register().ID).Server.ID
	for n := range store.MaxEntryReports + 1 {
		err := w.AddReport(t.Context(), store.Report{Entry: id, Kind: "dead"}, netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", n)))
		if n < store.MaxEntryReports && err != nil {
			t.Fatal(err)
		} else if n == store.MaxEntryReports {
			wantAs[*store.TooManyError](t, err)
		}
	}
}
