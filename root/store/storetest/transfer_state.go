package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

// A suspended entry comes back as one: with its id and its owner, and out of the
// list until its suspension ends.
func importSuspended(t *testing.T, w *world) {
	ends := start.Add(time.Hour)
	out := line("cat", "one@example.net", distinct(1))
	out.Suspended = &store.Suspension{Reason: "cheats", Ends: ends}
	dead := line("dead", "", distinct(2))
	dead.Suspended = &store.Suspension{Reason: "silent", Admin: audit.Watcher}
	over := line("over", "", distinct(3))
	over.Suspended = &store.Suspension{Reason: "cheats", Ends: start}
	w.wantOutcome("first", atOnce, out, store.ImportSuspended, "cat")
	w.wantOutcome("by the root", atOnce, dead, store.ImportSuspended, "dead")
	w.wantOutcome("over by now", atOnce, over, store.ImportListed, "over")
	wantIDs(t, "listed", w.listed(), "over")
	want := store.Suspension{Entry: "cat", Reason: "cheats", Admin: "alice", Since: start, Ends: ends}
	if e := w.entry("cat"); e.State != store.EntrySuspended || *e.Suspended != want || e.Owner == "" {
		t.Errorf("%+v, %+v", e, e.Suspended)
	}
	if e := w.entry("dead"); e.Suspended.Admin != audit.Watcher || !e.Suspended.Ends.IsZero() {
		t.Errorf("%+v", e.Suspended)
	}
	if r := w.register(distinct(1), mailed("One@example.net")); r.Entry != "cat" {
		t.Errorf("its owner's request is about %q", r.Entry)
	}

	before := w.counts()
	replace := store.ImportHow{Approve: true, Replace: true, Admin: "alice"}
	for what, how := range map[string]store.ImportHow{"again": atOnce, "replacing": replace, "to the queue": {Admin: "alice"}} {
		w.wantOutcome(what, how, out, store.ImportSame, "cat")
		w.wantOutcome(what, how, over, store.ImportSame, "over")
	}
	w.wantOutcome("not suspended there", atOnce, line("cat", "one@example.net", distinct(1)), store.ImportSame, "cat")
	longer, here := out, over
	longer.Suspended = &store.Suspension{Reason: "cheats"}
	here.Suspended = longer.Suspended
	w.wantOutcome("for another time", atOnce, longer, store.ImportConflict, "cat")
	w.wantOutcome("listed here", atOnce, here, store.ImportConflict, "over")
	if after := w.counts(); after != before {
		t.Errorf("%+v, was %+v", after, before)
	}
	w.wantOutcome("for another time, replacing", replace, longer, store.ImportReplaced, "cat")
	w.wantOutcome("listed here, replacing", replace, here, store.ImportReplaced, "over")
	wantIDs(t, "listed", w.listed())
	w.wantOutcome("back, replacing", replace, out, store.ImportReplaced, "cat")
	w.wait(time.Hour)
	if due, err := w.ResumeDue(t.Context(), 10); err != nil || !slices.Equal(due, []string{"cat"}) {
		t.Errorf("%q, %v", due, err)
	}
	wantIDs(t, "listed in the end", w.listed(), "cat")
	w.wantOutcome("after its end", atOnce, out, store.ImportSame, "cat")
}

// What an entry's key may change goes with it; nil says nothing about it.
func importAllowed(t *testing.T, w *world) {
	l := line("cat", "one@example.net", distinct(1))
	for _, test := range []struct {
		what    string
		replace bool
		allowed []string
		outcome store.ImportOutcome
		then    string
	}{
		{"first", false, []string{"version", "addresses"}, store.ImportListed, "addresses version"},
		{"in another order", false, []string{"addresses", "version"}, store.ImportSame, "addresses version"},
		{"nothing said", false, nil, store.ImportSame, "addresses version"},
		{"others", false, []string{"description"}, store.ImportConflict, "addresses version"},
		{"others, replacing", true, []string{"description"}, store.ImportReplaced, "description"},
		{"nothing said, replacing", true, nil, store.ImportSame, "description"},
		{"none, replacing", true, []string{}, store.ImportReplaced, ""},
		{"none again", false, []string{}, store.ImportSame, ""},
	} {
		l.Allowed = test.allowed
		w.wantOutcome(test.what, store.ImportHow{Approve: true, Replace: test.replace, Admin: "alice"}, l, test.outcome, "cat")
		if e := w.entry("cat"); e.Allowed == nil || strings.Join(e.Allowed, " ") != test.then {
			t.Errorf("%s: %q, want %q", test.what, e.Allowed, test.then)
		}
	}
}
