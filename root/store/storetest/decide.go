package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

var decideTests = map[string]func(*testing.T, *world){
	"Approve":               approve,
	"ApproveNames":          approveNames,
	"ApproveChosenID":       approveChosenID,
	"ApproveUpdates":        approveUpdates,
	"ApproveReplaces":       approveReplaces,
	"ApproveWhatWasSeen":    approveWhatWasSeen,
	"DecidedOnce":           decidedOnce,
	"Reject":                reject,
	"Revoke":                revoke,
	"AfterRevocationAnew":   afterRevocationAnew,
	"Prune":                 prune,
	"DecisionsAreRecorded":  decisionsAreRecorded,
	"RefusedRecordsNothing": refusedRecordsNothing,
}

func approve(t *testing.T, w *world) {
	token := store.NewToken()
	r := w.register(opening(token))
	w.wait(time.Minute)
	e := w.approve(r.ID)
	want := r.Server
	want.ID = "cat-2"
	if !reflect.DeepEqual(e.Server, want) || e.State != store.EntryListed || e.Registration != r.ID {
		t.Errorf("listed as %+v", e)
	}
	if !e.Created.Equal(start.Add(time.Minute)) || !e.Updated.Equal(e.Created) || e.Change != 1 {
		t.Errorf("created %v, updated %v, change %d", e.Created, e.Updated, e.Change)
	}
	if got, err := w.Entry(t.Context(), "cat-2"); err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("Entry: %+v, %v\nwant %+v", got, err, e)
	}
	status, err := w.Status(t.Context(), r.ID, token)
	if err != nil || status.Status != store.Approved || status.Entry != "cat-2" || status.Admin != "alice" || !status.Decided.Equal(w.clock()) {
		t.Errorf("Status: %+v, %v", status, err)
	}
	wantIDs(t, "list", w.listed(), "cat-2")
	wantIDs(t, "queue", w.pending())
}

func approveNames(t *testing.T, w *world) {
	for _, test := range []struct{ name, want string }{
		{"Metalforge", "metalforge"},
		{"  Café (EU) №1!  ", "cafe-eu-no1"},
		{"猫", "server"},
		{"---", "server-2"},
		{"Ａ　Ｂ", "a-b"},
		{strings.Repeat("x", 80), strings.Repeat("x", 50)},
		{strings.Repeat("x", 79), strings.Repeat("x", 50) + "-2"},
	} {
		r := w.register(named(test.name), at(fmt.Sprintf("h%d.example.net:1", len(w.listed()))))
		if got := w.approve(r.ID).Server.ID; got != test.want {
			t.Errorf("%q became %q, want %q", test.name, got, test.want)
		}
	}
	ids := map[string]bool{}
	for i := range 15 {
		ids[w.approve(w.register(distinct(i), named("Cat")).ID).Server.ID] = true
	}
	if len(ids) != 15 || !ids["cat"] || !ids["cat-9"] {
		t.Errorf("15 servers of one name became %v", ids)
	}
}

func approveChosenID(t *testing.T, w *world) {
	a, b := w.register(distinct(1)).ID, w.register(distinct(2)).ID
	e, err := w.Approve(t.Context(), store.Approval{Registration: a, Entry: "chosen"})
	if err != nil || e.Server.ID != "chosen" {
		t.Fatalf("got %q, %v", e.Server.ID, err)
	}
	_, err = w.Approve(t.Context(), store.Approval{Registration: b, Entry: "chosen"})
	if e := wantAs[*store.TakenError](t, err); e.ID != "chosen" {
		t.Errorf("the error names %q", e.ID)
	}
	if _, err := w.Revoke(t.Context(), "chosen", "", "alice"); err != nil {
		t.Fatal(err)
	}
	_, err = w.Approve(t.Context(), store.Approval{Registration: b, Entry: "chosen"})
	wantAs[*store.TakenError](t, err)
	_, err = w.Approve(t.Context(), store.Approval{Registration: b, Entry: "Not An ID"})
	if e := wantAs[*serverlist.FieldError](t, err); e.Field != "id" {
		t.Errorf("the error names %q", e.Field)
	}
	wantIDs(t, "queue", w.pending(), b)
	wantIDs(t, "list", w.listed())
}

