package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

var reviewTests = map[string]func(*testing.T, *world){
	"ConflictsWithEntries":  conflictsWithEntries,
	"ConflictsWithRequests": conflictsWithRequests,
	"InvisibleInNames":      invisibleInNames,
	"LookAlikes":            lookAlikes,
	"ConflictsFollow":       conflictsFollow,
	"ConflictsAreBounded":   conflictsAreBounded,
	"UpdateIsNoConflict":    updateIsNoConflict,
	"PendingInOrder":        pendingInOrder,
	"UnknownIDs":            unknownIDs,
}

const (
	key1 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	key2 = "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="
)

func conflictsWithEntries(t *testing.T, w *world) {
	cat := w.approve(w.register(named("Café Œuvre"), keyed(key1), at("cat2.example.net:13327", "[2001:db8::1]:1")).ID).Server.ID
	for what, test := range map[string]struct {
		c    change
		kind store.ConflictKind
	}{
		"name":            {named("Café Œuvre"), store.SameName},
		"case":            {named("cAFÉ œUVRE"), store.SameName},
		"decomposed":      {named("Cafe\u0301 Œuvre"), store.SameName},
		"full width":      {named("Ｃafé  Œuvre"), store.SameName},
		"address":         {at("cat2.example.net:13327"), store.SameAddress},
		"address in caps": {at("x.example.net:1", "CAT2.EXAMPLE.NET:13327"), store.SameAddress},
		"long IPv6":       {at("[2001:0db8:0:0:0:0:0:1]:1"), store.SameAddress},
		"key":             {keyed(key1), store.SameKey},
	} {
		r := w.register(distinct(1), mailed(fmt.Sprintf("%p@example.org", test.c)), test.c)
		got := w.review(r.ID).Conflicts
		want := func(c store.Conflict) bool {
			return c.Entry == cat && c.Kind == test.kind && c.Registration == "" && c.Value != ""
		}
		if !slices.ContainsFunc(got, want) {
			t.Errorf("%s: %+v shows no %s of %s", what, got, test.kind, cat)
		}
		if slices.ContainsFunc(got, func(c store.Conflict) bool { return c.Entry != "" && !want(c) }) {
			t.Errorf("%s: %+v shows more than the %s", what, got, test.kind)
		}
		if _, err := w.Reject(t.Context(), r.ID, "", "alice"); err != nil {
			t.Fatal(err)
		}
	}
	r := w.register(distinct(1), at("cat2.example.net:13328"), keyed(key2), named("Cafe Œuvre"))
	if got := w.review(r.ID).Conflicts; len(got) != 0 {
		t.Errorf("another port, key and name conflict: %+v", got)
	}
}

// A name that looks like another is shown, once, and after what is certain.
func lookAlikes(t *testing.T, w *world) {
	cat := w.approve(w.register(named("Cat 2")).ID).Server.ID
	r := w.register(named("Сat 2"), at("elsewhere.example.net:1"), mailed("m@example.org"))
	got := w.review(r.ID).Conflicts
	if len(got) != 1 || got[0].Kind != store.LooksAlike || got[0].Entry != cat {
		t.Errorf("a Cyrillic letter: %+v, want one look-alike of %s", got, cat)
	}
	again := w.register(named("cat 2"), at("third.example.net:1"), mailed("n@example.org"))
	got = w.review(again.ID).Conflicts
	want := []store.Conflict{
		{Kind: store.SameName, Value: "cat 2", Entry: cat},
		{Kind: store.LooksAlike, Value: got[len(got)-1].Value, Registration: r.ID},
	}
	if !slices.Equal(got, want) {
		t.Errorf("the same name and a look-alike: %+v, want %+v", got, want)
	}
}

func conflictsWithRequests(t *testing.T, w *world) {
	a := w.register(mailed("a@example.org"), keyed(key1))
	b := w.register(mailed("b@example.org"), keyed(key1))
	for _, pair := range [][2]string{{a.ID, b.ID}, {b.ID, a.ID}} {
		var kinds []store.ConflictKind
		for _, c := range w.review(pair[0]).Conflicts {
			if c.Registration != pair[1] || c.Entry != "" {
				t.Errorf("%s conflicts with %+v", pair[0], c)
			}
			kinds = append(kinds, c.Kind)
		}
		slices.Sort(kinds)
		if want := []store.ConflictKind{store.SameAddress, store.SameKey, store.SameName}; !slices.Equal(kinds, want) {
			t.Errorf("%s conflicts in %q, want %q", pair[0], kinds, want)
		}
	}
}

// What cannot be seen makes no other name: where it has no use it is refused,
// and where it has one, names are the same without it.
func invisibleInNames(t *testing.T, w *world) {
	w.approve(w.register(named("My server")).ID)
	joined := w.approve(w.register(distinct(1), named("❤ می\u200cخواهم क्\u200dष")).ID).Server.ID
	for _, c := range []string{"\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\u3164", "\ufe0f", "\U000e0061"} {
		_, err := w.Register(t.Context(), request(named("My"+c+" server")), unlimited)
		if f := wantAs[*serverlist.FieldError](t, err); f.Field != "name" {
			t.Errorf("%q is refused for its %s", c, f)
		}
	}
	for i, name := range []string{
		"❤ میخواهم क्ष", "❤\ufe0f می\u200cخواهم क्\u200dष", "❤\ufe0e می\u200dخواهم क्\u200cष", "❤\u200d میخواهم क्ष",
	} {
		got := w.review(w.register(distinct(2+i), named(name)).ID).Conflicts
		if !slices.ContainsFunc(got, func(c store.Conflict) bool { return c.Entry == joined && c.Kind == store.SameName }) {
			t.Errorf("%q: %+v does not show the name of %s", name, got, joined)
		}
	}
}

