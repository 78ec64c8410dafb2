package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

var blockTests = map[string]func(*testing.T, *world){
	"Blocks": blocks,
	"Most":   mostBlocks,
}

func (w *world) block(kind store.BlockKind, value string, ends time.Time) store.Block {
	w.t.Helper()
	b, err := w.AddBlock(w.t.Context(), store.Block{Kind: kind, Value: value, Reason: "spam", Public: "go away", Admin: "alice", Ends: ends})
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func blocks(t *testing.T, w *world) {
	a := w.block(store.BlockNetwork, "192.0.2.0/24", start.Add(time.Hour))
	want := store.Block{ID: a.ID, Kind: store.BlockNetwork, Value: "192.0.2.0/24", Reason: "spam", Public: "go away", Admin: "alice",
		Created: start, Ends: start.Add(time.Hour)}
	if a != want || a.ID == "" {
		t.Errorf("%+v, want %+v", a, want)
	}
	b := w.block(store.BlockDomain, "spam.example", time.Time{})
	w.wait(time.Minute)
	again := w.block(store.BlockNetwork, "192.0.2.0/24", time.Time{})
	want.Ends = time.Time{}
	if again != want {
		t.Errorf("added again: %+v, want %+v", again, want)
	}
	all, err := w.Blocks(t.Context())
	if err != nil || len(all) != 2 || all[0] != want || all[1] != b {
		t.Errorf("%+v, %v", all, err)
	}
	if err := w.RemoveBlock(t.Context(), b.ID, "bob"); err != nil {
		t.Fatal(err)
	}
	wantError(t, w.RemoveBlock(t.Context(), b.ID, "bob"), store.ErrNotFound)
	wantError(t, w.RemoveBlock(t.Context(), "b099", "bob"), store.ErrNotFound)
	if r := Recorded(t, w, 1)[0]; r.Admin != "bob" || r.Action != store.ActionUnblock || r.Subject != b.ID || r.Detail != "domain spam.example" {
		t.Errorf("recorded %+v", r)
	}
}

func mostBlocks(t *testing.T, w *world) {
	for n := range store.MaxPatterns {
		w.block(store.BlockPattern, fmt.Sprintf("*word%d*", n), time.Time{})
	}
	_, err := w.AddBlock(t.Context(), store.Block{Kind: store.BlockPattern, Value: "*more*", Admin: "alice"})
	if many := wantAs[*store.TooManyError](t, err); many.Most != store.MaxPatterns {
		t.Errorf("%+v", many)
	}
	w.block(store.BlockPattern, "*word7*", time.Time{}) // it is there already
	w.block(store.BlockDomain, "more.example", time.Time{})
}