// What a requester changes between review and approval is not listed.
func approveWhatWasSeen(t *testing.T, w *world) {
	id := w.register().ID
	seen := w.review(id).Revision
	if again := w.register(from("198.51.100.9")); again.Revision != seen || again.Requests != 2 {
		t.Errorf("the same again: revision %d, %d requests; want %d, 2", again.Revision, again.Requests, seen)
	}
	swapped := w.register(named("Free Money"))
	if swapped.ID != id || swapped.Revision != seen+1 {
		t.Fatalf("the swapped request is %s, revision %d", swapped.ID, swapped.Revision)
	}
	for _, revision := range []int{seen, seen + 2, -1} {
		_, err := w.Approve(t.Context(), store.Approval{Registration: id, Revision: revision, Admin: "alice"})
		if e := wantAs[*store.RevisionError](t, err); e.ID != id || e.Revision != seen+1 {
			t.Errorf("the error names %+v", e)
		}
	}
	wantIDs(t, "queue", w.pending(), id)
	wantIDs(t, "list", w.listed())
	if c := w.counts(); c.Change != 0 {
		t.Errorf("%d changes", c.Change)
	}
	e, err := w.Approve(t.Context(), store.Approval{Registration: id, Revision: seen + 1, Admin: "alice"})
	if err != nil || e.Server.Name != "Free Money" {
		t.Errorf("approved %q, %v", e.Server.Name, err)
	}
}

// Registering a listed server again is an update of its entry.
func approveUpdates(t *testing.T, w *world) {
	first := w.approve(w.register().ID)
	w.wait(time.Hour)
	again := w.register(described("changed"), named("Cat Two"))
	if again.Entry != first.Server.ID || again.Status != store.Pending {
		t.Fatalf("again: %s updates %q", again.Status, again.Entry)
	}
	_, err := w.Approve(t.Context(), store.Approval{Registration: again.ID, Entry: "second"})
	if e := wantAs[*store.UpdateError](t, err); e.Entry != first.Server.ID || e.Registration != again.ID {
		t.Errorf("the error names %+v", e)
	}
	e := w.approve(again.ID)
	if e.Server.ID != first.Server.ID || e.Server.Description != "changed" || e.Server.Name != "Cat Two" || e.Registration != again.ID {
		t.Errorf("updated to %+v", e)
	}
	if !e.Created.Equal(first.Created) || !e.Updated.Equal(w.clock()) || e.Change <= first.Change {
		t.Errorf("created %v, updated %v, change %d after %d", e.Created, e.Updated, e.Change, first.Change)
	}
	wantIDs(t, "list", w.listed(), first.Server.ID)
	// The old name is free for others, the new one is not.
	r := w.review(w.register(distinct(1), mailed("other@example.org"), named("Cat Two")).ID)
	if len(r.Conflicts) != 1 || r.Conflicts[0].Entry != first.Server.ID {
		t.Errorf("the new name conflicts with %+v", r.Conflicts)
	}
	r = w.review(w.register(distinct(1), mailed("other@example.org"), named("Cat 2")).ID)
	if len(r.Conflicts) != 0 {
		t.Errorf("the old name conflicts with %+v", r.Conflicts)
	}
}

// A server that moved is another request; only the admin can say that it is
// the same server.
func approveReplaces(t *testing.T, w *world) {
	first := w.approve(w.register().ID)
	moved := w.register(at("new.example.net:13327"))
	replace := func(entry string) (store.Entry, error) {
		return w.Approve(t.Context(), store.Approval{Registration: moved.ID, Entry: entry, Replace: true, Admin: "alice"})
	}
	_, err := replace("nothing")
	wantError(t, err, store.ErrNotFound)
	_, err = replace("")
	wantError(t, err, store.ErrNotFound)
	e, err := replace(first.Server.ID)
	if err != nil || e.Server.ID != first.Server.ID || !slices.Equal(e.Server.Addresses, moved.Server.Addresses) {
		t.Fatalf("replaced by %+v, %v", e, err)
	}
	wantIDs(t, "list", w.listed(), first.Server.ID)
	// From now on the entry belongs to the new address.
	if r := w.register(at("new.example.net:13327")); r.Entry != first.Server.ID {
		t.Errorf("the new address updates %q", r.Entry)
	}
	old := w.register()
	if old.Entry != "" {
		t.Errorf("the old address updates %q", old.Entry)
	}
	if _, err := w.Revoke(t.Context(), first.Server.ID, "", "alice"); err != nil {
		t.Fatal(err)
	}
	_, err = w.Approve(t.Context(), store.Approval{Registration: old.ID, Entry: first.Server.ID, Replace: true})
	if e := wantAs[*store.DecidedError](t, err); e.Status != store.Revoked {
		t.Errorf("replacing a revoked entry: %v", e)
	}
}

