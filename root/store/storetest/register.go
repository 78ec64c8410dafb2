package storetest

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

var registerTests = map[string]func(*testing.T, *world){
	"KeepsEverything":           keepsEverything,
	"RefusesUnreadable":         refusesUnreadable,
	"TokenOpensItsOwnOnly":      tokenOpensItsOwnOnly,
	"SameAgainUpdates":          sameAgainUpdates,
	"SameInOtherSpelling":       sameInOtherSpelling,
	"StrangerCannotTouch":       strangerCannotTouch,
	"OtherServerIsAnother":      otherServerIsAnother,
	"FirstAndNewestTokensCount": firstAndNewestTokensCount,
	"IDsAreNotReused":           idsAreNotReused,
}

func keepsEverything(t *testing.T, w *world) {
	token := store.NewToken()
	want := request(opening(token), from("2001:db8::7"), keyed("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="))
	want.Server.Tags = []string{"pvp", "new"}
	want.Server.Probe = &serverlist.Probe{Protocol: "crossfire", Port: 13327}
	want.Server.Unknown = []serverlist.Member{{Name: "motto", Value: `{"b":1,"a":2}`}}
	r, err := w.Register(t.Context(), want, unlimited)
	if err != nil {
		t.Fatal(err)
	}
	if r.ID == "" || r.Status != store.Pending || r.Requests != 1 || r.Entry != "" {
		t.Errorf("registered as %+v", r)
	}
	if !r.Created.Equal(start) || !r.Updated.Equal(start) || !r.Decided.IsZero() || r.Created.Location() != time.UTC {
		t.Errorf("times %v, %v, %v", r.Created, r.Updated, r.Decided)
	}
	if r.Email != want.Email || r.Source != want.Source || r.LastSource != want.Source {
		t.Errorf("from %q at %v and %v", r.Email, r.Source, r.LastSource)
	}
	if !reflect.DeepEqual(r.Server, want.Server) {
		t.Errorf("server\n%+v, want\n%+v", r.Server, want.Server)
	}
	status, err := w.Status(t.Context(), r.ID, token)
	if err != nil || !reflect.DeepEqual(status, r) {
		t.Errorf("Status: %+v, %v\nwant %+v", status, err, r)
	}
	if got := w.review(r.ID); !reflect.DeepEqual(got.Registration, r) || len(got.Conflicts) != 0 {
		t.Errorf("Review: %+v\nwant %+v", got, r)
	}
}

func refusesUnreadable(t *testing.T, w *world) {
	for field, c := range map[string]change{
		"name":        named("bell\a"),
		"description": described(string(make([]byte, 600))),
		"addresses":   at("cat2.example.net"),
		"game":        playing("Not A Slug"),
		"key":         keyed("short"),
	} {
		_, err := w.Register(t.Context(), request(c), unlimited)
		if e := wantAs[*serverlist.FieldError](t, err); !strings.HasPrefix(e.Field, field) {
			t.Errorf("the error names %q, want %q", e.Field, field)
		}
	}
	if c := w.counts(); c.Pending != 0 || len(w.pending()) != 0 {
		t.Errorf("refused requests left %+v", c)
	}
}

func tokenOpensItsOwnOnly(t *testing.T, w *world) {
	mine, other := store.NewToken(), store.NewToken()
	r := w.register(opening(mine))
	w.register(distinct(1), opening(other))
	for what, try := range map[string]struct {
		id    string
		token store.Token
	}{
		"a token of nobody":       {r.ID, store.NewToken()},
		"the token of another":    {r.ID, other},
		"no token":                {r.ID, store.Token{}},
		"an unknown registration": {"r999", mine},
		"no id":                   {"", mine},
		"a wrong spelling":        {"r0" + r.ID[1:], mine},
	} {
		_, err := w.Status(t.Context(), try.id, try.token)
		if err != store.ErrNotFound {
			t.Errorf("%s: %v, want ErrNotFound", what, err)
		}
	}
}

