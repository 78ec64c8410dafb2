package issue_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A witness remembers every document that any publisher has written, and
// objects to two of one version.
type witness struct {
	t    *testing.T
	mu   sync.Mutex
	seen map[string]string // by name and version
}

// watch makes a publisher's writes pass the witness.
func (x *witness) watch(p *issue.Publisher, w *world) {
	p.SetWriter(func(path string, data []byte) error {
		if filepath.Base(path) == "server.list" {
			x.note(w, data)
		}
		return issue.WritePublic(path, data)
	})
}

func (x *witness) note(w *world, data []byte) {
	l, err := serverlist.Open(data, serverlist.Want{Origin: origin, Type: servers}, w.chain)
	if err != nil {
		x.t.Error(err)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	key := fmt.Sprint(l.Head.Version)
	if old, ok := x.seen[key]; ok && old != string(data) {
		x.t.Errorf("two editions of version %s", key)
	}
	x.seen[key] = string(data)
}

// Publishers on one store, as of two processes: never two editions of one
// number, and both end with the same one.
func TestPublishersOnOneStore(t *testing.T) { inBubble(t, publishersOnOneStore) }

func publishersOnOneStore(t *testing.T, w *world) {
	x := &witness{t: t, seen: map[string]string{}}
	var publishers []*issue.Publisher
	for i := range 3 {
		p := w.publisher(func(c *issue.Config) {
			c.Store = w.openStore("root.db") // a handle of its own
			c.Public = filepath.Join(w.dir, fmt.Sprint("public", i))
		})
		x.watch(p, w)
		publishers = append(publishers, p)
	}
	const rounds = 3
	var wg sync.WaitGroup
	for i, p := range publishers {
		wg.Go(func() {
			for round := range rounds {
				if _, err := approveNew(t, w.store, fmt.Sprintf("%d-%d", i, round)); err != nil {
					t.Error(err)
				}
				if err := p.Publish(t.Context(), servers); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, p := range publishers {
		w.publish(p, servers)
	}
	last := publishers[0].Current(servers)
	for i, p := range publishers {
		if d := p.Current(servers); d.Version != last.Version || d.ETag != last.ETag || d.Entries != rounds*len(publishers) {
			t.Errorf("publisher %d ends with version %d of %d entries, the first one with %d of %d",
				i, d.Version, d.Entries, last.Version, last.Entries)
		}
	}
	if n := w.editions(servers); n != len(x.seen) {
		t.Errorf("%d editions are stored, %d were written", n, len(x.seen))
	}
}

// One publisher, called from everywhere.
func TestConcurrentCalls(t *testing.T) { inBubble(t, concurrentCalls) }

func concurrentCalls(t *testing.T, w *world) {
	p := w.publisher()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := approveNew(t, w.store, fmt.Sprint("c", i)); err != nil {
				t.Error(err)
			}
			if err := p.Publish(t.Context(), servers); err != nil {
				t.Error(err)
			}
			p.Changed()
			for _, d := range p.Documents() {
				if p.Document(d.Name).Version < d.Version {
					t.Errorf("%s went back", d.Name)
				}
			}
			p.State(servers)
		})
	}
	wg.Wait()
	if d := p.Current(servers); d.Entries != 8 {
		t.Errorf("%d entries, want 8", d.Entries)
	}
}
