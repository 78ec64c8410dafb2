package storetest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

var ownerTests = map[string]func(*testing.T, *world){
	"WhoIsTheOwner":            whoIsTheOwner,
	"EditPending":              editPending,
	"EditWaits":                editWaits,
	"EditMovesTheSameEntry":    editMovesTheSameEntry,
	"NewerEditTakesThePlace":   newerEditTakesThePlace,
	"EditBackTakesItBack":      editBackTakesItBack,
	"EditPassesAFullQueue":     editPassesAFullQueue,
	"EditOfRevokedIsNoWayBack": editOfRevokedIsNoWayBack,
	"TwoServersStayTwo":        twoServersStayTwo,
	"WithdrawPending":          withdrawPending,
	"WithdrawListed":           withdrawListed,
	"Transfer":                 transfer,
	"TransferIsOnce":           transferIsOnce,
	"TransferProvesAnew":       transferProvesAnew,
	"UpdateKeepsTheOwner":      updateKeepsTheOwner,
	"ShownSince":               shownSince,
	"FormerOwnersAreForgotten": formerOwnersAreForgotten,
	"Proofs":                   proofs,
}

// An owner has a registration and its first token.
type owner struct {
	*world
	id    string
	token store.Token
}

// owner registers.
func (w *world) owner(changes ...change) owner {
	w.t.Helper()
	token := store.NewToken()
	return owner{w, w.register(append(changes, opening(token))...).ID, token}
}

var elsewhere = netip.MustParseAddr("198.51.100.7")

// edit sends the standard server with changes, and must succeed.
func (o owner) edit(changes ...change) store.Registration {
	o.t.Helper()
	r, err := o.tryEdit(changes...)
	if err != nil {
		o.t.Fatalf("Edit: %v", err)
	}
	return r
}

func (o owner) tryEdit(changes ...change) (store.Registration, error) {
	q := request(append([]change{mailed("")}, changes...)...)
	return o.Edit(o.t.Context(), o.id, o.token, store.Edit{Server: q.Server, Email: q.Email, Source: elsewhere})
}

func (o owner) holding() store.Holding {
	o.t.Helper()
	h, err := o.Holding(o.t.Context(), o.id, o.token)
	if err != nil {
		o.t.Fatalf("Holding: %v", err)
	}
	return h
}

func whoIsTheOwner(t *testing.T, w *world) {
	first := w.owner()
	again := w.owner()                      // the same source
	stranger := w.owner(from("192.0.2.99")) // who knows the e-mail address
	if again.id != first.id || stranger.id != first.id {
		t.Fatal("three registrations of one server")
	}
	check := func(when string) {
		for name, c := range map[string]struct {
			o    owner
			want bool
		}{"first": {first, true}, "again": {again, true}, "stranger": {stranger, false}} {
			if got := c.o.holding().Owner; got != c.want {
				t.Errorf("%s, %s: owner %v, want %v", when, name, got, c.want)
			}
		}
	}
	check("pending")
	_, err := stranger.tryEdit(described("mine"))
	wantError(t, err, store.ErrNotOwner)
	w.approve(first.id)
	check("listed")
	_, err = stranger.tryEdit(described("mine"))
	wantError(t, err, store.ErrNotOwner)
	_, err = w.Withdraw(t.Context(), first.id, stranger.token, elsewhere)
	wantError(t, err, store.ErrNotOwner)
	_, err = w.OfferTransfer(t.Context(), first.id, stranger.token, store.Offer{Email: "m@example.org", Expires: start.Add(time.Hour)})
	wantError(t, err, store.ErrNotOwner)
	_, err = w.Edit(t.Context(), first.id, store.NewToken(), store.Edit{Server: request().Server})
	wantError(t, err, store.ErrNotFound)
	if again.edit(described("ours")).Kind != store.KindEdit {
		t.Error("the owner's second token does not edit")
	}
}

func editPending(t *testing.T, w *world) {
	o := w.owner()
	w.owner(distinct(1))
	r := o.edit(at("new.example.net:1"), mailed("new@example.net"))
	if r.ID != o.id || r.Revision != 2 || r.Kind != store.KindNew || r.Email != "new@example.net" || r.Server.Addresses[0] != "new.example.net:1" {
		t.Errorf("edited to %+v", r)
	}
	if again := o.edit(at("new.example.net:1"), mailed("new@example.net")); again.Revision != 2 {
		t.Errorf("the same edit made revision %d", again.Revision)
	}
	wantIDs(t, "queue", w.pending(), o.id, "r2")
	if same := w.register(at("NEW.example.net:1"), mailed("new@example.net")); same.ID != o.id {
		t.Errorf("the same server again became %s", same.ID)
	}
	if old := w.register(); old.ID == o.id {
		t.Error("the former address is still this request's")
	}
	_, err := o.tryEdit(at("s1.example.net:13327"), mailed("cat@example.net"))
	if e := wantAs[*store.SameServerError](t, err); e.Registration != "r2" {
		t.Errorf("%+v", e)
	}
	_, err = o.tryEdit(named(""))
	wantAs[*serverlist.FieldError](t, err)
}