// Conflicts are those of this moment, not of the moment of registration.
func conflictsFollow(t *testing.T, w *world) {
	mine := w.register(mailed("mine@example.org")).ID
	other := w.register(mailed("other@example.org")).ID
	entries := func() (n int) {
		t.Helper()
		for _, c := range w.review(mine).Conflicts {
			if c.Entry != "" {
				n++
			}
		}
		return n
	}
	if got := w.review(mine).Conflicts; len(got) != 2 {
		t.Errorf("beside a request: %+v", got)
	}
	entry := w.approve(other)
	if got := w.review(mine).Conflicts; len(got) != 2 || entries() != 2 {
		t.Errorf("beside its entry: %+v", got)
	}
	if _, err := w.Revoke(t.Context(), entry.Server.ID, "gone", "alice"); err != nil {
		t.Fatal(err)
	}
	if got := w.review(mine).Conflicts; len(got) != 0 {
		t.Errorf("after the entry's end: %+v", got)
	}
	w.register(mailed("third@example.org"), distinct(1))
	w.register(mailed("third@example.org"), distinct(1), named("Cat 2"))
	if got := w.review(mine).Conflicts; len(got) != 1 {
		t.Errorf("beside a request that took the name later: %+v", got)
	}
	w.register(mailed("third@example.org"), distinct(1))
	if got := w.review(mine).Conflicts; len(got) != 0 {
		t.Errorf("beside a request that gave the name up: %+v", got)
	}
	w.approve(mine)
	w.register(mailed("third@example.org"), distinct(1), named("Cat 2"))
	if got := w.review(mine).Conflicts; len(got) != 0 {
		t.Errorf("decided, and yet in conflict: %+v", got)
	}
}

func conflictsAreBounded(t *testing.T, w *world) {
	entry := w.approve(w.register(mailed("owner@example.org")).ID).Server.ID
	for i := range 2 * store.MaxConflicts {
		w.register(mailed(fmt.Sprintf("%d@example.org", i)))
	}
	seen := 0
	err := w.Pending(t.Context(), func(r store.Review) error {
		seen++
		if len(r.Conflicts) != store.MaxConflicts || r.Conflicts[0].Entry != entry {
			t.Errorf("%s: %d conflicts, the first %+v; want %d, with the entry first", r.ID, len(r.Conflicts), r.Conflicts[0], store.MaxConflicts)
		}
		for _, c := range r.Conflicts {
			if c.Registration == r.ID {
				t.Errorf("%s conflicts with itself", r.ID)
			}
		}
		return nil
	})
	if err != nil || seen != 2*store.MaxConflicts {
		t.Errorf("saw %d, %v", seen, err)
	}
}

func updateIsNoConflict(t *testing.T, w *world) {
	entry := w.approve(w.register().ID).Server.ID
	r := w.review(w.register(described("changed")).ID)
	if r.Entry != entry || len(r.Conflicts) != 0 {
		t.Errorf("an update of %s shows entry %q and %+v", entry, r.Entry, r.Conflicts)
	}
}

func pendingInOrder(t *testing.T, w *world) {
	const n = 403 // more than two pages
	w.fill(n)
	w.register(distinct(5), from("10.0.0.5"), described("again")) // keeps its place
	if _, err := w.Reject(t.Context(), "r3", "", "alice"); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := 1; i <= n; i++ {
		if i != 3 {
			want = append(want, fmt.Sprintf("r%d", i))
		}
	}
	if got := w.pending(); !slices.Equal(got, want) {
		t.Errorf("%d pending, from %v; want %d in order", len(got), got[:min(5, len(got))], len(want))
	}
	stop := errors.New("enough")
	calls := 0
	err := w.Pending(t.Context(), func(store.Review) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("each returned an error: %v after %d calls", err, calls)
	}
}

func unknownIDs(t *testing.T, w *world) {
	w.register()
	for _, id := range []string{"", "r", "r2", "1", "r01", "r+1", "R1", "r1 ", "r-1", "r99999999999999999999", "x"} {
		if _, err := w.Review(t.Context(), id); err != store.ErrNotFound {
			t.Errorf("Review(%q): %v", id, err)
		}
		if _, err := w.Reject(t.Context(), id, "", "alice"); err != store.ErrNotFound {
			t.Errorf("Reject(%q): %v", id, err)
		}
		if _, err := w.Approve(t.Context(), store.Approval{Registration: id}); err != store.ErrNotFound {
			t.Errorf("Approve(%q): %v", id, err)
		}
	}
	wantIDs(t, "queue", w.pending(), "r1")
}
