package watch_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/watch"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestStates looks at a mirror with each fault.
func TestStates(t *testing.T) {
	t.Parallel()
	for fault, want := range map[serverlisttest.Fault]store.MirrorState{
		serverlisttest.Honest:        store.MirrorWell,
		serverlisttest.CRLF:          store.MirrorWell,
		serverlisttest.Old:           store.MirrorBehind,
		serverlisttest.Truncated:     store.MirrorWrong,
		serverlisttest.CutInHead:     store.MirrorWrong,
		serverlisttest.Appended:      store.MirrorWrong,
		serverlisttest.Mixed:         store.MirrorWrong,
		serverlisttest.HeadByte:      store.MirrorWrong,
		serverlisttest.SignatureByte: store.MirrorWrong,
		serverlisttest.BodyByte:      store.MirrorWrong,
		serverlisttest.Unsigned:      store.MirrorWrong,
		serverlisttest.Stranger:      store.MirrorWrong,
		serverlisttest.WrongOrigin:   store.MirrorWrong,
		serverlisttest.WrongType:     store.MirrorWrong,
		serverlisttest.Empty:         store.MirrorWrong,
		serverlisttest.HTML:          store.MirrorWrong,
		serverlisttest.NotFound:      store.MirrorUnreachable,
		serverlisttest.Unavailable:   store.MirrorUnreachable,
		serverlisttest.RedirectLoop:  store.MirrorWrong,
		serverlisttest.Torn:          store.MirrorUnreachable,
		serverlisttest.Endless:       store.MirrorWrong,
		serverlisttest.Bomb:          store.MirrorWrong,
		serverlisttest.Silent:        store.MirrorUnreachable,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *watch.Config) {
				if fault == serverlisttest.Silent { // nothing else ends a look at it
					c.LookTime = 3 * time.Second
				}
			})
			w.Clock.Advance(time.Hour)
			w.publish()
			w.mirror("a", fault)
			w.round()
			m := w.watched("a")
			if m.Last.State != want {
				t.Errorf("state %s (%s), want %s", m.Last.State, m.Last.Error, want)
			}
			if want.Ill() == (m.Last.Error == "") {
				t.Errorf("state %s with the error %q", want, m.Last.Error)
			}
			if hasVersion := m.Last.Version != 0; hasVersion == want.Ill() && fault != serverlisttest.Torn &&
				fault != serverlisttest.BodyByte && fault != serverlisttest.Truncated && fault != serverlisttest.Appended &&
				fault != serverlisttest.Mixed && fault != serverlisttest.Endless && fault != serverlisttest.Bomb {
				t.Errorf("version %d", m.Last.Version)
			}
		})
	}
}

// TestStaleIsLeftOutAndTakenIn follows a mirror whose operator is away.
func TestStaleIsLeftOutAndTakenIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *watch.Config) { c.Policy.Every = time.Hour })
	w.healthy(2)
	site := w.mirror("a", serverlisttest.Honest)
	w.round()
	if s := w.watched("a").Watch.State; s != store.MirrorWell {
		t.Fatalf("at first %s", s)
	}
	site.SetFault(serverlisttest.Frozen)
	w.rounds(23 * time.Hour)
	if s := w.watched("a").Watch.State; s != store.MirrorBehind {
		t.Errorf("before its edition is stale: %s", s)
	}
	w.rounds(47 * time.Hour)
	if m := w.watched("a"); m.Watch.State != store.MirrorStale || !m.Watch.LeftOut.IsZero() {
		t.Errorf("within the grace time: %+v", m.Watch)
	}
	w.rounds(3 * time.Hour)
	if w.isListed("a") || w.changed != 1 {
		t.Errorf("after the grace time: %+v, the list changed %d times", w.watched("a").Watch, w.changed)
	}
	w.rounds(12 * time.Hour)
	site.SetFault(serverlisttest.Honest)
	w.rounds(5 * time.Hour)
	if w.isListed("a") {
		t.Error("one good answer has brought it back")
	}
	w.rounds(2 * time.Hour)
	if !w.isListed("a") || w.changed != 2 {
		t.Errorf("after being well: %+v, the list changed %d times", w.watched("a").Watch, w.changed)
	}
	if got, want := w.kinds("a"), "warned left-out taken-in "; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
	if c, err := w.store.Counts(t.Context()); err != nil || c.Messages != 3 {
		t.Errorf("%d messages wait, want one for each event, %v", c.Messages, err)
	}
	if history, err := w.store.MirrorChecks(t.Context(), "a", 1000); err != nil || len(history) < 75 {
		t.Errorf("%d looks in the history, %v", len(history), err)
	}
}