func editWaits(t *testing.T, w *world) {
	o := w.owner()
	entry := w.approve(o.id)
	r := o.edit(described("better"))
	if r.ID == o.id || r.Status != store.Pending || r.Kind != store.KindEdit || r.Entry != entry.Server.ID || r.Email != "cat@example.net" {
		t.Errorf("edit %+v", r)
	}
	if got, err := w.Entry(t.Context(), entry.Server.ID); err != nil || got.Change != entry.Change {
		t.Errorf("the entry changed before anybody approved: %+v, %v", got, err)
	}
	if h := o.holding(); h.Open == nil || h.Open.ID != r.ID || h.Newest != nil {
		t.Errorf("the owner sees %+v", h)
	}
	if len(w.review(r.ID).Conflicts) != 0 {
		t.Error("an edit conflicts with its own entry")
	}
	after := w.approve(r.ID)
	if after.Server.ID != entry.Server.ID || after.Server.Description != "better" || after.Owner != o.id || after.FirstChange != entry.Change || after.Change <= entry.Change {
		t.Errorf("approved to %+v", after)
	}
	if h := o.holding(); !h.Owner || h.Open != nil || h.Newest == nil || h.Newest.Status != store.Approved || h.Listed.Server.Description != "better" {
		t.Errorf("the owner sees %+v", h)
	}
	r = o.edit(described("worse"))
	if _, err := w.Reject(t.Context(), r.ID, "no", "alice"); err != nil {
		t.Fatal(err)
	}
	if h := o.holding(); h.Newest == nil || h.Newest.Reason != "no" || h.Listed.Server.Description != "better" || h.Status != store.Approved {
		t.Errorf("after the rejection the owner sees %+v", h)
	}
	wantIDs(t, "list", w.listed(), entry.Server.ID)
}

// The same server at its new address is the same entry, and the former address
// is nobody's any more.
func editMovesTheSameEntry(t *testing.T, w *world) {
	o := w.owner()
	entry := w.approve(o.id).Server.ID
	w.approve(o.edit(at("moved.example.net:2"), mailed("cat2@example.net")).ID)
	again := w.register(at("moved.example.net:2"), mailed("cat2@example.net"))
	if again.Entry != entry {
		t.Errorf("the moved server again updates %q, want %s", again.Entry, entry)
	}
	if old := w.register(); old.Entry != "" {
		t.Errorf("a server at the former address updates %s", old.Entry)
	}
	if r := o.edit(at("third.example.net:3")); r.Email != "cat2@example.net" {
		t.Errorf("the owner's address is %s", r.Email)
	}
	wantIDs(t, "list", w.listed(), entry)
}

func newerEditTakesThePlace(t *testing.T, w *world) {
	o := w.owner()
	w.approve(o.id)
	first := o.edit(described("one"))
	second := o.edit(described("two"))
	if second.ID != first.ID || second.Revision != 2 {
		t.Errorf("the second edit is %s, revision %d", second.ID, second.Revision)
	}
	_, err := w.Approve(t.Context(), store.Approval{Registration: first.ID, Revision: 1})
	wantAs[*store.RevisionError](t, err)
	third, err := w.Withdraw(t.Context(), o.id, o.token, elsewhere)
	if err != nil || third.ID != first.ID || third.Kind != store.KindWithdrawal || third.Revision != 3 {
		t.Errorf("the withdrawal is %+v, %v", third, err)
	}
	if c := w.counts(); c.Pending != 1 || len(w.pending()) != 1 {
		t.Errorf("%d pending", c.Pending)
	}
}

func editBackTakesItBack(t *testing.T, w *world) {
	o := w.owner()
	w.approve(o.id)
	_, err := o.tryEdit()
	wantError(t, err, store.ErrNoChange)
	o.edit(described("one"))
	if r := o.edit(); r.Status != store.Withdrawn {
		t.Errorf("%+v", r)
	}
	if c := w.counts(); c.Pending != 0 || len(w.pending()) != 0 {
		t.Errorf("%d pending", c.Pending)
	}
}

