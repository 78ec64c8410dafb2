package storetest

import (
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

func withdrawPending(t *testing.T, w *world) {
	o := w.owner()
	r, err := w.Withdraw(t.Context(), o.id, o.token, elsewhere)
	if err != nil || r.Status != store.Withdrawn || r.ID != o.id {
		t.Fatalf("%+v, %v", r, err)
	}
	wantIDs(t, "queue", w.pending())
	if c := w.counts(); c.Pending != 0 {
		t.Errorf("%d pending", c.Pending)
	}
	_, err = w.Withdraw(t.Context(), o.id, o.token, elsewhere)
	wantAs[*store.DecidedError](t, err)
	_, err = o.tryEdit()
	wantAs[*store.DecidedError](t, err)
	if again := w.register(); again.ID == o.id {
		t.Error("a withdrawn request came back")
	}
}

func withdrawListed(t *testing.T, w *world) {
	o := w.owner()
	entry := w.approve(o.id)
	r, err := w.Withdraw(t.Context(), o.id, o.token, elsewhere)
	if err != nil || r.Status != store.Pending || r.Kind != store.KindWithdrawal || r.Entry != entry.Server.ID {
		t.Fatalf("%+v, %v", r, err)
	}
	wantIDs(t, "list", w.listed(), entry.Server.ID)
	after := w.approve(r.ID)
	if after.State != store.EntryRevoked || after.Reason != store.WithdrawnByOwner || after.Change <= entry.Change {
		t.Errorf("%+v", after)
	}
	wantIDs(t, "list", w.listed())
	if h := o.holding(); h.Status != store.Withdrawn || h.Open != nil {
		t.Errorf("the owner sees %+v", h)
	}
	if d := Recorded(t, w, 1)[0]; d.Action != store.ActionWithdraw || d.Entry != entry.Server.ID || d.Admin != "alice" {
		t.Errorf("recorded as %+v", d)
	}
	if c := w.counts(); c.Pending != 0 || c.Listed != 0 {
		t.Errorf("%+v", c)
	}
	again := w.approve(w.register().ID)
	if again.Server.ID == entry.Server.ID {
		t.Error("the id of a withdrawn entry was given again")
	}
}

func transfer(t *testing.T, w *world) {
	old := w.owner(keyed("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="))
	entry := w.approve(old.id).Server.ID
	offer, mine := store.NewToken(), store.NewToken()
	name, err := w.OfferTransfer(t.Context(), old.id, old.token, store.Offer{Token: offer.Hash(), Email: "new@example.org", Expires: start.Add(time.Hour)})
	if err != nil || name != entry {
		t.Fatalf("%q, %v", name, err)
	}
	to := store.TakeOver{Email: "New@Example.org", Source: elsewhere, Token: mine.Hash()}
	_, err = w.TakeOver(t.Context(), entry, offer, store.TakeOver{Email: "mallory@example.org", Token: mine.Hash()})
	wantError(t, err, store.ErrOtherEmail)
	_, err = w.TakeOver(t.Context(), entry, store.NewToken(), to)
	wantError(t, err, store.ErrNotFound)
	_, _, err = w.Offered(t.Context(), entry, store.NewToken())
	wantError(t, err, store.ErrNotFound)
	if e, until, err := w.Offered(t.Context(), entry, offer); err != nil || e.Server.ID != entry || !until.Equal(start.Add(time.Hour)) {
		t.Errorf("offered %+v until %s, %v", e, until, err)
	}
	r, err := w.TakeOver(t.Context(), entry, offer, to)
	if err != nil || r.Kind != store.KindTransfer || r.Entry != entry || r.Status != store.Pending {
		t.Fatalf("%+v, %v", r, err)
	}
	_, _, err = w.Offered(t.Context(), entry, offer)
	wantError(t, err, store.ErrNotFound)
	next := owner{w, r.ID, mine}
	_, err = next.tryEdit(described("too early"))
	wantError(t, err, store.ErrNotOwner)

	// Until it is approved the old owner is the owner, and what is approved
	// meanwhile stays.
	w.approve(old.edit(described("meanwhile")).ID)
	old.edit(described("left behind"))
	after := w.approve(r.ID)
	if after.Owner != r.ID || after.Server.Key != "" || after.Server.Description != "meanwhile" || after.Server.ID != entry {
		t.Errorf("transferred to %+v", after)
	}
	if h := old.holding(); h.Owner {
		t.Errorf("the old owner still owns: %+v", h)
	}
	_, err = old.tryEdit(described("evil"))
	wantError(t, err, store.ErrNotOwner)
	wantIDs(t, "queue", w.pending())
	if e := next.edit(described("ours")); e.Email != "New@Example.org" || e.Entry != entry {
		t.Errorf("the new owner's edit is %+v", e)
	}
	if again := w.register(mailed("new@example.org")); again.Entry != entry {
		t.Error("the new owner's server again is another entry")
	}
}

func transferIsOnce(t *testing.T, w *world) {
	o := w.owner()
	entry := w.approve(o.id).Server.ID
	first, second := store.NewToken(), store.NewToken()
	offer := func(token store.Token) {
		t.Helper()
		if _, err := w.OfferTransfer(t.Context(), o.id, o.token, store.Offer{Token: token.Hash(), Email: "new@example.org", Expires: w.clock().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	take := func(token store.Token) error {
		_, err := w.TakeOver(t.Context(), entry, token, store.TakeOver{Email: "new@example.org", Token: store.NewToken().Hash()})
		return err
	}
	offer(first)
	offer(second)
	wantError(t, take(first), store.ErrNotFound) // the newer offer took its place
	if err := take(second); err != nil {
		t.Fatal(err)
	}
	wantError(t, take(second), store.ErrNotFound)
	offer(first)
	w.wait(time.Hour)
	wantError(t, take(first), store.ErrNotFound) // it is over
	offer(second)
	if _, err := w.Revoke(t.Context(), entry, "spam", "alice"); err != nil {
		t.Fatal(err)
	}
	wantError(t, take(second), store.ErrNotFound)
}

// Who takes over what another has taken over before, and no admin has decided
// about, has proven nothing.
func transferProvesAnew(t *testing.T, w *world) {
	o := w.owner()
	entry := w.approve(o.id).Server.ID
	take := func(email string) store.Registration {
		t.Helper()
		offer := store.NewToken()
		if _, err := w.OfferTransfer(t.Context(), o.id, o.token, store.Offer{Token: offer.Hash(), Email: email, Expires: start.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		r, err := w.TakeOver(t.Context(), entry, offer, store.TakeOver{Email: email, Token: store.NewToken().Hash()})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := take("first@example.org")
	if err := w.PutProof(t.Context(), first.ID, store.Proof{Kind: "dns", Subject: "cat.example.net", Token: "token", At: start}); err != nil {
		t.Fatal(err)
	}
	second := take("second@example.org")
	if all, err := w.Proofs(t.Context(), second.ID); second.ID != first.ID || err != nil || len(all) != 0 {
		t.Errorf("%s after %s: proven %+v, %v", second.ID, first.ID, all, err)
	}
}

// An entry outlives its owners and its edits: their e-mail addresses go, and the
// owner's stays.
func formerOwnersAreForgotten(t *testing.T, w *world) {
	old := w.owner()
	entry := w.approve(old.id).Server.ID
	edit := w.approve(old.edit(described("one"), mailed("second@example.net")).ID).Registration
	offer := store.NewToken()
	if _, err := w.OfferTransfer(t.Context(), old.id, old.token, store.Offer{Token: offer.Hash(), Email: "new@example.org", Expires: start.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	next, err := w.TakeOver(t.Context(), entry, offer, store.TakeOver{Email: "new@example.org", Token: store.NewToken().Hash()})
	if err != nil {
		t.Fatal(err)
	}
	forget := func(want int) {
		t.Helper()
		if n, err := w.ForgetEmails(t.Context(), w.clock(), 10); err != nil || n != want {
			t.Errorf("%d addresses forgotten, want %d: %v", n, want, err)
		}
	}
	w.wait(time.Minute)
	forget(0)
	w.approve(next.ID)
	w.wait(time.Minute)
	forget(2)
	for id, want := range map[string]string{old.id: "", edit: "", next.ID: "new@example.org"} {
		if got := w.review(id).Email; got != want {
			t.Errorf("%s has the address %q, want %q", id, got, want)
		}
	}
	if again := w.register(mailed("new@example.org"), described("two")); again.Entry != entry {
		t.Errorf("the owner's server again updates %q", again.Entry)
	}
}
