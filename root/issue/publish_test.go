package issue_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

func TestMain(m *testing.M) {
	publishForEver()
	rotateAndDie()
	goleak.VerifyTestMain(m)
}

func TestFirstEditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.publisher()
	if p.Current(servers) != nil || p.Document("server.list") != nil || len(p.Documents()) != 0 {
		t.Error("something is served before anything was published")
	}
	before := time.Now().Truncate(time.Second)
	w.publish(p, mirrors)
	w.publish(p, servers)
	w.check(p, mirrors)
	w.check(p, servers)
	head := w.file(servers).Head
	if head.Issued.Before(before) || head.Issued.After(time.Now()) || head.Version != head.Issued.Unix() {
		t.Errorf("issued %v as version %d", head.Issued, head.Version)
	}
	if head.FreshUntil.Sub(head.Issued) != 24*time.Hour || head.OldAfter.Sub(head.Issued) != 30*24*time.Hour {
		t.Errorf("fresh until %v, old after %v", head.FreshUntil, head.OldAfter)
	}
	if head.Epoch != 1 || head.Trust != 1 || head.Mirrors != p.Current(mirrors).Version {
		t.Errorf("epoch %d, trust %d, mirrors %d", head.Epoch, head.Trust, head.Mirrors)
	}
	checkServed(t, w, p)
}

func checkServed(t *testing.T, w *world, p *issue.Publisher) {
	t.Helper()
	var names []string
	etags := map[string]bool{}
	for _, d := range p.Documents() {
		names = append(names, d.Name)
		etags[d.ETag] = true
		path := filepath.Join(w.public(), d.Name)
		if data := must(os.ReadFile(path))(t); string(data) != string(d.Bytes) {
			t.Errorf("%s is served otherwise than it stands in the folder", d.Name)
		}
		if mode := must(os.Stat(path))(t).Mode(); runtime.GOOS != "windows" && mode.Perm() != 0o644 {
			t.Errorf("%s has mode %04o", d.Name, mode.Perm())
		}
		if d != p.Document(d.Name) || d.ETag[0] != '"' || d.Issued.IsZero() || d.Version == 0 {
			t.Errorf("document %+v", d)
		}
	}
	if got := strings.Join(names, " "); got != "mirror.list server.list trust/1.trust" {
		t.Errorf("served: %s", got)
	}
	if len(etags) != 3 {
		t.Errorf("etags %v", etags)
	}
	if _, err := keys.NewChain(p.Document("trust/1.trust").Bytes); err != nil {
		t.Errorf("the served trust document: %v", err)
	}
}

func TestPublishOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.publisher()
	w.publish(p, servers)
	ids := w.add(3)
	w.publish(p, servers)
	w.check(p, servers, ids...)
	first := p.Current(servers)
	for range 3 {
		w.publish(p, servers)
	}
	w.publish(w.publisher(), servers) // after a restart neither
	if p.Current(servers) != first || w.editions(servers) != 2 {
		t.Errorf("an unchanged list was issued again: %d editions", w.editions(servers))
	}
	w.revoke(ids[1])
	w.publish(p, servers)
	w.check(p, servers, ids[0], ids[2])
	if next := p.Current(servers); next.Version <= first.Version || next.ETag == first.ETag || next.Entries != 2 {
		t.Errorf("version %d after %d, etags %s and %s", next.Version, first.Version, next.ETag, first.ETag)
	}
	if s := p.State(servers); s.Covered != 4 || s.Err != nil || s.Document != p.Current(servers) || !s.Next.Equal(s.Document.Issued.Add(6*time.Hour)) {
		t.Errorf("state %+v", s)
	}
}

func TestMirrorList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.publisher(func(c *issue.Config) { c.RootURL = "http://ms.example.org/" })
	m := serverlist.Mirror{ID: "wien", Operator: "TU Wien", URLs: []string{"http://wien.example.org/ms/"}}
	must(w.store.AddMirror(t.Context(), m, "", "alice"))(t)
	w.publish(p, mirrors)
	w.check(p, mirrors, issue.RootID, "wien")
	root := w.file(mirrors).Mirrors[0]
	if !root.Root || root.Operator != origin || root.URLs[0] != "http://ms.example.org/" {
		t.Errorf("the root's entry is %+v", root)
	}
	// Another public URL is another list, though the store has not changed.
	p = w.publisher(func(c *issue.Config) { c.RootURL = "http://new.example.org/" })
	w.publish(p, mirrors)
	if got := w.file(mirrors).Mirrors[0].URLs[0]; got != "http://new.example.org/" {
		t.Errorf("the root's URL is %s", got)
	}
	w.publish(w.publisher(), mirrors)
	w.check(w.restored(), mirrors, "wien")
}