func editPassesAFullQueue(t *testing.T, w *world) {
	o := w.owner()
	w.approve(o.id)
	tight := store.Limits{Queue: 1}
	if _, err := w.Register(t.Context(), request(distinct(1)), tight); err != nil {
		t.Fatal(err)
	}
	_, err := w.Register(t.Context(), request(distinct(2)), tight)
	wantError(t, err, store.ErrQueueFull)
	o.edit(described("one"))
	if c := w.counts(); c.Pending != 2 {
		t.Errorf("%d pending", c.Pending)
	}
}

func editOfRevokedIsNoWayBack(t *testing.T, w *world) {
	o := w.owner()
	entry := w.approve(o.id).Server.ID
	r := o.edit(described("one"))
	if _, err := w.Revoke(t.Context(), entry, "spam", "alice"); err != nil {
		t.Fatal(err)
	}
	if got := w.review(r.ID); got.Status != store.Rejected || got.Reason == "" {
		t.Errorf("the edit of a revoked entry is %+v", got.Registration)
	}
	_, err := w.Approve(t.Context(), store.Approval{Registration: r.ID})
	wantAs[*store.DecidedError](t, err)
	_, err = o.tryEdit(described("two"))
	wantAs[*store.DecidedError](t, err)
	wantIDs(t, "list", w.listed())
	if c := w.counts(); c.Pending != 0 {
		t.Errorf("%d pending", c.Pending)
	}
}

func twoServersStayTwo(t *testing.T, w *world) {
	one, two := w.owner(), w.owner(distinct(2))
	w.approve(one.id)
	other := w.approve(two.id).Server.ID
	r := one.edit(at("s2.example.net:13327"))
	before := w.counts()
	_, err := w.Approve(t.Context(), store.Approval{Registration: r.ID})
	if e := wantAs[*store.SameServerError](t, err); e.Entry != other {
		t.Errorf("%+v", e)
	}
	if after := w.counts(); after != before {
		t.Errorf("a refused approval changed %+v to %+v", before, after)
	}
}

// Whoever knows the e-mail address can send the same server again. Approving
// that does not make them the owner, unless the admin says so.
func updateKeepsTheOwner(t *testing.T, w *world) {
	o := w.owner()
	w.approve(o.id)
	again := w.owner(from("192.0.2.99"))
	w.approve(again.id)
	if !o.holding().Owner || again.holding().Owner {
		t.Error("an update changed the owner")
	}
	third := w.owner(from("192.0.2.99"))
	e, err := w.Approve(t.Context(), store.Approval{Registration: third.id, NewOwner: true})
	if err != nil || e.Owner != third.id || o.holding().Owner || !third.holding().Owner {
		t.Errorf("%+v, %v", e, err)
	}
}

func shownSince(t *testing.T, w *world) {
	first := w.approve(w.register().ID)
	second := w.approve(w.register(distinct(1)).ID)
	publish := func(previous, version, change int64) {
		t.Helper()
		e := edition(servers, version)
		e.Change = change
		if err := w.PublishEdition(t.Context(), previous, e); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Shown(t.Context(), first.Change)
	wantError(t, err, store.ErrNotFound)
	publish(0, 1, 0)
	publish(1, 2, first.Change)
	publish(2, 3, 0)
	if e, err := w.Shown(t.Context(), first.Change); err != nil || e.Version != 2 || e.Document != nil {
		t.Errorf("%+v, %v", e, err)
	}
	_, err = w.Shown(t.Context(), second.Change)
	wantError(t, err, store.ErrNotFound)
	publish(3, 4, second.Change)
	for change, want := range map[int64]int64{first.Change: 2, second.Change: 4} {
		if e, err := w.Shown(t.Context(), change); err != nil || e.Version != want {
			t.Errorf("change %d: %+v, %v", change, e, err)
		}
	}
}

func proofs(t *testing.T, w *world) {
	r := w.register()
	put := func(kind, subject, token string) {
		t.Helper()
		if err := w.PutProof(t.Context(), r.ID, store.Proof{Kind: kind, Subject: subject, Token: token, At: start}); err != nil {
			t.Fatal(err)
		}
	}
	put("dns", "a.example", "one")
	put("dns", "b.example", "one")
	put("dns", "a.example", "one")
	if all, err := w.Proofs(t.Context(), r.ID); err != nil || len(all) != 2 || all[0].Subject != "a.example" || !all[0].At.Equal(start) {
		t.Errorf("%+v, %v", all, err)
	}
	put("http", "a.example", "two")
	if all, err := w.Proofs(t.Context(), r.ID); err != nil || len(all) != 1 || all[0] != (store.Proof{Kind: "http", Subject: "a.example", Token: "two", At: start}) {
		t.Errorf("%+v, %v", all, err)
	}
	err := w.PutProof(t.Context(), "r99", store.Proof{Kind: "dns"})
	wantError(t, err, store.ErrNotFound)
}
