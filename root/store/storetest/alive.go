package storetest

import (
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

var aliveTests = map[string]func(*testing.T, *world){
	"Looks":         looks,
	"LookSuspends":  lookSuspends,
	"LookComesLate": lookComesLate,
}

func (w *world) recordLook(l store.EntryLook) bool {
	w.t.Helper()
	l.At = w.clock()
	l.Alive = store.Alive{State: l.State, Since: start, Checked: w.clock(), Silent: time.Hour}
	changed, err := w.RecordLooks(w.t.Context(), []store.EntryLook{l}, 2)
	if err != nil {
		w.t.Fatal(err)
	}
	return changed
}

func (w *world) toLook(since time.Time) (ids []string) {
	w.t.Helper()
	all, err := w.EntriesToLook(w.t.Context(), since, 10)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range all {
		if e.Email == "" || e.Server.Name == "" {
			w.t.Errorf("%+v lacks its owner's address or its server", e)
		}
		ids = append(ids, e.Server.ID)
	}
	return ids
}

func looks(t *testing.T, w *world) {
	a, b := w.approve(w.register(distinct(1)).ID), w.approve(w.register(distinct(2)).ID)
	wantIDs(t, "nobody has looked", w.toLook(start), a.Server.ID, b.Server.ID)
	w.wait(time.Minute)
	for range 3 {
		if w.recordLook(store.EntryLook{Entry: a.Server.ID, Change: a.Change, State: store.ServerSilent, Error: "no answer"}) {
			t.Error("a look changes the list")
		}
	}
	wantIDs(t, "one was looked at", w.toLook(start.Add(time.Minute)), b.Server.ID)
	wantIDs(t, "later", w.toLook(start.Add(time.Hour)), b.Server.ID, a.Server.ID)
	known, history, err := w.Alive(t.Context(), a.Server.ID, 10)
	want := store.Alive{State: store.ServerSilent, Since: start, Checked: w.clock(), Silent: time.Hour}
	if err != nil || known != want || len(history) != 2 || history[0].Error != "no answer" {
		t.Errorf("%+v, %+v, %v", known, history, err)
	}
	if c, err := w.LivingCounts(t.Context(), start); err != nil || c != (store.LivingCounts{Listed: 2, Silent: 1}) {
		t.Errorf("%+v, %v", c, err)
	}
}

func lookSuspends(t *testing.T, w *world) {
	e := w.approve(w.register().ID)
	id := e.Server.ID
	if w.recordLook(store.EntryLook{Entry: id, Change: e.Change, State: store.ServerSilent, Warn: "soon"}) {
		t.Error("a warning changes the list")
	}
	if r := Recorded(t, w, 1)[0]; r.Action != store.ActionWarnDead || r.Detail != "soon" || r.Change != 0 {
		t.Errorf("recorded %+v", r)
	}
	w.wait(time.Minute)
	if !w.recordLook(store.EntryLook{Entry: id, Change: e.Change, State: store.ServerSilent, Suspend: "dead"}) {
		t.Error("the list is another")
	}
	wantIDs(t, "listed", w.listed())
	if r := Recorded(t, w, 1)[0]; r.Admin != audit.Watcher || r.Action != store.ActionRemoveDead || r.Entry != id && r.Subject != id {
		t.Errorf("recorded %+v", r)
	}
	e, err := w.Entry(t.Context(), id)
	if err != nil || e.Suspended == nil || e.Suspended.Admin != audit.Watcher || e.Suspended.Reason != "dead" {
		t.Fatalf("%+v, %v", e, err)
	}
	wantIDs(t, "still looked at", w.toLook(start.Add(time.Hour)), id)
	if c, err := w.LivingCounts(t.Context(), start); err != nil || c != (store.LivingCounts{Suspended: 1}) {
		t.Errorf("%+v, %v", c, err)
	}
	if !w.recordLook(store.EntryLook{Entry: id, Change: e.Change, State: store.ServerAlive, Resume: true}) {
		t.Error("the list is another")
	}
	wantIDs(t, "alive", w.listed(), id)
	w.suspend(id, time.Time{})
	wantIDs(t, "suspended by an admin", w.toLook(start.Add(time.Hour)))
}

// What was seen of an entry that is another by now is held against nobody.
func lookComesLate(t *testing.T, w *world) {
	e := w.approve(w.register().ID)
	moved := w.approve(w.register(described("moved")).ID)
	if w.recordLook(store.EntryLook{Entry: e.Server.ID, Change: e.Change, State: store.ServerSilent, Suspend: "dead"}) {
		t.Error("an entry that has changed is suspended")
	}
	if known, history, err := w.Alive(t.Context(), e.Server.ID, 10); err != nil || known != (store.Alive{}) || len(history) != 1 {
		t.Errorf("known of an entry that has changed: %+v, %+v, %v", known, history, err)
	}
	wantIDs(t, "looked at again", w.toLook(start), e.Server.ID)
	suspended := w.suspend(moved.Server.ID, time.Time{})
	if w.recordLook(store.EntryLook{Entry: e.Server.ID, Change: suspended.Change, State: store.ServerAlive, Resume: true}) {
		t.Error("what an admin has suspended comes back by itself")
	}
	if _, err := w.Revoke(t.Context(), e.Server.ID, "gone", "alice"); err != nil {
		t.Fatal(err)
	}
	if w.recordLook(store.EntryLook{Entry: e.Server.ID, Change: suspended.Change, State: store.ServerAlive, Resume: true}) {
		t.Error("a revoked entry comes back")
	}
	wantIDs(t, "listed", w.listed())
}
