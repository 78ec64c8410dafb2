package storetest

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/signed-metaserver/metaserver/root/store"
)

var findingTests = map[string]func(*testing.T, *world){
	"Unlooked": unlooked,
	"Findings": findingsFollow,
	"History":  history,
}

// unlookedIDs returns the ids of requests to look at.
func (w *world) unlookedIDs(limit int) (ids []string) {
	w.t.Helper()
	all, err := w.Unlooked(w.t.Context(), limit)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return ids
}

// find records that a host of a request has addresses.
func (w *world) find(id string, revision int, host string, addresses ...string) store.Findings {
	w.t.Helper()
	h := store.HostFinding{Host: host}
	for _, a := range addresses {
		h.Addresses = append(h.Addresses, netip.MustParseAddr(a))
	}
	f := store.Findings{Registration: id, Revision: revision, At: w.clock(), Hosts: []store.HostFinding{h},
		Probe: store.ProbeFinding{State: "online", Software: "Crossfire 1.75"}}
	if err := w.RecordFindings(w.t.Context(), []store.Findings{f}); err != nil {
		w.t.Fatal(err)
	}
	return f
}

func unlooked(t *testing.T, w *world) {
	a, b, c := w.register(distinct(1)).ID, w.register(distinct(2)).ID, w.register(distinct(3)).ID
	wantIDs(t, "at first", w.unlookedIDs(2), a, b)
	w.find(a, 1, "s1.example.net")
	if _, err := w.Reject(t.Context(), b, "no", "alice"); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, "after one was looked at and one rejected", w.unlookedIDs(9), c)
	w.register(distinct(1))
	wantIDs(t, "sent again as it was", w.unlookedIDs(9), c)
	w.register(distinct(1), described("changed"))
	wantIDs(t, "changed", w.unlookedIDs(9), a, c)
	w.find(a, 1, "s1.example.net")
	wantIDs(t, "what was found about an older revision", w.unlookedIDs(9), a, c)
}

// What was found is shown, and compared, until the request changes.
func findingsFollow(t *testing.T, w *world) {
	r := w.register(distinct(1))
	if got := w.review(r.ID).Findings; got != nil {
		t.Errorf("before anybody looked: %+v", got)
	}
	want := w.find(r.ID, 1, "s1.example.net", "192.0.2.80")
	got := w.review(r.ID).Findings
	want.Registration, want.Revision = "", 0
	if got == nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	other := w.register(distinct(2), at("192.0.2.80:13327"), mailed("m@example.org"))
	if c := w.review(other.ID).Conflicts; len(c) != 1 || c[0].Kind != store.SameAddress || c[0].Registration != r.ID {
		t.Errorf("the address that a name leads to: %+v", c)
	}
	if c := w.review(r.ID).Conflicts; len(c) != 1 || c[0].Kind != store.SameHost || c[0].Registration != other.ID {
		t.Errorf("the name that leads there: %+v", c)
	}
	w.find(r.ID, 1, "s1.example.net", "192.0.2.81")
	if c := w.review(r.ID).Conflicts; len(c) != 0 {
		t.Errorf("after the name moved: %+v", c)
	}
}

func history(t *testing.T, w *world) {
	first := w.register(distinct(1), at("x.example.net:1"), mailed("Cat@example.net"), from("192.0.2.1"))
	if _, err := w.Reject(t.Context(), first.ID, "an advertisement", "alice"); err != nil {
		t.Fatal(err)
	}
	w.register(distinct(9), mailed("other@example.net"), from("203.0.113.9"))
	for what, test := range map[string]struct {
		with []change
		want []store.ConflictKind
	}{
		"e-mail":     {[]change{mailed("cat@EXAMPLE.net"), from("198.51.100.1")}, []store.ConflictKind{store.SameEmail}},
		"address":    {[]change{mailed("a@example.org"), at("X.example.net:1"), from("198.51.100.2")}, []store.ConflictKind{store.SameAddress}},
		"source":     {[]change{mailed("b@example.org")}, []store.ConflictKind{store.SameSource}},
		"everything": {[]change{at("x.example.net:1"), mailed("cat@example.net"), playing("go")}, []store.ConflictKind{store.SameEmail, store.SameSource, store.SameAddress}},
		"nothing":    {[]change{mailed("c@example.org"), from("198.51.100.3")}, nil},
	} {
		r := w.register(append([]change{distinct(2)}, test.with...)...)
		past, err := w.History(t.Context(), r.ID, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []store.ConflictKind
		for _, p := range past {
			if p.ID == first.ID && p.Reason == "an advertisement" {
				got = p.Because
			}
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q in common, want %q", what, got, test.want)
		}
		if _, err := w.Reject(t.Context(), r.ID, "", "alice"); err != nil {
			t.Fatal(err)
		}
	}
	if past, err := w.History(t.Context(), first.ID, 2); err != nil || len(past) != 2 || past[0].ID <= past[1].ID {
		t.Errorf("the newest two: %+v, %v", past, err)
	}
	_, err := w.History(t.Context(), "r99", 2)
	wantError(t, err, store.ErrNotFound)
}