// A file that is wrong for a moment is one that is being replaced.
func TestLiar(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.healthy(2)
	site := w.mirror("a", serverlisttest.Honest)
	w.rounds(time.Hour)
	site.SetFault(serverlisttest.BodyByte)
	w.Clock.Advance(time.Hour)
	w.publish() // what was right yesterday is not fetched again
	w.round()
	if !w.isListed("a") {
		t.Error("left out after one look")
	}
	site.SetFault(serverlisttest.Honest)
	w.rounds(7 * time.Hour)
	site.SetFault(serverlisttest.Stranger)
	w.rounds(time.Hour)
	if !w.isListed("a") {
		t.Error("left out before the grace time")
	}
	w.rounds(time.Hour)
	if w.isListed("a") || w.watched("a").Watch.State != store.MirrorWrong {
		t.Errorf("%+v", w.watched("a").Watch)
	}
}

// TestFork: whoever holds a list key signs another edition of one number.
func TestFork(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]func(w *world) int64{
		"of the newest": func(w *world) int64 {
			return published{w}.Current(serverlist.TypeServerList).Version
		},
		"of an older one": func(w *world) int64 {
			v := published{w}.Current(serverlist.TypeServerList).Version
			w.Clock.Advance(time.Hour)
			w.publish()
			return v
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.healthy(2)
			site := w.mirror("a", serverlisttest.Honest)
			d := serverlisttest.Servers("impostor")
			d.Version = version(w)
			site.Put("server.list", w.Sign(d))
			w.round()
			if w.isListed("a") || w.watched("a").Watch.State != store.MirrorForked {
				t.Errorf("%+v", w.watched("a").Watch)
			}
			evidence, err := w.store.Evidence(t.Context(), "a", 10)
			if err != nil || len(evidence) != 1 {
				t.Fatalf("evidence %+v, %v", evidence, err)
			}
			e := evidence[0]
			if !strings.Contains(string(e.Served), "\n\n\u2014 ") || string(e.Held) == string(e.Served) || e.URL == "" {
				t.Errorf("evidence %+v", e)
			}
			note, err := w.Chain().Open(e.Served[:len(e.Served)-1], keys.Want{Origin: w.Origin(), Type: serverlist.TypeServerList})
			if err != nil || note.Head.Version != d.Version {
				t.Errorf("the head that was served does not verify any more: %v", err)
			}
			if got := w.kinds("a"); got != "forked left-out " {
				t.Errorf("events %q", got)
			}
		})
	}
}

// The root lost its network: nobody is to blame.
func TestOwnNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *watch.Config) { c.Policy.Every = 2 * time.Hour })
	w.healthy(6)
	w.round()
	for _, s := range w.sites {
		s.SetFault(serverlisttest.Unavailable)
	}
	w.rounds(5 * 24 * time.Hour)
	for id := range w.sites {
		if m := w.watched(id); !m.Watch.LeftOut.IsZero() || m.Watch.State != store.MirrorWell || m.Last.State != store.MirrorUnreachable {
			t.Errorf("%+v", m)
		}
	}
	if !w.watcher.State().Suspects || w.kinds("") != "suspects " || !strings.Contains(w.log.String(), "own network") {
		t.Errorf("state %+v, events %q", w.watcher.State(), w.kinds(""))
	}
	// One that stays ill when the others are back is ill from then on.
	for id, s := range w.sites {
		if id != "healthy-0" {
			s.SetFault(serverlisttest.Honest)
		}
	}
	w.rounds(24 * time.Hour)
	if w.watcher.State().Suspects || !w.isListed("healthy-0") {
		t.Error("what happened during the suspicion counts")
	}
	w.rounds(26 * time.Hour)
	if w.isListed("healthy-0") || w.changed != 1 {
		t.Errorf("%+v, the list changed %d times", w.watched("healthy-0").Watch, w.changed)
	}
}

// However many go one after the other, the list is never empty.
func TestNeverEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *watch.Config) { c.RootEntry, c.Policy.Every = false, 6*time.Hour })
	w.healthy(4)
	w.round()
	for _, s := range w.sites {
		s.SetFault(serverlisttest.NotFound)
		w.rounds(60 * time.Hour)
	}
	w.rounds(200 * time.Hour)
	listed, _, err := w.store.Mirrors(t.Context())
	if err != nil || len(listed) != 1 {
		t.Errorf("listed %+v, %v", listed, err)
	}
	// Not even when all that is left is forked.
	for _, s := range w.sites {
		d := serverlisttest.Servers("impostor")
		d.Version = published{w}.Current(serverlist.TypeServerList).Version
		s.SetFault(serverlisttest.Honest)
		s.Put("server.list", w.Sign(d))
	}
	w.round()
	if listed, _, err = w.store.Mirrors(t.Context()); err != nil || len(listed) != 1 {
		t.Errorf("listed %+v, %v", listed, err)
	}
}

