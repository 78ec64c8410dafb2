package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

var mirrorTests = map[string]func(*testing.T, *world){
	"SameRequest":   sameMirrorRequest,
	"Conflicts":     mirrorConflicts,
	"Limits":        mirrorLimits,
	"Status":        mirrorStatus,
	"Approve":       approveMirror,
	"ApproveUpdate": approveMirrorUpdate,
	"URLTaken":      mirrorURLTaken,
	"Reject":        rejectMirror,
	"TellDecision":  tellMirrorDecision,
	"Reopen":        reopenMirrors,
}

func mirrorRequest(id string, changes ...func(*store.MirrorRequest)) store.MirrorRequest {
	r := store.MirrorRequest{
		Mirror: mirror(id),
		Email:  id + "@example.net",
		Source: netip.MustParseAddr("192.0.2.1"),
		Token:  store.NewToken().Hash(),
	}
	for _, c := range changes {
		c(&r)
	}
	return r
}

func mirrorMailed(email string) func(*store.MirrorRequest) {
	return func(r *store.MirrorRequest) { r.Email = email }
}

func mirrorAt(urls ...string) func(*store.MirrorRequest) {
	return func(r *store.MirrorRequest) { r.Mirror.URLs = urls }
}

func (w *world) registerMirror(id string, changes ...func(*store.MirrorRequest)) store.MirrorRegistration {
	w.t.Helper()
	r, err := w.RegisterMirror(w.t.Context(), mirrorRequest(id, changes...), unlimited)
	if err != nil {
		w.t.Fatalf("RegisterMirror: %v", err)
	}
	return r
}