func decidedOnce(t *testing.T, w *world) {
	yes, no := w.register(distinct(1)).ID, w.register(distinct(2)).ID
	entry := w.approve(yes).Server.ID
	if _, err := w.Reject(t.Context(), no, "spam", "alice"); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]store.DecidedError{
		yes: {ID: yes, Status: store.Approved, Entry: entry},
		no:  {ID: no, Status: store.Rejected},
	} {
		_, err := w.Approve(t.Context(), store.Approval{Registration: id})
		if e := wantAs[*store.DecidedError](t, err); *e != want {
			t.Errorf("approving again: %+v, want %+v", e, want)
		}
		_, err = w.Reject(t.Context(), id, "again", "bob")
		if e := wantAs[*store.DecidedError](t, err); *e != want {
			t.Errorf("rejecting again: %+v, want %+v", e, want)
		}
	}
	if r := w.review(no); r.Reason != "spam" || r.Admin != "alice" {
		t.Errorf("the decision became %+v", r)
	}
	if c := w.counts(); c.Pending != 0 {
		t.Errorf("%d pending", c.Pending)
	}
}

func reject(t *testing.T, w *world) {
	token := store.NewToken()
	r := w.register(opening(token))
	w.wait(time.Minute)
	rejected, err := w.Reject(t.Context(), r.ID, "we do not know you", "alice")
	if err != nil {
		t.Fatal(err)
	}
	if rejected.Status != store.Rejected || rejected.Reason != "we do not know you" || rejected.Admin != "alice" || !rejected.Decided.Equal(w.clock()) {
		t.Errorf("rejected as %+v", rejected)
	}
	if status, err := w.Status(t.Context(), r.ID, token); err != nil || !reflect.DeepEqual(status, rejected) {
		t.Errorf("Status: %+v, %v", status, err)
	}
	wantIDs(t, "list", w.listed())
	// Whoever was rejected may try again, and that is a new request.
	if again := w.register(); again.ID == r.ID || again.Status != store.Pending {
		t.Errorf("again: %+v", again)
	}
}

func revoke(t *testing.T, w *world) {
	token := store.NewToken()
	r := w.register(opening(token))
	keep := w.approve(w.register(distinct(1)).ID).Server.ID
	listed := w.approve(r.ID)
	w.wait(time.Minute)
	e, err := w.Revoke(t.Context(), listed.Server.ID, "collects passwords", "bob")
	if err != nil {
		t.Fatal(err)
	}
	if e.State != store.EntryRevoked || e.Reason != "collects passwords" || e.Change <= listed.Change || !e.Updated.Equal(w.clock()) {
		t.Errorf("revoked as %+v", e)
	}
	wantIDs(t, "list", w.listed(), keep)
	status, err := w.Status(t.Context(), r.ID, token)
	if err != nil || status.Status != store.Revoked || status.Reason != e.Reason || status.Admin != "bob" || status.Entry != e.Server.ID {
		t.Errorf("Status: %+v, %v", status, err)
	}
	_, err = w.Revoke(t.Context(), listed.Server.ID, "again", "bob")
	if e := wantAs[*store.DecidedError](t, err); e.Status != store.Revoked || e.ID != listed.Server.ID {
		t.Errorf("revoking again: %+v", e)
	}
	_, err = w.Revoke(t.Context(), "nothing", "", "bob")
	wantError(t, err, store.ErrNotFound)
	_, err = w.Revoke(t.Context(), r.ID, "", "bob") // a registration's id is no entry's
	wantError(t, err, store.ErrNotFound)
}

func afterRevocationAnew(t *testing.T, w *world) {
	old := w.approve(w.register().ID).Server.ID
	waiting := w.register(described("an update"))
	if _, err := w.Revoke(t.Context(), old, "gone", "alice"); err != nil {
		t.Fatal(err)
	}
	again := w.register()
	if again.ID != waiting.ID || again.Entry != "" {
		t.Errorf("the update of a revoked entry is %+v", again)
	}
	if e := w.approve(again.ID); e.Server.ID == old {
		t.Error("the id of a revoked entry was given again")
	}
	if e, err := w.Entry(t.Context(), old); err != nil || e.State != store.EntryRevoked {
		t.Errorf("the revoked entry: %+v, %v", e, err)
	}
}

