package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

var bulkTests = map[string]func(*testing.T, *world){
	"DecideAll":  decideAll,
	"DecideMany": decideMany,
}

// One verdict that cannot be carried out leaves nothing of itself and the others
// alone.
func decideAll(t *testing.T, w *world) {
	yes, no, changed, twin := w.register(distinct(1)).ID, w.register(distinct(2)).ID, w.register(distinct(3)).ID, w.register(distinct(4)).ID
	w.register(distinct(3), described("changed"))
	out, err := w.DecideAll(t.Context(), []store.Verdict{
		{Registration: yes, Revision: 1, Approve: true},
		{Registration: no, Reason: "an advertisement"},
		{Registration: changed, Revision: 1, Approve: true},
		{Registration: changed, Revision: 1, Reason: "no"},
		{Registration: "r99", Approve: true},
		{Registration: no, Approve: true},
		{Registration: twin, Approve: true},
	}, "alice")
	if err != nil || len(out) != 7 {
		t.Fatalf("%+v, %v", out, err)
	}
	if out[0] != (store.Outcome{Status: store.Approved, Entry: "server-1"}) || out[1] != (store.Outcome{Status: store.Rejected}) {
		t.Errorf("approved %+v, rejected %+v", out[0], out[1])
	}
	for _, i := range []int{2, 3} {
		wantAs[*store.RevisionError](t, out[i].Err)
	}
	wantError(t, out[4].Err, store.ErrNotFound)
	if d := wantAs[*store.DecidedError](t, out[5].Err); d.Status != store.Rejected {
		t.Errorf("decided twice: %+v", d)
	}
	wantIDs(t, "listed", w.listed(), "server-1", "server-4")
	wantIDs(t, "pending", w.pending(), changed)
	if got := w.review(no); got.Reason != "an advertisement" || got.Admin != "alice" {
		t.Errorf("rejected: %+v", got.Registration)
	}
	if got := w.counts().Pending; got != 1 {
		t.Errorf("%d are counted as pending", got)
	}
	var recorded []string
	err = w.Records(t.Context(), audit.Filter{}, func(r audit.Record) error {
		recorded = append(recorded, fmt.Sprint(r.Admin, " ", r.Action, " ", r.Subject))
		return nil
	})
	want := []string{"alice approve " + yes, "alice reject " + no, "alice approve " + twin}
	if err != nil || fmt.Sprint(recorded) != fmt.Sprint(want) {
		t.Errorf("recorded %q, %v, want %q", recorded, err, want)
	}
}

// More than one transaction holds.
func decideMany(t *testing.T, w *world) {
	var verdicts []store.Verdict
	for n := range 450 {
		verdicts = append(verdicts, store.Verdict{Registration: w.register(distinct(n)).ID, Approve: n%2 == 0, Reason: "odd"})
	}
	out, err := w.DecideAll(t.Context(), verdicts, "alice")
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		if o.Err != nil || (o.Status == store.Approved) != verdicts[i].Approve {
			t.Fatalf("%s: %+v", verdicts[i].Registration, o)
		}
	}
	if n := len(w.listed()); n != 225 {
		t.Errorf("%d are listed", n)
	}
	w.Close()
	out, err = w.DecideAll(t.Context(), verdicts, "alice")
	if err == nil || len(out) != len(verdicts) || !errors.Is(out[449].Err, err) {
		t.Errorf("a closed store: %v, %+v", err, out[449])
	}
}