func sameAgainUpdates(t *testing.T, w *world) {
	first, second := store.NewToken(), store.NewToken()
	before := w.register(opening(first))
	w.register(distinct(1))
	w.wait(time.Hour)
	after := w.register(opening(second), named("Cat 3"), described("new"), from("198.51.100.9"))
	if after.ID != before.ID || after.Requests != 2 {
		t.Errorf("again became %s with %d requests, want %s with 2", after.ID, after.Requests, before.ID)
	}
	if after.Server.Name != "Cat 3" || after.Server.Description != "new" {
		t.Errorf("the update was lost: %+v", after.Server)
	}
	if !after.Created.Equal(start) || !after.Updated.Equal(start.Add(time.Hour)) {
		t.Errorf("created %v, updated %v", after.Created, after.Updated)
	}
	if after.Source != before.Source || after.LastSource.String() != "198.51.100.9" {
		t.Errorf("sources %v, %v", after.Source, after.LastSource)
	}
	for _, token := range []store.Token{first, second} {
		if got, err := w.Status(t.Context(), before.ID, token); err != nil || got.Server.Name != "Cat 3" {
			t.Errorf("Status: %v, %v", got.Server.Name, err)
		}
	}
	wantIDs(t, "queue", w.pending(), before.ID, "r2")
	if c := w.counts(); c.Pending != 2 {
		t.Errorf("%d pending, want 2", c.Pending)
	}
}

func sameInOtherSpelling(t *testing.T, w *world) {
	before := w.register(at("cat2.example.net:13327", "[2001:db8::1]:13327"))
	after := w.register(
		at("[2001:0DB8:0::1]:13327", "CAT2.Example.NET:13327"),
		mailed("Cat@Example.NET"))
	if after.ID != before.ID {
		t.Errorf("another spelling became %s, want %s", after.ID, before.ID)
	}
}

// Whoever knows the server from the list, but not the e-mail address, gets a
// request of their own.
func strangerCannotTouch(t *testing.T, w *world) {
	owners, strangers := store.NewToken(), store.NewToken()
	mine := w.register(opening(owners))
	theirs := w.register(opening(strangers), mailed("mallory@example.org"), described("evil"))
	if theirs.ID == mine.ID {
		t.Fatal("a stranger's request became the owner's")
	}
	if got, err := w.Status(t.Context(), mine.ID, owners); err != nil || got.Server.Description == "evil" || got.Requests != 1 {
		t.Errorf("the owner sees %+v, %v", got, err)
	}
	_, err := w.Status(t.Context(), mine.ID, strangers)
	wantError(t, err, store.ErrNotFound)
	// After approval neither.
	w.approve(mine.ID)
	again := w.register(mailed("mallory@example.org"), described("evil"))
	if again.ID != theirs.ID || again.Entry != "" {
		t.Errorf("the stranger's request is %s and updates %q", again.ID, again.Entry)
	}
}

func otherServerIsAnother(t *testing.T, w *world) {
	ids := map[string]bool{}
	for _, c := range []change{
		named("Cat 2"), // as it is
		at("cat2.example.net:13328"),
		at("cat2.example.net:13327", "cat3.example.net:13327"),
		playing("luanti"),
		mailed("dog@example.net"),
	} {
		ids[w.register(c).ID] = true
	}
	if len(ids) != 5 {
		t.Errorf("%d registrations, want 5", len(ids))
	}
}

func firstAndNewestTokensCount(t *testing.T, w *world) {
	var tokens []store.Token
	var id string
	for range 20 {
		token := store.NewToken()
		tokens = append(tokens, token)
		id = w.register(opening(token)).ID
	}
	for i, token := range tokens {
		_, err := w.Status(t.Context(), id, token)
		if valid := i == 0 || i >= 13; valid != (err == nil) {
			t.Errorf("token %d of 20: %v, want valid %v", i, err, valid)
		}
	}
}

func idsAreNotReused(t *testing.T, w *world) {
	seen := map[string]bool{}
	for i := range 3 {
		r := w.register(distinct(i))
		if seen[r.ID] {
			t.Fatalf("%s was given twice", r.ID)
		}
		seen[r.ID] = true
		if _, err := w.Reject(t.Context(), r.ID, "no", "alice"); err != nil {
			t.Fatal(err)
		}
		w.wait(time.Hour)
		if n, err := w.Prune(t.Context(), w.clock(), 10); n != 1 || err != nil {
			t.Fatalf("Prune: %d, %v", n, err)
		}
	}
}
