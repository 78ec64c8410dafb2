package storetest

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

var editionTests = map[string]func(*testing.T, *world){
	"Sequence":       editionSequence,
	"CompareAndSwap": compareAndSwap,
	"NewEpoch":       newEpoch,
	"Large":          largeEdition,
	"Confirmation":   confirmation,
	"PastList":       pastList,
}

const servers, mirrorList = serverlist.TypeServerList, serverlist.TypeMirrorList

func edition(typ string, version int64) store.Edition {
	return store.Edition{
		Type: typ, Version: version, Epoch: 2, Issued: time.Unix(version, 0).UTC(),
		Head: []byte("head\x00" + typ), Document: []byte("document"), Entries: int(version),
	}
}

func editionSequence(t *testing.T, w *world) {
	ctx := t.Context()
	_, err := w.NewestEdition(ctx, servers)
	wantError(t, err, store.ErrNotFound)
	if all, err := w.Editions(ctx, servers, 10); len(all) != 0 || err != nil {
		t.Errorf("at first: %+v, %v", all, err)
	}
	previous := int64(0)
	for _, version := range []int64{100, 105, 106, 110} {
		if err := w.PublishEdition(ctx, previous, edition(servers, version)); err != nil {
			t.Fatal(err)
		}
		previous = version
	}
	if err := w.PublishEdition(ctx, 0, edition(mirrorList, 50)); err != nil {
		t.Fatalf("another type: %v", err)
	}
	want := edition(servers, 110)
	want.Published = start
	if got, err := w.NewestEdition(ctx, servers); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("newest %+v, %v; want %+v", got, err, want)
	}
	// The documents of the newest two are there, of older ones the rest.
	for version, kept := range map[int64]bool{110: true, 106: true, 105: false, 100: false} {
		got, err := w.Edition(ctx, servers, version)
		want := edition(servers, version)
		want.Published = start
		if !kept {
			want.Document = nil
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("edition %d: %+v, %v; want %+v", version, got, err, want)
		}
	}
	_, err = w.Edition(ctx, servers, 50)
	wantError(t, err, store.ErrNotFound)
	all, err := w.Editions(ctx, servers, 3)
	if err != nil || len(all) != 3 {
		t.Fatalf("editions %+v, %v", all, err)
	}
	for i, version := range []int64{110, 106, 105} {
		if all[i].Version != version || !bytes.Equal(all[i].Head, want.Head) || all[i].Document != nil {
			t.Errorf("edition %d is %+v, want version %d", i, all[i], version)
		}
	}
}

func compareAndSwap(t *testing.T, w *world) {
	ctx := t.Context()
	refused := func(previous, version int64) {
		t.Helper()
		wantError(t, w.PublishEdition(ctx, previous, edition(servers, version)), store.ErrConflict)
	}
	refused(99, 100)
	if err := w.PublishEdition(ctx, 0, edition(servers, 100)); err != nil {
		t.Fatal(err)
	}
	refused(0, 100)
	refused(0, 200)
	refused(99, 200)
	refused(101, 200)
	if err := w.PublishEdition(ctx, 100, edition(servers, 100)); err == nil {
		t.Error("the same version was published twice")
	}
	if err := w.PublishEdition(ctx, 100, edition(servers, 99)); err == nil {
		t.Error("a lower version was published")
	}
	if err := w.PublishEdition(ctx, 100, edition(servers, 101)); err != nil {
		t.Errorf("after refusals: %v", err)
	}
	if all, err := w.Editions(ctx, servers, 10); err != nil || len(all) != 2 {
		t.Errorf("refused editions were stored: %+v, %v", all, err)
	}
}

