package alive_test

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/root/alive"
	"github.com/signed-metaserver/metaserver/root/inspect"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a root with entries, and servers that answer or do not.
type world struct {
	store.Store
	t       *testing.T
	checker *alive.Checker

	mu      sync.Mutex
	now     time.Time
	silent  map[string]bool // by name
	denied  map[string]bool // DNS knows no such host
	near    map[string]bool // beside the root
	dnsAway bool
	changed int
	events  []string
	asked   map[string]int
}

func newWorld(t *testing.T, servers int, change ...func(*alive.Config)) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 3, 11, 42, 0, 0, time.UTC), silent: make(map[string]bool), denied: make(map[string]bool), near: make(map[string]bool), asked: make(map[string]int)}
	var err error
	w.Store, err = store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "root.db"), Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	cfg := alive.Config{Store: w.Store, Asker: w, Now: w.clock, Changed: func() { w.changed++ }, Keep: 5, Batch: 100,
		Policy: alive.Policy{Every: 24 * time.Hour}, Tell: func(e alive.Event) []store.Message {
			w.events = append(w.events, fmt.Sprintf("%s %s %s", e.Kind, e.Entry.Server.ID, e.Entry.Email))
			return nil
		}}
	for _, c := range change {
		c(&cfg)
	}
	if w.checker, err = alive.New(cfg); err != nil {
		t.Fatal(err)
	}
	for n := range servers {
		w.list(fmt.Sprintf("s%d", n), "crossfire")
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// list lists a server whose id is its name.
func (w *world) list(name, game string) {
	w.t.Helper()
	r, err := w.Register(w.t.Context(), store.Request{
		Server: serverlist.Server{Name: name, Game: game, Description: "d", Addresses: []string{name + ".example.org:1"}},
		Email:  name + "@example.org", Source: netip.MustParseAddr("192.0.2.1"), Token: store.NewToken().Hash(),
	}, store.Limits{Queue: -1})
	if err == nil {
		_, err = w.Approve(w.t.Context(), store.Approval{Registration: r.ID, Admin: "alice"})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// Ask answers as the world is.
func (w *world) Ask(_ context.Context, s *serverlist.Server) ([]store.HostFinding, store.ProbeFinding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[s.Name]++
	host := store.HostFinding{Host: s.Name}
	if w.near[s.Name] {
		host.Addresses = []netip.Addr{netip.MustParseAddr("192.168.1.5")}
	}
	switch {
	case w.dnsAway:
		host.Error = "nobody answers"
		return []store.HostFinding{host}, store.ProbeFinding{State: "unprobed"}
	case w.denied[s.Name]:
		host.Error = inspect.NoSuchName
		return []store.HostFinding{host}, store.ProbeFinding{State: "unprobed"}
	case w.silent[s.Name]:
		return []store.HostFinding{host}, store.ProbeFinding{State: "offline", Error: "no answer"}
	}
	return []store.HostFinding{host}, store.ProbeFinding{State: "online"}
}

func (w *world) hush(silent bool, names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range names {
		w.silent[n] = silent
	}
}

// days lets time pass, with all looks that fall into it.
func (w *world) days(n int) {
	w.t.Helper()
	for range n {
		w.mu.Lock()
		w.now = w.now.Add(24 * time.Hour)
		w.mu.Unlock()
		if err := w.checker.Round(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) listed() (ids []string) {
	w.t.Helper()
	_, err := w.Listed(w.t.Context(), func(id string, _ []byte) error { ids = append(ids, id); return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

func (w *world) wantListed(n int, what string) {
	w.t.Helper()
	if got := w.listed(); len(got) != n {
		w.t.Errorf("%s: %q are listed, want %d", what, got, n)
	}
}

// A server that stays dead is spoken of, then taken out, and comes back when it
// lives, with everything that was its own.
func TestDeath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	w.days(1)
	w.hush(true, "s2")
	w.days(7)
	if len(w.events) != 0 {
		t.Errorf("too early: %q", w.events)
	}
	w.days(1)
	if fmt.Sprint(w.events) != "[silent s2 s2@example.org]" {
		t.Errorf("after a week: %q", w.events)
	}
	w.days(20)
	w.wantListed(5, "before the grace time is over")
	w.days(3)
	w.wantListed(4, "after it")
	if !slices.Contains(w.events, "dead s2 s2@example.org") || w.changed != 1 {
		t.Errorf("events %q, %d changes", w.events, w.changed)
	}
	e, err := w.Entry(t.Context(), "s2")
	if err != nil || e.State != store.EntrySuspended || !strings.Contains(e.Suspended.Reason, "30 days") {
		t.Errorf("%+v, %+v, %v", e, e.Suspended, err)
	}
	w.hush(false, "s2")
	w.days(1)
	w.wantListed(5, "alive again")
	if w.events[len(w.events)-1] != "back s2 s2@example.org" {
		t.Errorf("events %q", w.events)
	}
	a, looks, err := w.Alive(t.Context(), "s2", 100)
	if err != nil || a.State != store.ServerAlive || a.Silent != 0 || len(looks) != 5 || looks[0].State != store.ServerAlive || looks[1].Error != "no answer" {
		t.Errorf("%+v, %+v, %v", a, looks, err)
	}
}

// Each sign of life begins everything anew, and time in which nobody looked
// counts for little.
func TestOnlySilenceThatWasSeenCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	w.days(1)
	for range 3 {
		w.hush(true, "s2")
		w.days(25)
		w.hush(false, "s2")
		w.days(1)
	}
	w.hush(true, "s2")
	w.days(1)
	w.mu.Lock()
	w.now = w.now.AddDate(1, 0, 0) // the root is off for a year
	w.mu.Unlock()
	w.days(1)
	w.wantListed(5, "never seen silent for thirty days")
}

func TestWhatSaysNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 8, func(c *alive.Config) { c.Policy.TCP = []string{"chess"} })
	w.list("u0", "quake") // UDP, for all that the root knows
	w.list("t0", "chess")
	w.days(1)
	w.hush(true, "u0", "t0")
	w.denied["s3"] = true
	w.days(32)
	if got := fmt.Sprint(w.listed()); strings.Contains(got, "s3") || strings.Contains(got, "t0") || !strings.Contains(got, "u0") || w.asked["u0"] != 0 {
		t.Errorf("listed %s, asked %d times at a game without a probe", got, w.asked["u0"])
	}
	w.dnsAway = true
	w.days(60)
	w.wantListed(8, "while DNS is away")
}

// When all are silent the root suspects itself; when most are it takes its time.
func TestTheListIsNotEmptied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10)
	w.days(1)
	w.hush(true, "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9")
	w.days(60)
	w.wantListed(10, "all are silent")
	if suspicions := strings.Count(fmt.Sprint(w.events), "suspects"); suspicions != 1 || !w.checker.Suspects() {
		t.Errorf("it says so %d times", suspicions)
	}
	w.hush(false, "s0", "s1", "s2")
	w.days(1)
	if w.checker.Suspects() {
		t.Error("it still suspects")
	}
	before := len(w.listed())
	for range 45 {
		w.days(1)
		if now := len(w.listed()); before-now > 2 {
			t.Fatalf("%d entries go at once", before-now)
		} else {
			before = now
		}
	}
	w.wantListed(3, "in the end")
}

// One server that answers proves that the network works, or a mirror: also in a
// short list the dead go, one a day. A server beside the root proves nothing.
func TestShortList(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		near, reached bool
		silent        []string
		want          int
	}{
		"a server proves it":              {false, false, []string{"s1", "s2"}, 1},
		"one beside the root does not":    {true, false, []string{"s1", "s2"}, 3},
		"a mirror does":                   {true, true, []string{"s0", "s1", "s2"}, 0},
		"nothing does, and none is alive": {false, false, []string{"s0", "s1", "s2"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 3, func(cfg *alive.Config) { cfg.Reached = func() bool { return c.reached } })
			w.near["s0"] = c.near
			w.days(1)
			w.hush(true, c.silent...)
			before := 3
			for range 40 {
				w.days(1)
				if now := len(w.listed()); before-now > 1 {
					t.Fatalf("%d entries go at once", before-now)
				} else {
					before = now
				}
			}
			w.wantListed(c.want, "after forty days")
			if suspects := c.want == 3; w.checker.Suspects() != suspects {
				t.Errorf("it suspects its network: %v", !suspects)
			}
		})
	}
}

// An admin's suspension is the admin's.
func TestAdminsDecide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	if _, err := w.Suspend(t.Context(), store.Suspension{Entry: "s1", Reason: "cheats", Admin: "alice"}); err != nil {
		t.Fatal(err)
	}
	w.days(2)
	w.wantListed(4, "it answers and stays out")
	if w.asked["s1"] != 0 {
		t.Error("it is asked")
	}
}

// What an admin puts back stays for as long as any other.
func TestAdminsResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	w.hush(true, "s1")
	w.days(35)
	w.wantListed(4, "dead")
	if _, err := w.Resume(t.Context(), "s1", "alice"); err != nil {
		t.Fatal(err)
	}
	w.days(29)
	w.wantListed(5, "before the grace time is over once more")
	w.days(2)
	w.wantListed(4, "after it")
}