// restored returns a publisher that has only restored.
func (w *world) restored() *issue.Publisher {
	w.t.Helper()
	p := w.publisher()
	if err := p.Restore(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func TestLargeRemovalNeedsConfirmation(t *testing.T) { inBubble(t, largeRemovalNeedsConfirmation) }

func largeRemovalNeedsConfirmation(t *testing.T, w *world) {
	p := w.publisher()
	ids := w.add(60)
	w.publish(p, servers)
	w.revoke(ids[:12]...) // 20 percent
	w.publish(p, servers)
	w.check(p, servers, ids[12:]...)
	w.days(p, 2)
	w.revoke(ids[12:22]...) // more than 20 percent, but only 10
	w.publish(p, servers)
	change := w.revoke(ids[22:33]...)
	err := p.Publish(t.Context(), servers)
	var removal *issue.RemovalError
	if !errors.As(err, &removal) || *removal != (issue.RemovalError{Type: servers, Change: change, Removed: 11, Of: 38}) {
		t.Fatalf("losing 11 of 38: %v", err)
	}
	w.check(p, servers, ids[22:]...) // what was served stays
	if s := p.State(servers); !errors.As(s.Err, &removal) || s.Failed != 1 {
		t.Errorf("state %+v", s)
	}
	// A confirmation is for what the admin saw, not for what comes later.
	if err := p.Confirm(t.Context(), servers, change, "alice"); err != nil {
		t.Fatal(err)
	}
	change = w.revoke(ids[33])
	if err := p.Publish(t.Context(), servers); !errors.As(err, &removal) || removal.Removed != 12 || removal.Change != change {
		t.Errorf("after one more removal: %v", err)
	}
	if err := p.Confirm(t.Context(), servers, change, "alice"); err != nil {
		t.Fatal(err)
	}
	w.publish(p, servers)
	w.check(p, servers, ids[34:]...)
}

// days lets time pass, in which the list is issued again as it is.
func (w *world) days(p *issue.Publisher, n int) {
	w.t.Helper()
	for range 4 * n {
		time.Sleep(6*time.Hour + time.Second)
		w.publish(p, servers)
	}
}

// Many small losses within a day are one large one.
func TestSmallRemovalsAddUp(t *testing.T) { inBubble(t, smallRemovalsAddUp) }

func smallRemovalsAddUp(t *testing.T, w *world) {
	p := w.publisher()
	ids := w.add(60)
	w.publish(p, servers)
	w.days(p, 2)
	lose := func(n int) (change int64) { // and gain one
		change = w.revoke(ids[:n]...)
		ids = append(ids[n:], w.add(1)...)
		return change + 1
	}
	for range 3 { // 12 of 60
		lose(4)
		w.publish(p, servers)
		time.Sleep(time.Minute)
	}
	w.check(p, servers, ids...)
	served := slices.Clone(ids)
	change := lose(1)
	refused := func(p *issue.Publisher, removed int) {
		t.Helper()
		var removal *issue.RemovalError
		if err := p.Publish(t.Context(), servers); !errors.As(err, &removal) || *removal != (issue.RemovalError{Type: servers, Change: change, Removed: removed, Of: 60, Day: true}) {
			t.Fatalf("losing %d of 60 in a day: %v", removed, err)
		}
		w.check(p, servers, served...)
	}
	refused(p, 13)
	refused(w.restored(), 13) // after a restart, too

	// What is confirmed is not counted again.
	if err := p.Confirm(t.Context(), servers, change, "alice"); err != nil {
		t.Fatal(err)
	}
	w.publish(p, servers)
	w.check(p, servers, ids...)
	lose(10)
	w.publish(p, servers)

	// And what does not fall into one day any more is not, either.
	served = slices.Clone(ids)
	change = lose(1)
	var removal *issue.RemovalError
	if err := p.Publish(t.Context(), servers); !errors.As(err, &removal) || !removal.Day || removal.Removed != 11 || removal.Of != 51 {
		t.Fatalf("losing 11 of 51 in a day: %v", err)
	}
	w.check(p, servers, served...)
	for range 6 {
		time.Sleep(6*time.Hour + time.Second)
		if err := p.Publish(t.Context(), servers); err == nil {
			break
		}
	}
	w.publish(p, servers)
	w.check(p, servers, ids...)
}

// A confirmation is for a removal that waits, and for no other one: neither
// those of the past nor those to come.
func TestOnlyWhatWaitsIsConfirmed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.add(60)
	p := w.publisher()
	refuses := func(pending int64, changes ...int64) {
		t.Helper()
		for _, change := range changes {
			var refused *store.ConfirmError
			if err := p.Confirm(t.Context(), servers, change, "alice"); !errors.As(err, &refused) || *refused != (store.ConfirmError{Change: change, Pending: pending}) {
				t.Errorf("confirming %d: %v", change, err)
			}
		}
	}
	refuses(0, 0, 60, 1<<50)
	w.publish(p, servers)
	refuses(0, 0, 60, 61, 1<<50)
	change := w.revoke(ids...)
	var removal *issue.RemovalError
	if err := p.Publish(t.Context(), servers); !errors.As(err, &removal) {
		t.Fatalf("losing all: %v", err)
	}
	refuses(change, 0, change-1, change+1, 1<<50)
	if err := p.Publish(t.Context(), servers); !errors.As(err, &removal) {
		t.Errorf("losing all: %v", err)
	}
	w.check(p, servers, ids...)
	if err := p.Confirm(t.Context(), servers, change, "alice"); err != nil {
		t.Fatal(err)
	}
	w.publish(p, servers)
	w.check(p, servers)
	refuses(0, change)
}

func TestClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.publisher()
	w.publish(p, servers)
	last := p.Current(servers).Version
	at := func(d time.Duration) func(*issue.Config) {
		return func(c *issue.Config) { c.Now = func() time.Time { return time.Unix(last, 0).Add(d) } }
	}
	w.add(1)
	if err := w.publisher(at(-25*time.Hour)).Publish(t.Context(), servers); !errors.Is(err, issue.ErrClock) {
		t.Errorf("a day behind: %v", err)
	}
	p = w.publisher(at(-time.Hour))
	w.publish(p, servers)
	if v := p.Current(servers).Version; v != last+1 {
		t.Errorf("an hour behind: version %d after %d", v, last)
	}
	w.add(1)
	p = w.publisher(at(time.Hour))
	w.publish(p, servers)
	if v := p.Current(servers).Version; v != last+3600 {
		t.Errorf("an hour ahead: version %d after %d", v, last)
	}
}

