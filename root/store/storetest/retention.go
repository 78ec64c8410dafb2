package storetest

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

var retentionTests = map[string]func(*testing.T, *world){
	"Sources":        forgetSources,
	"Emails":         forgetEmails,
	"EmailsOfMirror": forgetEmailsOfMirrors,
	"Reports":        forgetReports,
	"ByEmail":        forgetByEmail,
	"ByID":           forgetByID,
	"BySource":       forgetBySource,
	"Nobody":         forgetNobody,
	"Restore":        recordRestore,
}

// forgets calls one of the methods that forget by age until it has nothing to
// do, and wants as many as that each time.
func (w *world) forgets(what string, f func(context.Context, time.Time, int) (int, error), before time.Time, limit int, want ...int) {
	w.t.Helper()
	for i, want := range append(want, 0) {
		if n, err := f(w.t.Context(), before, limit); err != nil || n != want {
			w.t.Errorf("%s, step %d: %d, want %d: %v", what, i, n, want, err)
		}
	}
}

func forgetSources(t *testing.T, w *world) {
	waits, listed := w.register(distinct(1)).ID, w.register(distinct(2), from("2001:db8::1")).ID
	entry := w.approve(listed).Server.ID
	mirror := w.registerMirror("m")
	report := store.Report{Entry: entry, Kind: "dead", Text: "first"}
	for _, source := range []string{"192.0.2.8", "192.0.2.9"} {
		if err := w.AddReport(t.Context(), report, netip.MustParseAddr(source)); err != nil {
			t.Fatal(err)
		}
	}
	w.wait(time.Hour)
	w.register(distinct(1)) // sent again: it is as old as its newest request
	young := w.register(distinct(3)).ID
	w.forgets("too early", w.ForgetSources, start, 10)
	w.forgets("in steps", w.ForgetSources, start.Add(time.Minute), 1, 3, 1)
	for id, want := range map[string]bool{waits: true, listed: false, young: true} {
		if r := w.review(id); r.Source.IsValid() != want || r.LastSource.IsValid() != want || r.Email == "" {
			t.Errorf("%s came from %v, %v; kept: %v", id, r.Source, r.LastSource, want)
		}
	}
	if r, err := w.ReviewMirror(t.Context(), mirror.ID); err != nil || r.Source.IsValid() {
		t.Errorf("the mirror's came from %v, %v", r.Source, err)
	}
	// Nobody knows any more who has reported what; so a report stays that was
	// there before, and the next one has no other to take the place of.
	if err := w.AddReport(t.Context(), report, netip.MustParseAddr("192.0.2.8")); err != nil {
		t.Error(err)
	}
	if all, err := w.OpenReports(t.Context()); err != nil || len(all) != 3 {
		t.Errorf("%+v, %v", all, err)
	}
}

func forgetEmails(t *testing.T, w *world) {
	o := w.owner(distinct(1))
	rejected, revoked, listed, waits := w.register(distinct(2)).ID, w.register(distinct(3)).ID, w.register(distinct(4)).ID, w.register(distinct(5)).ID
	if _, err := w.Reject(t.Context(), rejected, "no", "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Revoke(t.Context(), w.approve(revoked).Server.ID, "gone", "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Withdraw(t.Context(), o.id, o.token, elsewhere); err != nil {
		t.Fatal(err)
	}
	w.approve(listed)
	if _, err := w.AddNote(t.Context(), store.Note{Kind: store.NoteRegistration, About: rejected, Admin: "alice", Text: "calls himself Cat"}); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Hour)
	w.forgets("too early", w.ForgetEmails, start, 10)
	w.forgets("addresses, and a note with the last", w.ForgetEmails, w.clock(), 2, 3, 1)
	for id, want := range map[string]string{o.id: "", rejected: "", revoked: "", listed: "cat@example.net", waits: "cat@example.net"} {
		if r := w.review(id); r.Email != want || r.Server.Name == "" {
			t.Errorf("%s is of %q, want %q", id, r.Email, want)
		}
	}
	if again := w.register(distinct(2)); again.ID == rejected {
		t.Error("a rejected request came back")
	}
}

func forgetEmailsOfMirrors(t *testing.T, w *world) {
	r := w.registerMirror("m")
	if _, err := w.RejectMirror(t.Context(), r.ID, "no", "alice", nil); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Hour)
	w.forgets("mirrors", w.ForgetEmails, w.clock(), 10, 1)
	if got, err := w.ReviewMirror(t.Context(), r.ID); err != nil || got.Email != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func forgetReports(t *testing.T, w *world) {
	id := w.approve(w.register().ID).Server.ID
	for _, source := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
		if err := w.AddReport(t.Context(), store.Report{Entry: id, Kind: "dead"}, netip.MustParseAddr(source)); err != nil {
			t.Fatal(err)
		}
	}
	w.wait(time.Hour)
	w.forgets("open ones", w.ForgetReports, w.clock(), 10)
	if _, err := w.ResolveReports(t.Context(), id, "it is back", "alice"); err != nil {
		t.Fatal(err)
	}
	w.forgets("too early", w.ForgetReports, w.clock(), 10)
	w.wait(time.Hour)
	w.forgets("resolved", w.ForgetReports, w.clock(), 2, 2, 1)

	// What was noted down about a request goes when the request is gone.
	gone := w.register(distinct(1)).ID
	if _, err := w.AddNote(t.Context(), store.Note{Kind: store.NoteRegistration, About: gone, Admin: "alice", Text: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reject(t.Context(), gone, "no", "alice"); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Hour)
	w.forgets("a note", w.ForgetReports, w.clock(), 10)
	if n, err := w.Prune(t.Context(), w.clock(), 10); err != nil || n != 1 {
		t.Fatalf("Prune: %d, %v", n, err)
	}
	w.forgets("a note about nobody", w.ForgetReports, w.clock(), 10, 1)
}

