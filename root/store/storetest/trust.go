package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

var trustTests = map[string]func(*testing.T, *world){
	"Sequence":   trustSequence,
	"WithLists":  trustWithLists,
	"Refused":    trustRefused,
	"Race":       trustRace,
	"IsDurable":  trustIsDurable,
	"IsRecorded": trustIsRecorded,
}

func trustDocument(version int64) store.TrustDocument {
	return store.TrustDocument{Version: version, Document: fmt.Appendf(nil, "trust %d\x00", version)}
}

// succession is the trust documents of these numbers.
func succession(admin string, versions ...int64) store.Succession {
	s := store.Succession{Admin: admin}
	for _, v := range versions {
		s.Documents = append(s.Documents, trustDocument(v))
	}
	return s
}

// wantTrust checks the trust documents from one number on.
func (w *world) wantTrust(from int64, versions ...int64) {
	w.t.Helper()
	got, err := w.Trust(w.t.Context(), from)
	var want []store.TrustDocument
	for _, v := range versions {
		d := trustDocument(v)
		d.Published = start
		want = append(want, d)
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		w.t.Errorf("trust documents from %d on: %+v, %v; want %+v", from, got, err, want)
	}
}

func trustSequence(t *testing.T, w *world) {
	w.wantTrust(1)
	for _, s := range []store.Succession{succession("", 1), succession("alice", 2, 3, 4)} {
		if err := w.PublishTrust(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	w.wantTrust(0, 1, 2, 3, 4)
	w.wantTrust(3, 3, 4)
	w.wantTrust(5)
}

func trustWithLists(t *testing.T, w *world) {
	ctx := t.Context()
	if err := w.PublishEdition(ctx, 0, edition(servers, 100)); err != nil {
		t.Fatal(err)
	}
	s := succession("alice", 1)
	s.Lists = []store.Swap{
		{Previous: 0, Edition: edition(mirrorList, 50)},
		{Previous: 100, Edition: edition(servers, 101)},
	}
	if err := w.PublishTrust(ctx, s); err != nil {
		t.Fatal(err)
	}
	w.wantTrust(1, 1)
	for typ, version := range map[string]int64{mirrorList: 50, servers: 101} {
		want := edition(typ, version)
		want.Published = start
		if got, err := w.NewestEdition(ctx, typ); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("newest %s %+v, %v; want %+v", typ, got, err, want)
		}
	}
	wantError(t, w.PublishEdition(ctx, 100, edition(servers, 102)), store.ErrConflict)
}

// What is refused leaves nothing of itself.
func trustRefused(t *testing.T, w *world) {
	ctx := t.Context()
	s := succession("", 1)
	s.Lists = []store.Swap{{Previous: 0, Edition: edition(mirrorList, 50)}, {Previous: 0, Edition: edition(servers, 100)}}
	if err := w.PublishTrust(ctx, s); err != nil {
		t.Fatal(err)
	}
	swap := func(s store.Succession, previous, version int64) store.Succession {
		s.Lists = []store.Swap{{Previous: 50, Edition: edition(mirrorList, 60)}, {Previous: previous, Edition: edition(servers, version)}}
		return s
	}
	for what, test := range map[string]struct {
		s        store.Succession
		conflict bool
	}{
		"the same document":       {succession("alice", 1), true},
		"a gap to the newest":     {succession("alice", 3), true},
		"two, the first is there": {succession("alice", 1, 2), true},
		"a list changed":          {swap(succession("alice", 2), 99, 101), true},
		"no list was there":       {swap(succession("alice", 2), 0, 101), true},
		"a lower version":         {swap(succession("alice", 2), 100, 100), false},
		"nothing":                 {store.Succession{Admin: "alice"}, false},
		"a gap":                   {succession("alice", 2, 4), false},
		"document 0":              {succession("alice", 0), false},
	} {
		if err := w.PublishTrust(ctx, test.s); err == nil || errors.Is(err, store.ErrConflict) != test.conflict {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.wantTrust(1, 1)
	for typ, version := range map[string]int64{mirrorList: 50, servers: 100} {
		if all, err := w.Editions(ctx, typ, 10); err != nil || len(all) != 1 || all[0].Version != version {
			t.Errorf("%s: %+v, %v", typ, all, err)
		}
	}
	if d := Recorded(t, w, 10); len(d) != 0 {
		t.Errorf("refused decisions were recorded: %+v", d)
	}
	if err := w.PublishTrust(ctx, swap(succession("alice", 2), 100, 101)); err != nil {
		t.Errorf("after refusals: %v", err)
	}
}

// Trust documents and editions of several processes: each number is given
// once, and nobody's edition slips in between.
func trustRace(t *testing.T, w *world) {
	const rounds = 4
	for round := range int64(rounds) {
		errs := w.each(8, func(i int, s store.Store) error {
			if i%2 == 0 {
				return s.PublishEdition(t.Context(), round, edition(servers, round+1))
			}
			n := succession("", round+1)
			n.Lists = []store.Swap{{Previous: round, Edition: edition(servers, round+1)}}
			return s.PublishTrust(t.Context(), n)
		})
		wantFew(t, errs, 1, isErr(store.ErrConflict))
		// Whoever won, the next round begins at one state.
		if docs, err := w.Trust(t.Context(), round+1); err != nil {
			t.Fatal(err)
		} else if len(docs) == 0 {
			if err := w.PublishTrust(t.Context(), succession("", round+1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if all, err := w.Editions(t.Context(), servers, 100); err != nil || len(all) != rounds {
		t.Errorf("%d editions, %v; want %d", len(all), err, rounds)
	}
	w.wantTrust(1, 1, 2, 3, 4)
}

func trustIsDurable(t *testing.T, w *world) {
	s := succession("alice", 1, 2)
	if err := w.PublishTrust(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Store = w.another()
	w.wantTrust(1, 1, 2)
}

func trustIsRecorded(t *testing.T, w *world) {
	for _, s := range []store.Succession{succession("", 1), succession("alice", 2)} {
		if err := w.PublishTrust(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	want := []audit.Event{decision(start, "alice", store.ActionPublishTrust, "trust/2", "", "", 0)}
	if got := events(Recorded(t, w, 10)); !reflect.DeepEqual(got, want) {
		t.Errorf("recorded %+v; want %+v", got, want)
	}
}