func prune(t *testing.T, w *world) {
	token := store.NewToken()
	w.fill(4) // r1 to r4
	old := w.register(opening(token))
	for _, id := range []string{"r1", "r2", old.ID} {
		if _, err := w.Reject(t.Context(), id, "no", "alice"); err != nil {
			t.Fatal(err)
		}
	}
	entry := w.approve("r3").Server.ID
	w.wait(time.Hour)
	limit := w.clock()
	if _, err := w.Reject(t.Context(), "r4", "no", "alice"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 1, 0} {
		if n, err := w.Prune(t.Context(), limit, 2); n != want || err != nil {
			t.Fatalf("Prune: %d, %v; want %d", n, err, want)
		}
	}
	_, err := w.Status(t.Context(), old.ID, token)
	wantError(t, err, store.ErrNotFound)
	for _, id := range []string{"r3", "r4"} {
		w.review(id)
	}
	wantIDs(t, "list", w.listed(), entry)
	w.wantIntact(5) // the audit log forgets nothing
}

func decisionsAreRecorded(t *testing.T, w *world) {
	yes, no := w.register(distinct(1)).ID, w.register(distinct(2)).ID
	entry := w.approve(yes).Server.ID
	w.wait(time.Second)
	ctx := t.Context()
	for _, step := range []func() error{
		func() error { _, err := w.Reject(ctx, no, "spam", "bob"); return err },
		func() error { _, err := w.Revoke(ctx, entry, "gone", "carol"); return err },
		func() error { _, err := w.AddMirror(ctx, mirror("m1"), "", "dave"); return err },
		func() error { _, err := w.RemoveMirror(ctx, "m1", "erin"); return err },
		func() error { return w.ConfirmRemoval(ctx, serverlist.TypeServerList, 4, "frank") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	later := start.Add(time.Second)
	want := []audit.Event{
		decision(later, "frank", store.ActionConfirm, "", "", serverlist.TypeServerList, 4),
		decision(later, "erin", store.ActionRemoveMirror, "m1", "", "", 4),
		decision(later, "dave", store.ActionAddMirror, "m1", "", "", 3),
		decision(later, "carol", store.ActionRevoke, yes, entry, "gone", 2),
		decision(later, "bob", store.ActionReject, no, "", "spam", 0),
		decision(start, "alice", store.ActionApprove, yes, entry, "", 1),
	}
	if got := events(Recorded(t, w, 100)); !reflect.DeepEqual(got, want) {
		t.Errorf("recorded\n%+v; want\n%+v", got, want)
	}
	if got := events(Recorded(t, w, 2)); !reflect.DeepEqual(got, want[:2]) {
		t.Errorf("the newest two: %+v", got)
	}
	w.wantIntact(6)
}

func decision(at time.Time, admin string, a store.Action, subject, entry, reason string, change int64) audit.Event {
	return audit.Event{Time: at, Admin: admin, Action: a, Outcome: audit.Done, Subject: subject, Entry: entry, Detail: reason, Change: change, Count: 1}
}

func events(records []audit.Record) (all []audit.Event) {
	for _, r := range records {
		all = append(all, r.Event)
	}
	return all
}

func refusedRecordsNothing(t *testing.T, w *world) {
	id := w.register().ID
	before := w.counts()
	ctx := t.Context()
	for what, err := range map[string]error{
		"approve": errorOf(w.Approve(ctx, store.Approval{Registration: id, Entry: "NO"})),
		"reject":  errorOf(w.Reject(ctx, "r99", "", "alice")),
		"revoke":  errorOf(w.Revoke(ctx, "nothing", "", "alice")),
		"remove":  errorOf(w.RemoveMirror(ctx, "nothing", "alice")),
		"add":     errorOf(w.AddMirror(ctx, serverlist.Mirror{ID: "m"}, "", "alice")),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if d := Recorded(t, w, 10); len(d) != 0 {
		t.Errorf("refused decisions were recorded: %+v", d)
	}
	if after := w.counts(); after != before {
		t.Errorf("refused decisions changed %+v to %+v", before, after)
	}
}

func errorOf[T any](_ T, err error) error { return err }
