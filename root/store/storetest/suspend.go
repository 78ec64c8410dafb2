package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

var suspendTests = map[string]func(*testing.T, *world){
	"Suspend":   suspend,
	"Keeps":     suspendedKeeps,
	"ResumeDue": resumeDue,
	"Notes":     notes,
	"Entries":   entries,
}

func (w *world) suspend(entry string, ends time.Time) store.Entry {
	w.t.Helper()
	e, err := w.Suspend(w.t.Context(), store.Suspension{Entry: entry, Reason: "cheats", Ends: ends, Admin: "alice"})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func suspend(t *testing.T, w *world) {
	a, b := w.approve(w.register(distinct(1)).ID), w.approve(w.register(distinct(2)).ID)
	id := a.Server.ID
	w.wait(time.Minute)
	e := w.suspend(id, time.Time{})
	want := store.Suspension{Entry: id, Reason: "cheats", Admin: "alice", Since: w.clock()}
	if e.State != store.EntrySuspended || e.Suspended == nil || *e.Suspended != want || e.Change <= b.Change {
		t.Errorf("%+v, %+v", e, e.Suspended)
	}
	wantIDs(t, "listed", w.listed(), b.Server.ID)
	if n := w.counts().Listed; n != 1 {
		t.Errorf("%d are counted as listed", n)
	}
	w.wait(time.Minute)
	again := w.suspend(id, w.clock().Add(time.Hour))
	if again.Change != e.Change || !again.Suspended.Since.Equal(want.Since) || again.Suspended.Ends.IsZero() {
		t.Errorf("suspended again: %+v, %+v; no list says anything else", again, again.Suspended)
	}
	back, err := w.Resume(t.Context(), id, "bob")
	if err != nil || back.State != store.EntryListed || back.Suspended != nil || back.Change <= e.Change {
		t.Errorf("resumed: %+v, %v", back, err)
	}
	wantIDs(t, "listed again", w.listed(), id, b.Server.ID)
	_, err = w.Resume(t.Context(), id, "bob")
	wantAs[*store.NotSuspendedError](t, err)
	_, err = w.Resume(t.Context(), "nobody", "bob")
	wantError(t, err, store.ErrNotFound)
	_, err = w.Suspend(t.Context(), store.Suspension{Entry: "nobody", Admin: "bob"})
	wantError(t, err, store.ErrNotFound)

	w.suspend(id, time.Time{})
	if _, err := w.Revoke(t.Context(), id, "collects passwords", "alice"); err != nil {
		t.Fatal(err)
	}
	_, err = w.Resume(t.Context(), id, "bob")
	wantAs[*store.DecidedError](t, err)
	_, err = w.Suspend(t.Context(), store.Suspension{Entry: id, Admin: "bob"})
	wantAs[*store.DecidedError](t, err)
	if e, err := w.Entry(t.Context(), id); err != nil || e.State != store.EntryRevoked || e.Suspended != nil {
		t.Errorf("revoked: %+v, %v", e, err)
	}
}

// A suspended entry keeps what is its own: its id, its name, and its owner's way
// to correct it, which does not list it.
func suspendedKeeps(t *testing.T, w *world) {
	id := w.approve(w.register().ID).Server.ID
	w.suspend(id, time.Time{})
	if c := w.review(w.register(mailed("m@example.org")).ID).Conflicts; len(c) == 0 || c[0].Entry != id {
		t.Errorf("a claim to its name: %+v", c)
	}
	r := w.register(described("put right"))
	if r.Entry != id {
		t.Fatalf("the owner's request updates %q", r.Entry)
	}
	if e := w.approve(r.ID); e.Server.ID != id || e.State != store.EntrySuspended || e.Server.Description != "put right" {
		t.Errorf("updated: %+v", e)
	}
	wantIDs(t, "listed", w.listed())
}

func resumeDue(t *testing.T, w *world) {
	a, b, c := w.approve(w.register(distinct(1)).ID).Server.ID, w.approve(w.register(distinct(2)).ID).Server.ID, w.approve(w.register(distinct(3)).ID).Server.ID
	w.suspend(a, w.clock().Add(time.Hour))
	w.suspend(b, w.clock().Add(2*time.Hour))
	w.suspend(c, time.Time{})
	for _, step := range []struct {
		after time.Duration
		want  []string
	}{{time.Hour - time.Second, nil}, {time.Second, []string{a}}, {0, nil}, {time.Hour, []string{b}}, {10000 * time.Hour, nil}} {
		w.wait(step.after)
		got, err := w.ResumeDue(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		wantIDs(t, fmt.Sprint("after ", step.after), got, step.want...)
	}
	wantIDs(t, "listed", w.listed(), a, b)
	if r := Recorded(t, w, 1)[0]; r.Admin != audit.Watcher || r.Action != store.ActionResume || r.Entry != b && r.Subject != b {
		t.Errorf("recorded %+v", r)
	}
}

func notes(t *testing.T, w *world) {
	r := w.register()
	e := w.approve(r.ID).Server.ID
	for _, n := range []store.Note{
		{Kind: store.NoteRegistration, About: r.ID, Admin: "alice", Text: "asked by mail"},
		{Kind: store.NoteEntry, About: e, Admin: "bob", Text: "moved twice"},
		{Kind: store.NoteEntry, About: e, Admin: "alice", Text: "and again"},
	} {
		if got, err := w.AddNote(t.Context(), n); err != nil || got.Text != n.Text || !got.At.Equal(start) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	all, err := w.Notes(t.Context(), store.NoteEntry, e)
	if err != nil || len(all) != 2 || all[0].Admin != "bob" || all[1].Text != "and again" {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := w.Notes(t.Context(), store.NoteEntry, r.ID); err != nil || len(all) != 0 {
		t.Errorf("a registration's note is that of no entry: %+v, %v", all, err)
	}
	if rec := Recorded(t, w, 1)[0]; rec.Action != store.ActionNote || rec.Subject != e || rec.Detail != "" {
		t.Errorf("recorded %+v", rec)
	}
	for _, n := range []store.Note{{Kind: store.NoteEntry, About: "nobody"}, {Kind: store.NoteRegistration, About: "r99"}, {Kind: store.NoteRegistration, About: "x"}} {
		_, err := w.AddNote(t.Context(), n)
		wantError(t, err, store.ErrNotFound)
	}
}

func entries(t *testing.T, w *world) {
	a, b, c := w.approve(w.register(distinct(1)).ID), w.approve(w.register(distinct(2), playing("chess")).ID), w.approve(w.register(distinct(3)).ID)
	w.suspend(b.Server.ID, time.Time{})
	if _, err := w.Revoke(t.Context(), c.Server.ID, "gone", "alice"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		f    store.EntryFilter
		want []string
	}{
		{store.EntryFilter{}, []string{a.Server.ID, b.Server.ID, c.Server.ID}},
		{store.EntryFilter{State: store.EntryListed}, []string{a.Server.ID}},
		{store.EntryFilter{State: store.EntrySuspended}, []string{b.Server.ID}},
		{store.EntryFilter{State: store.EntryRevoked}, []string{c.Server.ID}},
		{store.EntryFilter{Game: "crossfire"}, []string{a.Server.ID, c.Server.ID}},
		{store.EntryFilter{Game: "go"}, nil},
	} {
		var got []string
		err := w.Entries(t.Context(), test.f, func(e store.Entry) error { got = append(got, e.Server.ID); return nil })
		if err != nil {
			t.Fatal(err)
		}
		wantIDs(t, fmt.Sprintf("%+v", test.f), got, test.want...)
	}
	if all, err := w.RegistrationsOf(t.Context(), a.Server.ID, 5); err != nil || len(all) != 1 || all[0].ID != a.Registration {
		t.Errorf("registrations of an entry: %+v, %v", all, err)
	}
}
