package watch_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A mirror with right lists may still be of no use to clients that know an
// older trust document.
func TestTrust(t *testing.T) {
	t.Parallel()
	other := serverlisttest.Change{Lists: []string{"list/1", "list/3"}}
	thief := serverlisttest.NewRoot(serverlisttest.Options{}) // with the keys of the root
	forged := thief.Amend(other)
	further := func(*world) []byte {
		thief := serverlisttest.NewRoot(serverlisttest.Options{})
		thief.Amend(serverlisttest.Change{Lists: []string{"list/1", "list/2"}})
		return thief.Amend(other)
	}
	stranger := serverlisttest.NewRoot(serverlisttest.Options{Seed: "stranger"})
	for name, c := range map[string]struct {
		document string
		data     func(w *world) []byte
		want     store.MirrorState
		problem  string
		evidence int
	}{
		"all there":            {"x", func(*world) []byte { return nil }, store.MirrorWell, "", 0},
		"the first is missing": {"trust/1.trust", func(*world) []byte { return nil }, store.MirrorIncomplete, "/trust/1.trust", 0},
		"the newest is missing": {"trust/2.trust", func(*world) []byte { return nil },
			store.MirrorIncomplete, "/trust/2.trust", 0},
		"a page for the newest": {"trust/2.trust", func(*world) []byte { return []byte("<!DOCTYPE html>\n\n<p>not here\n") },
			store.MirrorIncomplete, "HTML page", 0},
		"a stranger's first":  {"trust/1.trust", func(*world) []byte { return stranger.Pinned() }, store.MirrorWrong, "somebody else", 0},
		"a stranger's second": {"trust/2.trust", func(*world) []byte { return stranger.Amend(other) }, store.MirrorWrong, "does not verify", 0},
		"cut off":             {"trust/2.trust", func(w *world) []byte { d := w.Folder()["trust/2.trust"].Data; return d[:len(d)-9] }, store.MirrorWrong, "does not verify", 0},
		"the first again":     {"trust/2.trust", func(w *world) []byte { return w.Pinned() }, store.MirrorWrong, "does not verify", 0},
		"other line ends": {"trust/2.trust", func(w *world) []byte {
			return bytes.ReplaceAll(w.Folder()["trust/2.trust"].Data, []byte("\n"), []byte("\r\n"))
		}, store.MirrorWell, "", 0},
		"signed by a thief":         {"trust/2.trust", func(*world) []byte { return forged }, store.MirrorForked, "is not what this root has published", 1},
		"a further one by a thief":  {"trust/3.trust", further, store.MirrorWell, "trust document 3 is newer than any", 0},
		"a further one that is not": {"trust/3.trust", func(*world) []byte { return forged }, store.MirrorWell, "trust/3.trust", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Amend(serverlisttest.Change{Lists: []string{"list/1", "list/2"}})
			w.publish()
			w.healthy(2)
			site := w.mirror("a", serverlisttest.Honest)
			site.Put(c.document, c.data(w))
			w.round()
			m := w.watched("a")
			if m.Last.State != c.want || !strings.Contains(m.Last.Error, c.problem) || c.problem == "" && m.Last.Error != "" {
				t.Errorf("%s with %q, want %s with %q", m.Last.State, m.Last.Error, c.want, c.problem)
			}
			if w.isListed("a") == (c.want == store.MirrorForked) {
				t.Errorf("%+v", m.Watch)
			}
			evidence, err := w.store.Evidence(t.Context(), "a", 10)
			if err != nil || len(evidence) != c.evidence {
				t.Fatalf("evidence %+v, %v", evidence, err)
			}
			for _, e := range evidence {
				if !bytes.Equal(e.Served, forged) || !bytes.Equal(e.Held, w.Folder()["trust/2.trust"].Data) || !strings.HasSuffix(e.URL, "/trust/2.trust") {
					t.Errorf("%+v", e)
				}
			}
			site.Put(c.document, published{w}.data(c.document))
			w.Clock.Advance(30 * time.Minute)
			w.round()
			if s := w.watched("a").Last.State; s != store.MirrorWell {
				t.Errorf("put right, it is %s", s)
			}
		})
	}
}

// Trust documents are looked at when there is a new one, and once a day.
func TestTrustIsNoLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Amend(serverlisttest.Change{Lists: []string{"list/1", "list/2"}})
	w.publish()
	site := w.mirror("a", serverlisttest.Honest)
	seen := 0
	asked := func(pause time.Duration, want ...string) {
		t.Helper()
		w.Clock.Advance(pause)
		w.round()
		all := site.Asked()
		got := slices.DeleteFunc(slices.Clone(all[seen:]), func(name string) bool { return !strings.HasPrefix(name, "trust/") })
		seen = len(all)
		if !slices.Equal(got, want) {
			t.Errorf("asked for %q, want %q", got, want)
		}
	}
	asked(0, "trust/1.trust", "trust/2.trust", "trust/3.trust")
	asked(30 * time.Minute)
	asked(30 * time.Minute)
	w.Amend(serverlisttest.Change{Lists: []string{"list/2"}})
	w.publish()
	asked(30*time.Minute, "trust/3.trust", "trust/4.trust")
	asked(30 * time.Minute)
	asked(23*time.Hour, "trust/1.trust", "trust/2.trust", "trust/3.trust", "trust/4.trust")
}

// data returns what is published under a name; nil: nothing.
func (p published) data(name string) []byte {
	if file := p.w.Folder()[name]; file != nil {
		return file.Data
	}
	return nil
}