// A root that cannot sign what clients accept says so before it publishes
// anything.
func TestNeedsItsKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for what, test := range map[string]struct {
		change func(*issue.Config)
		says   string
	}{
		"a key without role":    {func(c *issue.Config) { c.Keys = having(w.admin) }, errNoKey.Error()},
		"no key":                {func(c *issue.Config) { c.Keys = having() }, errNoKey.Error()},
		"a role that needs two": {func(c *issue.Config) { c.Chain = w.chainWith(keys.Role{Name: "list", Threshold: 2, Keys: w.names()}) }, "threshold 1"},
		"no role":               {func(c *issue.Config) { c.Chain = w.chainWith(keys.Role{Name: "other", Threshold: 1, Keys: w.names()}) }, "no such role"},
	} {
		_, err := w.tryPublisher(test.change)
		var refused *issue.TrustError
		if !errors.As(err, &refused) || refused.Version != 1 || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Keys that are not what they were taken for.
	p := w.publisher(func(c *issue.Config) {
		c.Keys = func([]keys.VerifierKey) (*keys.Signer, error) { return w.admin, nil }
	})
	err := p.Publish(t.Context(), servers)
	if err == nil || !strings.Contains(err.Error(), "refused by clients") {
		t.Errorf("signed by another key: %v", err)
	}
	if _, err := os.Stat(filepath.Join(w.public(), "server.list")); err == nil || p.Current(servers) != nil || w.editions(servers) != 0 {
		t.Error("a refused list was published")
	}
}

// chainWith returns a chain with this role in place of the role list.
func (w *world) chainWith(role keys.Role) *keys.Chain {
	w.t.Helper()
	trust := *w.trust
	trust.Roles = append(trust.Roles[:2:2], role)
	return must(keys.NewChain(w.signTrust(&trust)))(w.t)
}

// names returns the names of all keys.
func (w *world) names() []string {
	return []string{w.admin.VerifierKey().Name(), w.list.VerifierKey().Name()}
}

// A badStore lists an entry that no reader accepts, as a hand in the database
// could make it.
type badStore struct{ store.Store }

func (s badStore) Listed(_ context.Context, each func(id string, line []byte) error) (int64, error) {
	return 1, errors.Join(
		each("a-good-one", []byte(`{"id":"a-good-one","name":"A","addresses":["x.example.net:1"]}`)),
		each("bad-one", []byte(`{"id":"bad-one","name":"bell\u0007","addresses":["x.example.net:1"]}`)),
	)
}

func TestBadEntryIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.add(1)
	p := w.publisher()
	w.publish(p, servers)
	err := w.publisher(func(c *issue.Config) { c.Store = badStore{w.store} }).Publish(t.Context(), servers)
	if err == nil || !strings.Contains(err.Error(), "bad-one") || !strings.Contains(err.Error(), "name") {
		t.Errorf("got %v, want the entry and the member", err)
	}
	w.check(p, servers, ids...)
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := issue.Config{Store: w.store, Chain: w.chain, Keys: having(w.list), Public: w.public()}
	for what, change := range map[string]func(*issue.Config){
		"no store":  func(c *issue.Config) { c.Store = nil },
		"no chain":  func(c *issue.Config) { c.Chain = nil },
		"no keys":   func(c *issue.Config) { c.Keys = nil },
		"no folder": func(c *issue.Config) { c.Public = "" },
		"bad URL":   func(c *issue.Config) { c.RootURL = "ms.example.org" },
	} {
		cfg := good
		change(&cfg)
		if _, err := issue.New(t.Context(), cfg); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	p := must(issue.New(t.Context(), good))(t)
	for _, err := range []error{
		p.Publish(t.Context(), "trust/1"),
		p.Wait(t.Context(), "nothing/1", 0),
		p.Confirm(t.Context(), "nothing/1", 0, "alice"),
		p.State("nothing/1").Err,
	} {
		if err == nil || !strings.Contains(err.Error(), "not one that a root publishes") {
			t.Errorf("a type that is not published: %v", err)
		}
	}
	if p.Current("nothing/1") != nil {
		t.Error("a type that is not published is served")
	}
}
