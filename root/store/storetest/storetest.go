// Package storetest is the contract of [store.Store]: what every
// implementation must do, as one suite of tests.
//
//	func TestMain(m *testing.M) {
//		storetest.Child(open) // the suite kills copies of this program
//		os.Exit(m.Run())
//	}
//
//	func TestContract(t *testing.T) { storetest.Contract(t, open) }
package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// An Opener opens the store that lives in a folder, which may be empty. The
// same folder means the same store, while others have it open too. now may be
// nil.
type Opener func(dir string, now func() time.Time) (store.Store, error)

// Contract runs the suite.
func Contract(t *testing.T, open Opener) {
	groups := []struct {
		name  string
		tests map[string]func(*testing.T, *world)
	}{
		{"Register", registerTests},
		{"Limits", limitTests},
		{"Review", reviewTests},
		{"Decide", decideTests},
		{"Owner", ownerTests},
		{"Signed", signedTests},
		{"Findings", findingTests},
		{"Bulk", bulkTests},
		{"Blocks", blockTests},
		{"Suspend", suspendTests},
		{"Alive", aliveTests},
		{"Reports", reportTests},
		{"Lists", listTests},
		{"Mirrors", mirrorTests},
		{"Watch", watchTests},
		{"Editions", editionTests},
		{"Trust", trustTests},
		{"Audit", auditTests},
		{"Transfer", transferTests},
		{"Retention", retentionTests},
		{"News", newsTests},
		{"Concurrency", concurrencyTests},
		{"Durability", durabilityTests},
		{"Health", healthTests},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for name, test := range group.tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, newWorld(t, open))
				})
			}
		})
	}
}

// A world is an empty store with its clock, which stands still unless moved.
type world struct {
	store.Store
	t     *testing.T
	open  Opener
	dir   string
	clock func() time.Time
	wait  func(time.Duration)
}

var start = time.Date(2026, 11, 3, 11, 42, 0, 0, time.UTC)

func newWorld(t *testing.T, open Opener) *world {
	clock := serverlisttest.NewClock(start)
	w := &world{t: t, open: open, dir: t.TempDir(), clock: clock.Now, wait: clock.Advance}
	w.Store = w.another()
	return w
}

// another opens the same store once more, as another process would.
func (w *world) another() store.Store {
	w.t.Helper()
	s, err := w.open(w.dir, w.clock)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { s.Close() })
	return s
}

// A change to a request before it is sent.
type change func(*store.Request)

func named(s string) change         { return func(r *store.Request) { r.Server.Name = s } }
func described(s string) change     { return func(r *store.Request) { r.Server.Description = s } }
func at(addresses ...string) change { return func(r *store.Request) { r.Server.Addresses = addresses } }
func playing(game string) change    { return func(r *store.Request) { r.Server.Game = game } }
func keyed(key string) change       { return func(r *store.Request) { r.Server.Key = key } }
func mailed(email string) change    { return func(r *store.Request) { r.Email = email } }
func from(source string) change {
	return func(r *store.Request) { r.Source = netip.MustParseAddr(source) }
}
func opening(t store.Token) change { return func(r *store.Request) { r.Token = t.Hash() } }
func distinct(n int) change        { return func(r *store.Request) { distinguish(r, n) } }
func distinguish(r *store.Request, n int) {
	r.Server.Name = fmt.Sprintf("Server %d", n)
	r.Server.Addresses = []string{fmt.Sprintf("s%d.example.net:13327", n)}
}

// request returns a request for the server Cat 2, with changes.
func request(changes ...change) store.Request {
	r := store.Request{
		Server: serverlist.Server{
			Name: "Cat 2", Game: "crossfire", Description: "a <cat> & more",
			Addresses: []string{"cat2.example.net:13327"},
		},
		Email:  "cat@example.net",
		Source: netip.MustParseAddr("192.0.2.1"),
		Token:  store.NewToken().Hash(),
	}
	for _, c := range changes {
		c(&r)
	}
	return r
}

// unlimited are limits that no test reaches by accident.
var unlimited = store.Limits{Queue: -1}

// register registers, without limits, and must succeed.
func (w *world) register(changes ...change) store.Registration {
	w.t.Helper()
	r, err := w.Register(w.t.Context(), request(changes...), unlimited)
	if err != nil {
		w.t.Fatalf("Register: %v", err)
	}
	return r
}

// approve approves under an id of the store's choice, and must succeed.
func (w *world) approve(id string) store.Entry {
	w.t.Helper()
	e, err := w.Approve(w.t.Context(), store.Approval{Registration: id, Admin: "alice"})
	if err != nil {
		w.t.Fatalf("Approve(%s): %v", id, err)
	}
	return e
}

func (w *world) review(id string) store.Review {
	w.t.Helper()
	r, err := w.Review(w.t.Context(), id)
	if err != nil {
		w.t.Fatalf("Review(%s): %v", id, err)
	}
	return r
}

// pending returns the ids of the queue.
func (w *world) pending() []string {
	w.t.Helper()
	var ids []string
	err := w.Pending(w.t.Context(), func(r store.Review) error { ids = append(ids, r.ID); return nil })
	if err != nil {
		w.t.Fatalf("Pending: %v", err)
	}
	return ids
}

// listed returns the ids of the list.
func (w *world) listed() []string {
	w.t.Helper()
	var ids []string
	_, err := w.Listed(w.t.Context(), func(id string, _ []byte) error { ids = append(ids, id); return nil })
	if err != nil {
		w.t.Fatalf("Listed: %v", err)
	}
	return ids
}

func (w *world) counts() store.Counts {
	w.t.Helper()
	c, err := w.Counts(w.t.Context())
	if err != nil {
		w.t.Fatalf("Counts: %v", err)
	}
	return c
}

// wantError fails the test unless err is, or contains, the wanted one.
func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got the error %v, want %v", err, want)
	}
}

// wantAs returns the error of type E that err contains, or ends the test.
func wantAs[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("got the error %v, want a %T", err, e)
	}
	return e
}

func wantIDs(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
