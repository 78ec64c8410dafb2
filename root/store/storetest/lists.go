package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

var listTests = map[string]func(*testing.T, *world){
	"Listed":  listed,
	"Mirrors": mirrors,
	"Admins":  admins,
	"Counts":  counts,
}

func listed(t *testing.T, w *world) {
	for i, id := range []string{"zebra", "a-b", "ab", "0", "a"} {
		r := w.register(distinct(i))
		if _, err := w.Approve(t.Context(), store.Approval{Registration: r.ID, Entry: id}); err != nil {
			t.Fatal(err)
		}
	}
	wantIDs(t, "list", w.listed(), "0", "a", "a-b", "ab", "zebra") // by bytes, as readers want it
	e, err := w.Revoke(t.Context(), "ab", "", "alice")
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	change, err := w.Listed(t.Context(), func(_ string, line []byte) error { return errorOf(fmt.Fprintf(&body, "%s\n", line)) })
	if err != nil || change != e.Change {
		t.Errorf("at change %d, %v; want %d", change, err, e.Change)
	}
	var servers []serverlist.Server
	for _, id := range []string{"0", "a", "a-b", "zebra"} {
		e, err := w.Entry(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, e.Server)
	}
	// What is published is what readers and the canonical form demand.
	if want, err := serverlist.EncodeServers(servers); err != nil || !bytes.Equal(body.Bytes(), want) {
		t.Errorf("the list is\n%s, %v; want\n%s", body.Bytes(), err, want)
	}
	stop, calls := errors.New("enough"), 0
	_, err = w.Listed(t.Context(), func(string, []byte) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("each returned an error: %v after %d calls", err, calls)
	}
}

func mirror(id string) serverlist.Mirror {
	return serverlist.Mirror{ID: id, Operator: "Uni <" + id + ">", URLs: []string{"http://" + id + ".example.org/ms/"}}
}

func mirrors(t *testing.T, w *world) {
	ctx := t.Context()
	if got, change, err := w.Mirrors(ctx); len(got) != 0 || change != 0 || err != nil {
		t.Errorf("at first: %+v, %d, %v", got, change, err)
	}
	for i, id := range []string{"wien", "aachen"} {
		change, err := w.AddMirror(ctx, mirror(id), "", "alice")
		if err != nil || change != int64(i+1) {
			t.Fatalf("AddMirror: %d, %v", change, err)
		}
	}
	_, err := w.AddMirror(ctx, mirror("wien"), "", "alice")
	if e := wantAs[*store.TakenError](t, err); e.ID != "wien" {
		t.Errorf("the error names %q", e.ID)
	}
	bad := mirror("bad")
	bad.URLs = []string{"ftp://example.org/"}
	_, err = w.AddMirror(ctx, bad, "", "alice")
	wantAs[*serverlist.FieldError](t, err)
	got, change, err := w.Mirrors(ctx)
	if want := []serverlist.Mirror{mirror("aachen"), mirror("wien")}; err != nil || change != 2 || !reflect.DeepEqual(got, want) {
		t.Errorf("mirrors %+v at %d, %v", got, change, err)
	}
	if change, err := w.RemoveMirror(ctx, "wien", "alice"); err != nil || change != 3 {
		t.Errorf("RemoveMirror: %d, %v", change, err)
	}
	_, err = w.RemoveMirror(ctx, "wien", "alice")
	wantError(t, err, store.ErrNotFound)
	if change, err := w.AddMirror(ctx, mirror("wien"), "", "alice"); err != nil || change != 4 {
		t.Errorf("adding a removed mirror: %d, %v", change, err)
	}
}

func admins(t *testing.T, w *world) {
	ctx := t.Context()
	alice, bob := store.NewToken(), store.NewToken()
	_, err := w.CheckAdmin(ctx, alice)
	wantError(t, err, store.ErrNotFound)
	for name, token := range map[string]store.Token{"alice": alice, "bob": bob} {
		if err := w.AddAdmin(ctx, name, token.Hash()); err != nil {
			t.Fatal(err)
		}
	}
	wantAs[*store.TakenError](t, w.AddAdmin(ctx, "bob", store.NewToken().Hash()))
	for want, token := range map[string]store.Token{"alice": alice, "bob": bob} {
		if name, err := w.CheckAdmin(ctx, token); name != want || err != nil {
			t.Errorf("CheckAdmin: %q, %v; want %q", name, err, want)
		}
	}
	for _, token := range []store.Token{{}, store.NewToken()} {
		name, err := w.CheckAdmin(ctx, token)
		if wantError(t, err, store.ErrNotFound); name != "" {
			t.Errorf("a wrong token is %q", name)
		}
	}
	got, err := w.Admins(ctx)
	if want := []store.Admin{{Name: "alice", Created: start}, {Name: "bob", Created: start}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("admins %+v, %v", got, err)
	}
	if err := w.RemoveAdmin(ctx, "alice"); err != nil {
		t.Fatal(err)
	}
	wantError(t, w.RemoveAdmin(ctx, "alice"), store.ErrNotFound)
	_, err = w.CheckAdmin(ctx, alice)
	wantError(t, err, store.ErrNotFound)
}

func counts(t *testing.T, w *world) {
	if c := w.counts(); c != (store.Counts{}) {
		t.Errorf("at first: %+v", c)
	}
	w.fill(5)
	w.approve("r1")
	entry := w.approve("r2").Server.ID
	if _, err := w.Reject(t.Context(), "r3", "", "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Revoke(t.Context(), entry, "", "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddMirror(t.Context(), mirror("m"), "", "alice"); err != nil {
		t.Fatal(err)
	}
	if c, want := w.counts(), (store.Counts{Pending: 2, Listed: 1, Mirrors: 1, Change: 4}); c != want {
		t.Errorf("counts %+v, want %+v", c, want)
	}
}
