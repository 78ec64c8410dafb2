package root_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
)

// A fact is what is true of a registration; what is empty is not looked at.
type fact struct {
	status      string // of the registration
	description string // as it is listed, or asked for
	open        string // kind of the request that waits about its entry
	entry       string // state of its entry
}

// A life is a registration that is being dealt with.
type life struct {
	n           int
	id, entry   string
	path        string // of the status
	admin, user *api.Client
	signer      *keys.Signer
	test        *testing.T
}

// A step is what somebody does about a registration, and what is true then.
type step struct {
	do   func(ctx context.Context, l *life) error
	then fact
}

func approveLife(ctx context.Context, l *life) error {
	d, err := l.admin.Approve(ctx, l.id, api.Approval{})
	l.entry = d.EntryID
	return err
}

// edit sends the present content with another description.
func (l *life) edit(ctx context.Context, description string) error {
	_, err := l.user.Edit(ctx, l.user.Root+l.path, l.content(description))
	return err
}

func (l *life) content(description string) api.Edit {
	r := request(l.n)
	_, public := testKey(l.test, 1)
	return api.Edit{Name: r.Name, Addresses: []string{r.Address}, Game: r.Game, Description: description, Key: public}
}

// lives are all that befall a registration, one kind of life each.
var lives = [][]step{
	{},
	{{approveLife, fact{status: "approved", entry: "listed"}}},
	{{func(ctx context.Context, l *life) error { return errorOf(l.admin.Reject(ctx, l.id, "no")) }, fact{status: "rejected"}}},
	{{approveLife, fact{status: "approved"}},
		{func(ctx context.Context, l *life) error { return errorOf(l.admin.Revoke(ctx, l.entry, "gone")) }, fact{status: "revoked"}}},
	{{func(ctx context.Context, l *life) error { return errorOf(l.user.Withdraw(ctx, l.user.Root+l.path)) }, fact{status: "withdrawn"}}},
	{{func(ctx context.Context, l *life) error { return l.edit(ctx, "Edited") }, fact{status: "pending", description: "Edited"}},
		{approveLife, fact{status: "approved", description: "Edited"}}},
	{{approveLife, fact{status: "approved"}},
		{func(ctx context.Context, l *life) error { return l.edit(ctx, "Moved") }, fact{status: "approved", open: "edit"}},
		{func(ctx context.Context, l *life) error { return errorOf(l.user.Withdraw(ctx, l.user.Root+l.path)) }, fact{status: "approved", open: "withdrawal"}}},
	{{approveLife, fact{status: "approved"}},
		{func(ctx context.Context, l *life) error {
			if _, err := l.admin.Allow(ctx, l.entry, api.Allowed{Members: []string{"description"}}); err != nil {
				return err
			}
			body := signedEdit(l.test, l.signer, l.entry, l.content("Signed"), time.Now())
			return errorOf(l.user.SendSigned(ctx, l.entry, body))
		}, fact{status: "approved", description: "Signed", entry: "listed"}}},
	{{approveLife, fact{status: "approved"}},
		{func(ctx context.Context, l *life) error {
			return errorOf(l.admin.Suspend(ctx, l.entry, api.Suspend{Reason: "cheats"}))
		}, fact{status: "approved", entry: "suspended"}},
		{func(ctx context.Context, l *life) error { return errorOf(l.admin.Resume(ctx, l.entry)) }, fact{status: "approved", entry: "listed"}}},
}

func errorOf[T any](_ T, err error) error { return err }

// acknowledged is what a root has said is done, by whatever was killed since.
type acknowledged struct {
	mu      sync.Mutex
	n       int               // requests so far
	facts   map[string][]fact // by status path: one of these is true
	version int64             // of the newest list seen
	kill    func()            // once, after some more answers
	left    int
}

// asked notes that something may become true.
func (a *acknowledged) asked(path string, then fact) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.facts[path] = append(a.facts[path], then)
}

// answered notes what is true, and kills the root at the moment that was drawn.
func (a *acknowledged) answered(path string, now fact) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.facts[path] = []fact{now}
	if a.left--; a.left == 0 {
		go a.kill()
	}
}

func (a *acknowledged) next() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	return a.n
}

// work lets registrations live until the root does not answer any more.
func (a *acknowledged) work(t *testing.T, w *world) {
	for a.live(t, w, a.next()) {
	}
}

func (a *acknowledged) live(t *testing.T, w *world, n int) (goesOn bool) {
	signer, public := testKey(t, 1)
	l := &life{n: n, admin: w.client(), user: &api.Client{Root: w.public, HTTP: w.http}, signer: signer, test: t}
	req := request(n)
	req.Key = public
	got, err := l.user.Register(t.Context(), req)
	if err != nil {
		return false // cut off: nothing was acknowledged
	}
	l.id, l.path = got.ID, strings.TrimPrefix(got.StatusURL, w.public)
	a.answered(l.path, fact{status: "pending"})
	for _, s := range lives[n%len(lives)] {
		a.asked(l.path, s.then)
		if s.do(t.Context(), l) != nil {
			return false
		}
		a.answered(l.path, s.then)
	}
	return true
}

// TestKilledAtAnyMoment kills a root again and again, at a moment that is drawn,
// while requests, those of owners and their keys too, and decisions come from
// several sides. What was answered is true
// afterwards, and the list is served at once and never goes back.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	rounds := 3
	if publishtest.Sweep() {
		rounds = 60
	}
	dir := newData(t)
	a := &acknowledged{facts: make(map[string][]fact), n: rand.IntN(len(lives))}
	for round := range rounds {
		w := startChild(t, dir)
		a.check(t, w, fmt.Sprintf("round %d", round))
		a.left, a.kill = 1+rand.IntN(40), sync.OnceFunc(w.stop)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { a.work(t, w) })
		}
		all.Wait()
		a.kill() // has happened, and is waited for
		if a.left > 0 {
			t.Fatalf("round %d: the root ended by itself", round)
		}
	}
	w := startChild(t, dir)
	a.check(t, w, "at the end")
	if len(a.facts) < rounds {
		t.Errorf("%d registrations in %d rounds say little", len(a.facts), rounds)
	}
}

// check compares a root that was started again with what was acknowledged.
func (a *acknowledged) check(t *testing.T, w *world, when string) {
	t.Helper()
	list := w.open("/server.list", serverlist.TypeServerList)
	if list.Head.Version < a.version {
		t.Errorf("%s: version %d is served, %d was before", when, list.Head.Version, a.version)
	}
	a.version = list.Head.Version
	for path, possible := range a.facts {
		s := decode[api.Status](t, w.get(path), 200)
		if !slices.ContainsFunc(possible, func(f fact) bool { return f.holds(t, w, &s) }) {
			t.Errorf("%s: %+v; one of these was true: %+v", when, s, possible)
		}
	}
}

func (f fact) holds(t *testing.T, w *world, s *api.Status) bool {
	t.Helper()
	if s.Status != f.status || f.description != "" && (s.Server == nil || s.Server.Description != f.description) ||
		f.open != "" && (s.Open == nil || s.Open.Kind != f.open) {
		return false
	}
	if f.entry == "" {
		return true
	}
	e, err := w.client().Entry(t.Context(), s.EntryID)
	return err == nil && e.State == f.entry
}
