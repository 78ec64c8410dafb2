package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

var signedTests = map[string]func(*testing.T, *world){
	"AllowedIsDoneAtOnce": allowedIsDoneAtOnce,
	"TheRestWaits":        theRestWaits,
	"NeverTwice":          neverTwice,
	"OtherKey":            otherKey,
	"TakesThePlace":       signedTakesThePlace,
	"Pause":               pauseBetweenChanges,
	"AllowOfTheEntryWins": allowOfTheEntryWins,
}

const (
	keyOne = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	keyTwo = "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="
)

// signed sends an edit under the first key.
func (w *world) signed(sequence int64, allowed []string, changes ...change) (store.SignedResult, error) {
	q := request(append([]change{keyed(keyOne)}, changes...)...)
	return w.SignedRequest(w.t.Context(), store.SignedRequest{
		Entry: "cat-2", Key: keyOne, Sequence: sequence, Kind: store.KindEdit, Server: q.Server,
		Source: elsewhere, Allowed: allowed, Pause: time.Minute,
	})
}

func (w *world) keyedOwner() owner {
	w.t.Helper()
	o := w.owner(keyed(keyOne))
	w.approve(o.id)
	return o
}

func allowedIsDoneAtOnce(t *testing.T, w *world) {
	o := w.keyedOwner()
	moved := at("10.example.net:1")
	got, err := w.signed(1, []string{"addresses", "version"}, moved)
	if err != nil || !got.Done || !slices.Equal(got.Changed, []string{"addresses"}) || got.Entry.Server.Addresses[0] != "10.example.net:1" {
		t.Fatalf("%+v, %v", got, err)
	}
	if got.Entry.Change <= got.Entry.FirstChange || got.Entry.Owner != o.id {
		t.Errorf("%+v", got.Entry)
	}
	if d := Recorded(t, w, 1)[0]; d.Admin != "(rule)" || d.Action != store.ActionApprove || d.Change != got.Entry.Change {
		t.Errorf("recorded as %+v", d)
	}
	if again := w.register(moved); again.Entry != "cat-2" {
		t.Errorf("the same server again updates %q", again.Entry)
	}
	got, err = w.signed(2, []string{"addresses"}, moved)
	if err != nil || !got.Done || len(got.Changed) != 0 {
		t.Errorf("nothing to change: %+v, %v", got, err)
	}
	wantIDs(t, "list", w.listed(), "cat-2")
}

func theRestWaits(t *testing.T, w *world) {
	o := w.keyedOwner()
	for n, allowed := range [][]string{nil, {}, {"version"}, {"name", "description"}} {
		got, err := w.signed(int64(n+1), allowed, at("10.example.net:1"), described("d"))
		if err != nil || got.Done || got.Request.Kind != store.KindEdit || !got.Request.Signed || got.Request.Entry != "cat-2" {
			t.Fatalf("allowed %q: %+v, %v", allowed, got, err)
		}
	}
	if h := o.holding(); h.Open == nil || h.Listed.Server.Addresses[0] != "cat2.example.net:13327" {
		t.Errorf("the owner sees %+v", h)
	}
	got, err := w.SignedRequest(t.Context(), store.SignedRequest{Entry: "cat-2", Key: keyOne, Sequence: 9, Kind: store.KindWithdrawal, Allowed: []string{"addresses"}})
	if err != nil || got.Done || got.Request.Kind != store.KindWithdrawal {
		t.Errorf("%+v, %v", got, err)
	}
	if c := w.counts(); c.Pending != 1 {
		t.Errorf("%d pending", c.Pending)
	}
}

