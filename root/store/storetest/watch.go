package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

var watchTests = map[string]func(*testing.T, *world){
	"Record":   recordChecks,
	"LeaveOut": leaveOut,
	"Outdated": outdatedChecks,
	"Evidence": keepEvidence,
	"Outbox":   outbox,
}

func (w *world) addMirror(id string) store.WatchedMirror {
	w.t.Helper()
	if _, err := w.AddMirror(w.t.Context(), mirror(id), id+"@example.net", "alice"); err != nil {
		w.t.Fatal(err)
	}
	return w.watched(id)
}

func (w *world) watched(id string) store.WatchedMirror {
	w.t.Helper()
	all, err := w.WatchedMirrors(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range all {
		if m.Mirror.ID == id {
			return m
		}
	}
	w.t.Fatalf("there is no mirror %s", id)
	return store.WatchedMirror{}
}

// seen is what a round says of a mirror in this state.
func (w *world) seen(m store.WatchedMirror, state store.MirrorState, n int) store.Seen {
	at := w.clock()
	watch := m.Watch
	watch.State, watch.Checked = state, at
	return store.Seen{Mirror: m.Mirror.ID, Change: m.Change, Watch: watch, Check: store.MirrorCheck{
		At: at, State: state, URL: m.Mirror.URLs[0], Version: int64(n), Epoch: 1, Issued: at.Add(-time.Hour),
		Took: 1500 * time.Millisecond, Error: fmt.Sprintf("check %d", n),
	}}
}

func (w *world) record(seen ...store.Seen) int64 {
	w.t.Helper()
	change, err := w.RecordChecks(w.t.Context(), seen, 3)
	if err != nil {
		w.t.Fatal(err)
	}
	return change
}

func recordChecks(t *testing.T, w *world) {
	m := w.addMirror("wien")
	if m.Watch.State != store.MirrorNew || !m.Last.At.IsZero() || m.Email != "wien@example.net" {
		t.Errorf("at first: %+v", m)
	}
	var last store.Seen
	for n := range 5 {
		w.wait(time.Minute)
		last = w.seen(m, store.MirrorStale, n)
		last.Watch.Since, last.Watch.IllFor, last.Watch.Drops = w.clock(), time.Minute, n
		last.Watch.WrongFor, last.Watch.WellFor = time.Second, time.Hour
		if change := w.record(last); change != 0 {
			t.Errorf("change %d", change)
		}
	}
	got := w.watched("wien")
	if got.Watch != last.Watch || got.Last != last.Check {
		t.Errorf("got %+v\nwant %+v", got, last)
	}
	history, err := w.MirrorChecks(t.Context(), "wien", 10)
	if err != nil || len(history) != 3 || history[0] != last.Check || history[2].Version != 2 {
		t.Errorf("history %+v, %v", history, err)
	}
	if _, err := w.RemoveMirror(t.Context(), "wien", "alice"); err != nil {
		t.Fatal(err)
	}
	if history, err := w.MirrorChecks(t.Context(), "wien", 10); err != nil || len(history) != 0 {
		t.Errorf("the history of a removed mirror: %+v, %v", history, err)
	}
}

func leaveOut(t *testing.T, w *world) {
	a, b := w.addMirror("a"), w.addMirror("b")
	w.addMirror("c")
	out := func(m store.WatchedMirror) store.Seen {
		s := w.seen(m, store.MirrorWrong, 1)
		s.Watch.LeftOut = w.clock()
		return s
	}
	if change := w.record(out(a), out(b)); change != 4 {
		t.Errorf("leaving two out is change %d, want one of its own, 4", change)
	}
	listed, change, err := w.Mirrors(t.Context())
	if err != nil || change != 4 || len(listed) != 1 || listed[0].ID != "c" {
		t.Errorf("listed %+v at %d, %v", listed, change, err)
	}
	if c := w.counts(); c.Mirrors != 3 || c.LeftOut != 2 {
		t.Errorf("counts %+v", c)
	}
	a = w.watched("a")
	if !a.Watch.LeftOut.Equal(w.clock()) {
		t.Errorf("%+v", a.Watch)
	}
	if change := w.record(w.seen(a, store.MirrorWrong, 2)); change != 0 {
		t.Errorf("still left out is change %d", change)
	}
	in := w.seen(a, store.MirrorWell, 3)
	in.Watch.LeftOut = time.Time{}
	if change := w.record(in); change != 5 {
		t.Errorf("taking in is change %d, want 5", change)
	}
	d := Recorded(t, w, 3)
	if len(d) != 3 || d[0].Action != store.ActionTakeIn || d[0].Subject != "a" || d[0].Change != 5 || d[0].Admin != audit.Watcher ||
		d[1].Action != store.ActionLeaveOut || d[1].Subject != "b" || d[2].Subject != "a" || d[2].Change != 4 {
		t.Errorf("recorded %+v", d)
	}
}

// What is about a mirror as it was says nothing of what it is now.
func outdatedChecks(t *testing.T, w *world) {
	before := w.addMirror("a")
	if _, err := w.RemoveMirror(t.Context(), "a", "alice"); err != nil {
		t.Fatal(err)
	}
	s := w.seen(before, store.MirrorWrong, 1)
	s.Watch.LeftOut = w.clock()
	if change := w.record(s); change != 0 {
		t.Errorf("a removed mirror: change %d", change)
	}
	w.addMirror("a")
	if change := w.record(s); change != 0 {
		t.Errorf("a mirror that was added again: change %d", change)
	}
	if m := w.watched("a"); m.Watch.State != store.MirrorNew || !m.Last.At.IsZero() {
		t.Errorf("%+v", m)
	}
}

func keepEvidence(t *testing.T, w *world) {
	m := w.addMirror("a")
	s := w.seen(m, store.MirrorForked, 1)
	e := store.Evidence{At: w.clock(), Mirror: "a", URL: "http://a.example/", Held: []byte("one\n"), Served: []byte("two\n")}
	s.Evidence = []store.Evidence{e}
	w.record(s)
	w.wait(time.Hour)
	s.Evidence[0].At = w.clock() // the same pair again
	w.record(s)
	if _, err := w.RemoveMirror(t.Context(), "a", "alice"); err != nil {
		t.Fatal(err)
	}
	for _, mirror := range []string{"a", ""} {
		got, err := w.Evidence(t.Context(), mirror, 10)
		if err != nil || !reflect.DeepEqual(got, []store.Evidence{e}) {
			t.Errorf("evidence of %q: %+v, %v", mirror, got, err)
		}
	}
	if got, err := w.Evidence(t.Context(), "b", 10); err != nil || len(got) != 0 {
		t.Errorf("evidence of another: %+v, %v", got, err)
	}
}

func outbox(t *testing.T, w *world) {
	ctx := t.Context()
	m := w.addMirror("a")
	s := w.seen(m, store.MirrorStale, 1)
	s.Messages = []store.Message{
		{Key: "k1", Recipient: "a@example.net", Subject: "S", Body: "B\n"},
		{Key: "k2", Recipient: "b@example.net", Subject: "S", Body: "B\n"},
	}
	w.record(s)
	w.record(s) // nobody is told twice
	due, err := w.DueMessages(ctx, store.ByMail, w.clock(), 10)
	if err != nil || len(due) != 2 || due[0].Key != "k1" || due[0].Recipient != "a@example.net" || due[0].Body != "B\n" || !due[0].Created.Equal(w.clock()) {
		t.Fatalf("due %+v, %v", due, err)
	}
	due[0].Tries, due[0].Done = 1, w.clock()
	due[1].Tries, due[1].Next, due[1].Error = 1, w.clock().Add(time.Hour), "no route"
	for _, m := range due {
		if err := w.SettleMessage(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	if c := w.counts(); c.Messages != 1 {
		t.Errorf("counts %+v", c)
	}
	if again, err := w.DueMessages(ctx, store.ByMail, w.clock(), 10); err != nil || len(again) != 0 {
		t.Errorf("due too early: %+v, %v", again, err)
	}
	w.wait(time.Hour)
	if again, err := w.DueMessages(ctx, store.ByMail, w.clock(), 10); err != nil || len(again) != 1 || again[0] != due[1] {
		t.Errorf("due %+v, want %+v, %v", again, due[1], err)
	}
	if err := w.PutMessages(ctx, []store.Message{{Key: "k1", Recipient: "x"}, {Key: "k3", Recipient: "c"}}); err != nil {
		t.Fatal(err)
	}
	if all, err := w.Messages(ctx, 10); err != nil || len(all) != 3 || all[0].Key != "k3" || all[2] != due[0] {
		t.Errorf("messages %+v, %v", all, err)
	}
	if n, err := w.PruneMessages(ctx, w.clock()); err != nil || n != 1 {
		t.Errorf("PruneMessages: %d, %v", n, err)
	}
	wantError(t, w.SettleMessage(ctx, store.Message{ID: 99}), store.ErrNotFound)
}