// A mirror that is late after the root has changed its list key is late and no
// liar; what a thief signs with the old key is a lie.
func TestKeyChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.healthy(2)
	late := w.mirror("late", serverlisttest.Honest)
	thief := w.mirror("thief", serverlisttest.Honest)
	w.round()
	late.SetFault(serverlisttest.Frozen)
	old := w.Signer("list/1")
	w.Clock.Advance(time.Hour)
	w.Amend(serverlisttest.Change{Lists: []string{"list/2"}, Revoke: []string{"list/1"}})
	w.publish()
	thief.Put("server.list", w.Sign(serverlisttest.Servers("impostor"), old))
	w.round()
	if s := w.watched("late").Last; s.State != store.MirrorBehind {
		t.Errorf("late: %+v", s)
	}
	if s := w.watched("thief").Last; s.State != store.MirrorWrong {
		t.Errorf("thief: %+v", s)
	}
}

// All URLs of a mirror are looked at.
func TestURLs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.healthy(2)
	good, bad, gone := w.Site(serverlisttest.Honest).Start(t), w.Site(serverlisttest.Stranger).Start(t), w.Site(serverlisttest.NotFound).Start(t)
	w.add("gone", gone.URL+"/", good.URL+"/server.list")
	other := w.Site(serverlisttest.Honest)
	w.add("bad", other.Start(t).URL+"/", bad.URL+"/")
	w.round()
	if c := w.watched("gone").Last; c.State != store.MirrorWell || !strings.Contains(c.Error, gone.URL) || !strings.HasPrefix(c.URL, good.URL) {
		t.Errorf("one of two is gone: %+v", c)
	}
	if c := w.watched("bad").Last; c.State != store.MirrorWrong || !strings.HasPrefix(c.URL, bad.URL) {
		t.Errorf("one of two lies: %+v", c)
	}
}

// Between editions the head is enough, so that the watcher is no load.
func TestFetchesWholeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	site := w.mirror("a", serverlisttest.Honest)
	whole := func() (n int) {
		for _, asked := range site.Asked() {
			if asked == "server.list" {
				n++
			}
		}
		return n
	}
	for range 3 {
		w.Clock.Advance(30 * time.Minute)
		w.round()
	}
	if n := whole(); n != 1 {
		t.Errorf("%d whole lists for one edition", n)
	}
	w.publish()
	w.round()
	w.Clock.Advance(25 * time.Hour)
	w.round()
	if n := whole(); n != 3 {
		t.Errorf("%d whole lists for two editions and a day", n)
	}
}

// A mirror that is the only one tells nothing about the root's network.
func TestSingleMirror(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *watch.Config) { c.Policy.Every = 2 * time.Hour })
	site := w.mirror("a", serverlisttest.Honest)
	w.round()
	site.SetFault(serverlisttest.NotFound)
	w.rounds(47 * time.Hour)
	if !w.isListed("a") {
		t.Error("left out within the grace time")
	}
	w.rounds(5 * time.Hour)
	if w.isListed("a") || w.kinds("a") != "warned left-out " || w.kinds("") != "" {
		t.Errorf("%+v, events %q and %q", w.watched("a").Watch, w.kinds("a"), w.kinds(""))
	}
}

// A new mirror is looked at alone, and is not the last one for that.
func TestForkedNewcomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *watch.Config) { c.RootEntry = false })
	w.healthy(2)
	w.round()
	site := w.mirror("a", serverlisttest.Honest)
	d := serverlisttest.Servers("impostor")
	d.Version = published{w}.Current(serverlist.TypeServerList).Version
	site.Put("server.list", w.Sign(d))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.watcher.Run(ctx) }()
	w.watcher.Wake()
	for w.watched("a").Watch.State == store.MirrorNew {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	<-ended
	if w.isListed("a") || !w.isListed("healthy-0") {
		t.Errorf("%+v", w.watched("a").Watch)
	}
}

// An older edition that is signed and that nobody remembers is told of.
func TestUnknownEdition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.healthy(2)
	site := w.mirror("a", serverlisttest.Honest)
	d := serverlisttest.Servers("impostor")
	d.Version = published{w}.Current(serverlist.TypeServerList).Version - 1
	site.Put("server.list", w.Sign(d))
	w.round()
	if c := w.watched("a").Last; c.State != store.MirrorBehind || !strings.Contains(c.Error, "on record") {
		t.Errorf("%+v", c)
	}
}
