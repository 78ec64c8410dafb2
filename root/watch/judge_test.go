package watch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/watch"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// One mirror that has the newest edition proves that the network works, so that
// most of them may be left out.
func TestMostAreDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *watch.Config) { c.Policy.Every = 2 * time.Hour })
	w.healthy(3)
	w.round()
	for _, id := range []string{"healthy-0", "healthy-1"} {
		w.sites[id].SetFault(serverlisttest.Unavailable)
	}
	w.rounds(47 * time.Hour)
	if !w.isListed("healthy-0") || !w.isListed("healthy-1") || w.watcher.State().Suspects {
		t.Errorf("within the grace time: %+v", w.watcher.State())
	}
	w.rounds(5 * time.Hour)
	if w.isListed("healthy-0") || w.isListed("healthy-1") || !w.isListed("healthy-2") || w.changed != 1 || w.kinds("") != "" {
		t.Errorf("%+v, the list changed %d times, events %q", w.watched("healthy-0").Watch, w.changed, w.kinds(""))
	}
}

// One good answer among bad ones does not acquit.
func TestAlternating(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  serverlisttest.Fault
		every  time.Duration
		within time.Duration
		events string
	}{
		"a liar":              {serverlisttest.Stranger, 30 * time.Minute, 3 * time.Hour, "left-out "},
		"one that is away":    {serverlisttest.NotFound, 2 * time.Hour, 110 * time.Hour, "warned left-out "},
		"one that is too old": {serverlisttest.Frozen, 2 * time.Hour, 0, ""}, // and still fresh: behind
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(cfg *watch.Config) { cfg.Policy.Every = c.every })
			w.healthy(1)
			site := w.mirror("a", serverlisttest.Honest)
			w.round()
			began := w.Clock.Now()
			for i := 0; w.isListed("a") && i < 80; i++ {
				if site.SetFault(c.fault); i%2 == 1 {
					site.SetFault(serverlisttest.Honest)
				}
				w.Clock.Advance(c.every)
				w.round()
			}
			took := w.Clock.Now().Sub(began)
			if out := !w.isListed("a"); out != (c.within > 0) || out && took > c.within || w.kinds("a") != c.events {
				t.Errorf("left out: %v after %v, want within %v; events %q", out, took, c.within, w.kinds("a"))
			}
		})
	}
}

// A mirror with right lists and without a trust document stays in the list, and
// its contact is told, once.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *watch.Config) { c.Policy.Every = 2 * time.Hour })
	w.healthy(1)
	site := w.mirror("a", serverlisttest.Honest)
	site.Put("trust/1.trust", nil)
	w.rounds(12 * time.Hour)
	if m := w.watched("a"); m.Watch.State != store.MirrorIncomplete || w.kinds("a") != "" {
		t.Errorf("%+v, events %q", m.Watch, w.kinds("a"))
	}
	w.rounds(72 * time.Hour)
	if !w.isListed("a") || w.kinds("a") != "warned " || !strings.Contains(w.log.String(), "has lacked a trust document since") {
		t.Errorf("events %q", w.kinds("a"))
	}
	site.Put("trust/1.trust", published{w}.data(serverlist.TrustName(1)))
	w.round()
	if m := w.watched("a"); m.Watch.State != store.MirrorWell {
		t.Errorf("put right: %+v", m.Watch)
	}
}