// A person is nobody afterwards, and what is listed stays.
func forgetByEmail(t *testing.T, w *world) {
	waits, rejected, listed := w.register(distinct(1)).ID, w.register(distinct(2)).ID, w.register(distinct(3)).ID
	other := w.register(distinct(4), mailed("dog@example.net")).ID
	if _, err := w.Reject(t.Context(), rejected, "no", "alice"); err != nil {
		t.Fatal(err)
	}
	entry := w.approve(listed).Server.ID
	mirror := w.registerMirror("m", func(r *store.MirrorRequest) { r.Email = "Cat@example.net" })
	messages := []store.Message{
		{Key: "a", Recipient: "cat@example.net", Subject: "s", Body: "b"},
		{Key: "b", Recipient: "admin@example.org", Subject: "s", Body: "of cat@example.net"},
		{Key: "c", Recipient: "dog@example.net", Subject: "s", Body: "b"},
	}
	if err := w.PutMessages(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	got, err := w.Forget(t.Context(), store.Person{Email: strings.ToUpper("cat@example.net")}, "alice")
	if err != nil || got.Removed != 3 || got.Blanked != 1 || got.Messages != 2 || len(got.Entries) != 1 || got.Entries[0] != entry {
		t.Errorf("%+v, %v", got, err)
	}
	for _, id := range []string{waits, rejected} {
		_, err := w.Review(t.Context(), id)
		wantError(t, err, store.ErrNotFound)
	}
	_, err = w.ReviewMirror(t.Context(), mirror.ID)
	wantError(t, err, store.ErrNotFound)
	if r := w.review(listed); r.Email != "" || r.Source.IsValid() {
		t.Errorf("%+v", r.Registration)
	}
	wantIDs(t, "list", w.listed(), entry)
	wantIDs(t, "queue", w.pending(), other)
	if c := w.counts(); c.Pending != 1 || c.PendingMirrors != 0 || c.Messages != 1 {
		t.Errorf("%+v", c)
	}
	if again := w.register(distinct(3)); again.Entry != "" {
		t.Error("who was forgotten is known as the owner")
	}
	d := Recorded(t, w, 1)[0]
	if d.Action != store.ActionForget || d.Admin != "alice" || strings.Contains(d.Subject+d.Entry+d.Detail, "cat") {
		t.Errorf("recorded %+v", d)
	}
}

func forgetByID(t *testing.T, w *world) {
	waits, listed := w.register(distinct(1)).ID, w.register(distinct(2)).ID
	entry := w.approve(listed).Server.ID
	mirror := w.registerMirror("m").ID
	for id, want := range map[string]store.Forgotten{
		waits:  {Removed: 1},
		entry:  {Blanked: 1},
		mirror: {Removed: 1},
	} {
		got, err := w.Forget(t.Context(), store.Person{ID: id}, "alice")
		if err != nil || got.Removed != want.Removed || got.Blanked != want.Blanked || (got.Entries != nil) != (id == entry) {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	if r := w.review(listed); r.Email != "" || r.Status != store.Approved {
		t.Errorf("%+v", r.Registration)
	}
	if c := w.counts(); c.Pending != 0 || c.PendingMirrors != 0 || c.Listed != 1 {
		t.Errorf("%+v", c)
	}
}

func forgetBySource(t *testing.T, w *world) {
	mine, other := w.register(distinct(1), from("::ffff:198.51.100.7")).ID, w.register(distinct(2)).ID
	entry := w.approve(other).Server.ID
	if err := w.AddReport(t.Context(), store.Report{Entry: entry, Kind: "dead"}, elsewhere); err != nil {
		t.Fatal(err)
	}
	got, err := w.Forget(t.Context(), store.Person{Source: elsewhere}, "alice")
	if err != nil || got.Blanked != 1 || got.Reports != 1 || got.Removed != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if r := w.review(mine); r.Source.IsValid() || r.Email == "" || r.Status != store.Pending {
		t.Errorf("%+v", r.Registration)
	}
	if r := w.review(other); !r.Source.IsValid() {
		t.Errorf("another's source is gone: %+v", r.Registration)
	}
}

func forgetNobody(t *testing.T, w *world) {
	w.register()
	before := w.counts()
	for _, whom := range []store.Person{
		{}, {Email: "nobody@example.net"}, {ID: "r99"}, {ID: "m1"}, {ID: "nobody"}, {Source: netip.MustParseAddr("203.0.113.1")},
	} {
		_, err := w.Forget(t.Context(), whom, "alice")
		wantError(t, err, store.ErrNotFound)
	}
	if after := w.counts(); after != before {
		t.Errorf("%+v, was %+v", after, before)
	}
	w.wantIntact(0)
}

// A restored database says so, and its next change is one that no edition has.
func recordRestore(t *testing.T, w *world) {
	w.approve(w.register().ID)
	before := w.counts()
	if err := w.RecordRestore(t.Context(), "backup of 2026-11-01T00:00:00Z"); err != nil {
		t.Fatal(err)
	}
	before.Change++
	if after := w.counts(); after != before {
		t.Errorf("%+v, want %+v", after, before)
	}
	if d := Recorded(t, w, 1)[0]; d.Action != store.ActionRestore || d.Admin != "" || d.Detail != "backup of 2026-11-01T00:00:00Z" || d.Change != before.Change {
		t.Errorf("recorded %+v", d)
	}
	change, err := w.Listed(t.Context(), func(string, []byte) error { return nil })
	if err != nil || change != before.Change {
		t.Errorf("the list is of change %d, want %d: %v", change, before.Change, err)
	}
	w.wantIntact(2)
}