func neverTwice(t *testing.T, w *world) {
	w.keyedOwner()
	allowed := []string{"addresses", "description"}
	if _, err := w.signed(7, allowed, described("seven")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Store = w.another() // what was seen survives
	w.wait(time.Hour)
	for _, sequence := range []int64{7, 6, 0, -1} {
		_, err := w.signed(sequence, allowed, described("older"))
		if e := wantAs[*store.ReplayError](t, err); e.Sequence != 7 {
			t.Errorf("%+v", e)
		}
	}
	if e, err := w.Entry(t.Context(), "cat-2"); err != nil || e.Server.Description != "seven" {
		t.Errorf("%+v, %v", e, err)
	}
}

func otherKey(t *testing.T, w *world) {
	o := w.keyedOwner()
	ask := func(key string, sequence int64) error {
		_, err := w.SignedRequest(t.Context(), store.SignedRequest{
			Entry: "cat-2", Key: key, Sequence: sequence, Kind: store.KindEdit, Server: request(keyed(keyOne), described("x")).Server, Allowed: []string{"description"},
		})
		return err
	}
	wantError(t, ask(keyTwo, 1), store.ErrNotOwner)
	wantError(t, ask("", 1), store.ErrNotOwner)
	w.approve(o.edit(keyed(keyTwo)).ID)
	wantError(t, ask(keyOne, 1), store.ErrNotOwner) // the old key is no key any more
	_, err := w.SignedRequest(t.Context(), store.SignedRequest{Entry: "nobody", Key: keyOne, Sequence: 1, Kind: store.KindEdit, Server: request().Server})
	wantError(t, err, store.ErrNotFound)
	if _, err := w.Revoke(t.Context(), "cat-2", "spam", "alice"); err != nil {
		t.Fatal(err)
	}
	wantAs[*store.DecidedError](t, ask(keyTwo, 2))
}

func signedTakesThePlace(t *testing.T, w *world) {
	o := w.keyedOwner()
	r := o.edit(keyed(keyOne), described("older"))
	if _, err := w.signed(1, []string{"addresses"}, at("10.example.net:1")); err != nil {
		t.Fatal(err)
	}
	if got := w.review(r.ID); got.Status != store.Withdrawn || got.Reason == "" {
		t.Errorf("the older request is %+v", got.Registration)
	}
	wantIDs(t, "queue", w.pending())
}

func pauseBetweenChanges(t *testing.T, w *world) {
	w.keyedOwner()
	allowed := []string{"description"}
	if _, err := w.signed(1, allowed, described("one")); err != nil {
		t.Fatal(err)
	}
	w.wait(20 * time.Second)
	_, err := w.signed(2, allowed, described("two"))
	if e := wantAs[*store.TooSoonError](t, err); e.RetryAfter != 40*time.Second {
		t.Errorf("%+v", e)
	}
	w.wait(40 * time.Second)
	if _, err := w.signed(2, allowed, described("two")); err != nil { // what was refused may be sent again
		t.Error(err)
	}
	w.wait(-time.Hour) // the clock is set back: it waits no longer than the pause
	_, err = w.signed(3, allowed, described("three"))
	if e := wantAs[*store.TooSoonError](t, err); e.RetryAfter != time.Minute {
		t.Errorf("%+v", e)
	}
}

func allowOfTheEntryWins(t *testing.T, w *world) {
	w.keyedOwner()
	allow := func(members []string) {
		t.Helper()
		if err := w.Allow(t.Context(), "cat-2", members, "alice"); err != nil {
			t.Fatal(err)
		}
		if e, err := w.Entry(t.Context(), "cat-2"); err != nil || (e.Allowed == nil) != (members == nil) || !slices.Equal(e.Allowed, members) {
			t.Fatalf("%q became %q, %v", members, e.Allowed, err)
		}
	}
	byRoot := []string{"description"}
	allow([]string{})
	if got, err := w.signed(1, byRoot, described("one")); err != nil || got.Done {
		t.Errorf("%+v, %v", got, err)
	}
	allow([]string{"addresses", "version"})
	if got, err := w.signed(2, byRoot, described("one")); err != nil || got.Done {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := w.signed(3, nil, at("10.example.net:1")); err != nil || !got.Done {
		t.Errorf("%+v, %v", got, err)
	}
	allow(nil)
	w.wait(time.Hour)
	if got, err := w.signed(4, byRoot, at("10.example.net:1"), described("one")); err != nil || !got.Done {
		t.Errorf("%+v, %v", got, err)
	}
	wantError(t, w.Allow(t.Context(), "nobody", nil, "alice"), store.ErrNotFound)
}
