package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

var bulkTests = map[string]func(*testing.T, *world){
	"DecideAll":         decideAll,
	"DecideMany":        decideMany,
	"DecideAllOfOwners": decideAllOfOwners,
	"DecideAllRefused":  decideAllRefused,
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
	want := []string{"alice approve " + yes, "alice reject " + no, "alice approve " + twin, "alice decide-registrations "}
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

// What owners ask for is done as if it were approved alone. Of two requests about
// one entry the second finds what the first has left.
func decideAllOfOwners(t *testing.T, w *world) {
	own := func(n int) (owner, string) {
		o := w.owner(distinct(n))
		return o, w.approve(o.id).Server.ID
	}
	edits, edited := own(1)
	leaves, left := own(2)
	gives, given := own(3)
	edit := edits.edit(distinct(1), described("edited")).ID
	leave, err := w.Withdraw(t.Context(), leaves.id, leaves.token, elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	offer, late := store.NewToken(), gives.edit(distinct(3), described("too late")).ID
	_, err = w.OfferTransfer(t.Context(), gives.id, gives.token, store.Offer{Token: offer.Hash(), Email: "new@example.org", Expires: start.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	give, err := w.TakeOver(t.Context(), given, offer, store.TakeOver{Email: "new@example.org", Source: elsewhere, Token: store.NewToken().Hash()})
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []store.Verdict
	for _, id := range []string{edit, leave.ID, give.ID, late} {
		verdicts = append(verdicts, store.Verdict{Registration: id, Approve: true})
	}
	out, err := w.DecideAll(t.Context(), verdicts, "alice")
	if err != nil {
		t.Fatal(err)
	}
	for i, entry := range []string{edited, left, given} {
		if out[i] != (store.Outcome{Status: store.Approved, Entry: entry}) {
			t.Errorf("%s: %+v", verdicts[i].Registration, out[i])
		}
	}
	if d := wantAs[*store.DecidedError](t, out[3].Err); d.Status != store.Rejected {
		t.Errorf("the former owner's edit: %+v", d)
	}
	wantIDs(t, "listed", w.listed(), edited, given)
	if e, err := w.Entry(t.Context(), edited); err != nil || e.Server.Description != "edited" {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := w.Entry(t.Context(), given); err != nil || e.Owner != give.ID || e.Server.Description == "too late" {
		t.Errorf("%+v, %v", e, err)
	}
	var actions []string
	for _, r := range recordsOf(t, w, audit.Filter{Newest: 4}) {
		actions = append(actions, fmt.Sprint(r.Action, " ", r.Outcome, " ", r.Subject))
	}
	want := []string{"approve done " + edit, "withdraw done " + leave.ID, "transfer done " + give.ID, "approve refused " + late}
	if fmt.Sprint(actions) != fmt.Sprint(want) {
		t.Errorf("recorded %q, want %q", actions, want)
	}
}

// Many refusals of one transaction are one record, which counts them and names
// the first.
func decideAllRefused(t *testing.T, w *world) {
	var verdicts []store.Verdict
	for n := range 250 {
		verdicts = append(verdicts, store.Verdict{Registration: fmt.Sprintf("r%d", 1000+n), Approve: n%2 == 0, Reason: "odd"})
	}
	call := &audit.Call{Admin: "alice", Action: store.ActionDecideMany, Source: "192.0.2.7"}
	if _, err := w.DecideAll(audit.With(t.Context(), call), verdicts, "alice"); err != nil {
		t.Fatal(err)
	}
	all := recordsOf(t, w, audit.Filter{})
	if len(all) != 2 || all[0].Count != 200 || all[1].Count != 50 || !call.Recorded() {
		t.Fatalf("recorded %+v", all)
	}
	for _, r := range all {
		if r.Admin != "alice" || r.Outcome != audit.Refused || r.Action != store.ActionDecideMany || r.Source != "192.0.2.7" {
			t.Errorf("%+v", r)
		}
	}
	for _, part := range []string{"approve r1000: ", "; reject r1001: ", "reject r1009: ", "; and 190 more"} {
		if !strings.Contains(all[0].Detail, part) {
			t.Errorf("the record lacks %q: %s", part, all[0].Detail)
		}
	}
	if strings.Contains(all[0].Detail, "r1010") {
		t.Error("more are named than 10")
	}
	w.wantIntact(2)
}