func (w *world) pendingMirrors() []store.MirrorReview {
	w.t.Helper()
	var all []store.MirrorReview
	if err := w.PendingMirrors(w.t.Context(), func(r store.MirrorReview) error { all = append(all, r); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return all
}

func sameMirrorRequest(t *testing.T, w *world) {
	first := w.registerMirror("wien")
	if first.ID != "m1" || first.Status != store.Pending || first.Revision != 1 || first.Requests != 1 || first.Mirror.ID != "wien" {
		t.Errorf("registration %+v", first)
	}
	again := w.registerMirror("wien", mirrorMailed("WIEN@example.net"))
	if again.ID != "m1" || again.Requests != 2 || again.Revision != 1 {
		t.Errorf("the same again: %+v", again)
	}
	moved := w.registerMirror("wien", mirrorAt("http://other.example/"))
	if moved.ID != "m1" || moved.Revision != 2 || moved.Mirror.URLs[0] != "http://other.example/" {
		t.Errorf("changed: %+v", moved)
	}
	if c := w.counts(); c.PendingMirrors != 1 || c.Pending != 0 || c.Mirrors != 0 {
		t.Errorf("counts %+v", c)
	}
	if r := w.registerMirror("wien", mirrorMailed("mallory@example.com")); r.ID != "m2" {
		t.Errorf("another's request is %s", r.ID)
	}
	bad := mirrorRequest("x")
	bad.Mirror.URLs = []string{"ftp://example.org/"}
	_, err := w.RegisterMirror(t.Context(), bad, unlimited)
	wantAs[*serverlist.FieldError](t, err)
}

func mirrorConflicts(t *testing.T, w *world) {
	if _, err := w.AddMirror(t.Context(), mirror("listed"), "", "alice"); err != nil {
		t.Fatal(err)
	}
	w.registerMirror("a", mirrorAt("https://listed.example.org:443/ms/server.list", "http://a.example/"))
	w.registerMirror("a", mirrorMailed("b@example.net"), mirrorAt("http://a.example:80"))
	var got []string
	for _, r := range w.pendingMirrors() {
		for _, c := range r.Conflicts {
			got = append(got, fmt.Sprintf("%s: %s %s %s%s", r.ID, c.Kind, c.Value, c.Mirror, c.Registration))
		}
	}
	want := []string{
		"m1: url listed.example.org/ms/ listed", "m1: id a m2", "m1: url a.example/ m2",
		"m2: id a m1", "m2: url a.example/ m1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("conflicts\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r, err := w.ReviewMirror(t.Context(), "m2"); err != nil || len(r.Conflicts) != 2 {
		t.Errorf("ReviewMirror: %+v, %v", r, err)
	}
	for _, id := range []string{"m3", "m01", "r1", "1", ""} {
		_, err := w.ReviewMirror(t.Context(), id)
		wantError(t, err, store.ErrNotFound)
	}
}

func mirrorLimits(t *testing.T, w *world) {
	limits := store.Limits{Queue: 3, PerSource: 2}
	send := func(id, source string) error {
		_, err := w.RegisterMirror(t.Context(), mirrorRequest(id, func(r *store.MirrorRequest) { r.Source = netip.MustParseAddr(source) }), limits)
		return err
	}
	for _, id := range []string{"a", "b", "a"} {
		if err := send(id, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	wantAs[*store.SourceLimitError](t, send("c", "192.0.2.1"))
	if err := send("c", "192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	wantError(t, send("d", "192.0.2.3"), store.ErrQueueFull)
	// Servers have a queue of their own.
	if _, err := w.Register(t.Context(), request(), limits); err != nil {
		t.Error(err)
	}
	if _, err := w.RejectMirror(t.Context(), "m1", "no", "alice", nil); err != nil {
		t.Fatal(err)
	}
	if err := send("d", "192.0.2.3"); err != nil {
		t.Errorf("after a decision: %v", err)
	}
	if c := w.counts(); c.PendingMirrors != 3 {
		t.Errorf("counts %+v", c)
	}
}

func mirrorStatus(t *testing.T, w *world) {
	token, other := store.NewToken(), store.NewToken()
	w.registerMirror("a", func(r *store.MirrorRequest) { r.Token = token.Hash() })
	w.registerMirror("b", func(r *store.MirrorRequest) { r.Token = other.Hash() })
	if r, err := w.MirrorStatus(t.Context(), "m1", token); err != nil || r.Mirror.ID != "a" {
		t.Errorf("%+v, %v", r, err)
	}
	_, err := w.MirrorStatus(t.Context(), "m1", other)
	wantError(t, err, store.ErrNotFound)
	// A server's token opens no mirror, and the other way round.
	w.register(opening(token))
	_, err = w.Status(t.Context(), "m1", token)
	wantError(t, err, store.ErrNotFound)
	_, err = w.MirrorStatus(t.Context(), "r1", token)
	wantError(t, err, store.ErrNotFound)
	// The first token stays however often the request is repeated.
	for range 20 {
		w.registerMirror("a")
	}
	if _, err := w.MirrorStatus(t.Context(), "m1", token); err != nil {
		t.Error(err)
	}
}

func approveMirror(t *testing.T, w *world) {
	ctx := t.Context()
	w.registerMirror("wien")
	w.registerMirror("wien", mirrorMailed("mallory@example.com"), mirrorAt("http://m.example/"))
	_, _, err := w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m1", Revision: 2, Admin: "alice"})
	wantAs[*store.RevisionError](t, err)
	m, change, err := w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m1", Revision: 1, Admin: "alice"})
	if err != nil || change != 1 || m.Mirror.ID != "wien" || m.Email != "wien@example.net" || m.Registration != "m1" || m.Watch.State != store.MirrorNew {
		t.Fatalf("%+v at %d, %v", m, change, err)
	}
	if all, at, err := w.Mirrors(ctx); err != nil || at != 1 || len(all) != 1 || all[0].ID != "wien" {
		t.Errorf("mirrors %+v at %d, %v", all, at, err)
	}
	_, _, err = w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m1", Admin: "alice"})
	wantAs[*store.DecidedError](t, err)
	_, _, err = w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m2", Admin: "alice"})
	wantAs[*store.TakenError](t, err)
	_, _, err = w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m2", Mirror: "none", Replace: true, Admin: "alice"})
	wantError(t, err, store.ErrNotFound)
	if _, change, err := w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m2", Mirror: "wien-2", Admin: "alice"}); err != nil || change != 2 {
		t.Errorf("under another id: %d, %v", change, err)
	}
	if all, err := w.WatchedMirrors(ctx); err != nil || len(all) != 2 || all[1].Mirror.ID != "wien-2" || all[1].Email != "mallory@example.com" {
		t.Errorf("watched %+v, %v", all, err)
	}
	d := Recorded(t, w, 1)
	if len(d) != 1 || d[0].Action != store.ActionAddMirror || d[0].Subject != "m2" || d[0].Entry != "wien-2" || d[0].Change != 2 {
		t.Errorf("recorded %+v", d)
	}
}

// The operator of a listed mirror changes it by sending it again.
func approveMirrorUpdate(t *testing.T, w *world) {
	ctx := t.Context()
	w.registerMirror("wien")
	if _, _, err := w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m1", Admin: "alice"}); err != nil {
		t.Fatal(err)
	}
	r := w.registerMirror("wien", mirrorAt("http://new.example/"))
	if r.ID != "m2" || r.Entry != "wien" {
		t.Fatalf("%+v", r)
	}
	if pending := w.pendingMirrors(); len(pending) != 1 || len(pending[0].Conflicts) != 0 {
		t.Errorf("an update conflicts with itself: %+v", pending)
	}
	if _, _, err := w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m2", Admin: "alice"}); err != nil {
		t.Fatal(err)
	}
	if all, _, err := w.Mirrors(ctx); err != nil || len(all) != 1 || all[0].URLs[0] != "http://new.example/" {
		t.Errorf("mirrors %+v, %v", all, err)
	}
	// Anybody else needs an admin who says that the mirror is to be replaced.
	w.registerMirror("wien", mirrorMailed("b@example.net"))
	_, _, err := w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m3", Admin: "alice"})
	wantAs[*store.TakenError](t, err)
	if m, _, err := w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m3", Mirror: "wien", Replace: true, Admin: "alice"}); err != nil || m.Email != "b@example.net" {
		t.Errorf("%+v, %v", m, err)
	}
}

func mirrorURLTaken(t *testing.T, w *world) {
	ctx := t.Context()
	if _, err := w.AddMirror(ctx, mirror("wien"), "", "alice"); err != nil {
		t.Fatal(err)
	}
	other := mirror("other")
	other.URLs = []string{"http://own.example/", "https://wien.example.org/ms/"}
	_, err := w.AddMirror(ctx, other, "", "alice")
	if e := wantAs[*store.URLTakenError](t, err); e.Mirror != "wien" || e.URL != other.URLs[1] {
		t.Errorf("%+v", e)
	}
	w.registerMirror("third", mirrorAt("http://wien.example.org/ms/server.list"))
	_, _, err = w.ApproveMirror(ctx, store.MirrorApproval{Registration: "m1", Admin: "alice"})
	wantAs[*store.URLTakenError](t, err)
	if all, change, err := w.Mirrors(ctx); err != nil || len(all) != 1 || change != 1 {
		t.Errorf("what was refused changed something: %+v at %d, %v", all, change, err)
	}
	if len(w.pendingMirrors()) != 1 {
		t.Error("the refused request has left the queue")
	}
}

func rejectMirror(t *testing.T, w *world) {
	ctx := t.Context()
	w.registerMirror("wien")
	r, err := w.RejectMirror(ctx, "m1", "not now", "alice", nil)
	if err != nil || r.Status != store.Rejected || r.Reason != "not now" || r.Admin != "alice" || r.Decided.IsZero() {
		t.Errorf("%+v, %v", r, err)
	}
	_, err = w.RejectMirror(ctx, "m1", "again", "alice", nil)
	wantAs[*store.DecidedError](t, err)
	_, err = w.RejectMirror(ctx, "m7", "no", "alice", nil)
	wantError(t, err, store.ErrNotFound)
	if r := w.registerMirror("wien"); r.ID != "m2" {
		t.Errorf("sent again after a rejection it is %s", r.ID)
	}
	w.wait(time.Hour)
	if n, err := w.Prune(ctx, w.clock(), 10); n != 1 || err != nil {
		t.Errorf("Prune: %d, %v", n, err)
	}
	if _, err := w.ReviewMirror(ctx, "m1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after Prune: %v", err)
	}
}

func reopenMirrors(t *testing.T, w *world) {
	token := store.NewToken()
	w.registerMirror("wien", func(r *store.MirrorRequest) { r.Token = token.Hash() })
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Store = w.another()
	if r, err := w.MirrorStatus(t.Context(), "m1", token); err != nil || r.Mirror.ID != "wien" {
		t.Errorf("%+v, %v", r, err)
	}
	if r := w.registerMirror("b"); r.ID != "m2" {
		t.Errorf("the next id is %s", r.ID)
	}
}

// tellMirrorDecision: messages about a decision are stored with it, or not at
// all.
func tellMirrorDecision(t *testing.T, w *world) {
	ctx := t.Context()
	tell := func(r store.MirrorRegistration) []store.Message {
		return []store.Message{{Key: "decided " + r.ID, Recipient: r.Email, Subject: string(r.Status) + " " + r.Entry, Body: r.Reason}}
	}
	want := func(expected ...string) {
		t.Helper()
		all, err := w.Messages(ctx, 10)
		var got []string
		for _, m := range all {
			got = append(got, m.Recipient+": "+m.Subject+", "+m.Body)
		}
		if err != nil || !slices.Equal(got, expected) {
			t.Errorf("messages %q, %v; want %q", got, err, expected)
		}
	}
	w.registerMirror("a", mirrorMailed("a@example.net"), mirrorAt("http://a.example/"))
	w.registerMirror("b", mirrorMailed("b@example.net"), mirrorAt("http://a.example/"))
	approve := func(id string, revision int) error {
		_, _, err := w.ApproveMirror(ctx, store.MirrorApproval{Registration: id, Revision: revision, Mirror: "x-" + id, Admin: "alice", Tell: tell})
		return err
	}
	wantAs[*store.RevisionError](t, approve("m1", 7))
	want()
	if err := approve("m1", 0); err != nil {
		t.Fatal(err)
	}
	first := "a@example.net: approved x-m1, "
	want(first)
	wantAs[*store.DecidedError](t, approve("m1", 0))
	wantAs[*store.URLTakenError](t, approve("m2", 0))
	want(first)
	if _, err := w.RejectMirror(ctx, "m2", "not yours", "alice", tell); err != nil {
		t.Fatal(err)
	}
	_, err := w.RejectMirror(ctx, "m2", "not yours", "alice", tell)
	wantAs[*store.DecidedError](t, err)
	want("b@example.net: rejected , not yours", first)
}