// newEpoch begins again at a lower version, as after an edition that a wrong
// clock has dated.
func newEpoch(t *testing.T, w *world) {
	ctx := t.Context()
	publish := func(previous, epoch, version int64) error {
		e := edition(servers, version)
		e.Epoch = epoch
		return w.PublishEdition(ctx, previous, e)
	}
	for _, step := range []struct {
		previous, epoch, version int64
		accepted                 bool
	}{
		{0, 2, 90, true},
		{90, 2, 9000, true},
		{9000, 2, 100, false},
		{9000, 1, 100, false},
		{9000, 3, 9000, false},
		{9000, 3, 0, false},
		{9000, 3, 100, true},
		{100, 3, 99, false},
		{100, 3, 101, true},
	} {
		if err := publish(step.previous, step.epoch, step.version); (err == nil) != step.accepted {
			t.Errorf("%+v: %v", step, err)
		}
		newest, err := w.NewestEdition(ctx, servers)
		if step.accepted && (err != nil || newest.Version != step.version || newest.Document == nil) {
			t.Errorf("%+v: the newest is %+v, %v", step, newest, err)
		}
	}
	all, err := w.Editions(ctx, servers, 10)
	if err != nil || len(all) != 4 {
		t.Fatalf("editions %+v, %v", all, err)
	}
	for i, version := range []int64{101, 100, 9000, 90} {
		got, err := w.Edition(ctx, servers, version)
		if kept := got.Document != nil; all[i].Version != version || err != nil || kept != (i < 2) {
			t.Errorf("edition %d: version %d, want %d; document kept: %v, %v", i, all[i].Version, version, kept, err)
		}
	}
}

func largeEdition(t *testing.T, w *world) {
	ctx := t.Context()
	previous := int64(0)
	for version := int64(1); version <= 4; version++ {
		e := edition(servers, version)
		e.Document = bytes.Repeat([]byte{byte(version)}, 20<<20)
		if err := w.PublishEdition(ctx, previous, e); err != nil {
			t.Fatal(err)
		}
		previous = version
		if got, err := w.NewestEdition(ctx, servers); err != nil || !bytes.Equal(got.Document, e.Document) {
			t.Fatalf("edition %d came back with %d bytes, %v", version, len(got.Document), err)
		}
	}
}

func confirmation(t *testing.T, w *world) {
	ctx := t.Context()
	confirmed := func(typ string, want int64) {
		t.Helper()
		if got, err := w.ConfirmedRemoval(ctx, typ); got != want || err != nil {
			t.Errorf("confirmed %d, %v; want %d", got, err, want)
		}
	}
	confirmed(servers, 0)
	e := wantAs[*store.ConfirmError](t, w.ConfirmRemoval(ctx, servers, 1, "alice")) // nothing has changed yet
	if e.Change != 1 {
		t.Errorf("the error names %+v", e)
	}
	w.fill(7)
	for i := range 7 {
		w.approve(fmt.Sprintf("r%d", i+1))
	}
	for _, change := range []int64{8, math.MaxInt64} {
		wantAs[*store.ConfirmError](t, w.ConfirmRemoval(ctx, servers, change, "alice"))
	}
	confirmed(servers, 0)
	for _, change := range []int64{7, 5} {
		if err := w.ConfirmRemoval(ctx, servers, change, "alice"); err != nil {
			t.Fatal(err)
		}
		confirmed(servers, 7)
	}
	confirmed(mirrorList, 0)
}

// The list of a day ago is known, give or take six hours, until an admin has
// confirmed a loss.
func pastList(t *testing.T, w *world) {
	version := int64(0)
	publish := func(typ string, ids ...string) {
		t.Helper()
		e := edition(typ, version+1)
		e.IDs = ids
		if err := w.PublishEdition(t.Context(), version, e); err != nil {
			t.Fatal(err)
		}
		version++
	}
	past := func(when string, want ...string) {
		t.Helper()
		got, err := w.PastList(t.Context(), servers)
		if err != nil {
			t.Fatal(err)
		}
		wantIDs(t, when, got, want...)
	}
	past("before any edition")
	publish(servers, "a", "b")
	past("the first", "a", "b")
	w.wait(6*time.Hour - 1)
	publish(servers, "b")
	w.wait(time.Second)
	publish(servers, "b", "c")
	past("six hours later", "a", "b")
	w.wait(18 * time.Hour)
	past("a day after the first", "a", "b")
	w.wait(6 * time.Hour)
	past("a day after the second", "b", "c")
	publish(servers)
	past("nothing is listed", "b", "c")
	w.wait(240 * time.Hour)
	past("long after", "b", "c")
	w.register()
	w.approve("r1")
	if err := w.ConfirmRemoval(t.Context(), mirrorList, 1, "alice"); err != nil {
		t.Fatal(err)
	}
	past("what was confirmed is of another list", "b", "c")
	if err := w.ConfirmRemoval(t.Context(), servers, 1, "alice"); err != nil {
		t.Fatal(err)
	}
	past("confirmed")
	publish(servers, "d")
	past("a new beginning", "d")
}
