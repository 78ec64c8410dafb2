package issue_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/store/storetest"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// node returns a publisher as of another process: on the same store, with a
// public folder of its own.
func (w *world) node(name string, changes ...func(*issue.Config)) *issue.Publisher {
	w.t.Helper()
	own := func(c *issue.Config) {
		c.Store = w.openStore("root.db") // a handle of its own
		c.Public = filepath.Join(w.dir, name)
	}
	return w.publisher(append([]func(*issue.Config){own}, changes...)...)
}

// Another process follows with its next edition, whether its own lists changed
// or not.
func TestAnotherNodeFollows(t *testing.T) { inBubble(t, anotherNodeFollows) }

func anotherNodeFollows(t *testing.T, w *world) {
	p := w.published(1)
	other := w.node("other")
	w.publish(other, servers)
	document := w.nextTrust(revoke(w.list), w.rotation())
	must(p.PublishTrust(t.Context(), document, "alice"))(t)
	w.accept(document)
	w.publish(other, servers)
	for _, d := range p.Documents() {
		if got := other.Document(d.Name); got == nil || got.ETag != d.ETag {
			t.Errorf("the other node does not serve %s of version %d", d.Name, d.Version)
		}
	}
	w.add(1)
	w.publish(other, servers)
	w.publish(p, servers)
	w.check(p, servers, "s1", "s2")
	w.checkTrustExceptMirrorsHint(p)
}

// checkTrustExceptMirrorsHint is for lists that were not published together.
func (w *world) checkTrustExceptMirrorsHint(p *issue.Publisher) {
	w.t.Helper()
	for _, typ := range []string{servers, mirrors} {
		if l := w.file(typ); l.Head.Trust != w.chain.Newest().Version {
			w.t.Errorf("%s names trust document %d", typ, l.Head.Trust)
		}
	}
}

// A process that has no key for the document in force signs nothing any more:
// every client would refuse it.
func TestNodeWithoutTheNewKey(t *testing.T) { inBubble(t, nodeWithoutTheNewKey) }

func nodeWithoutTheNewKey(t *testing.T, w *world) {
	p := w.published(1)
	old := w.list
	other := w.node("other", func(c *issue.Config) { c.Keys = having(old) })
	w.publish(other, mirrors)
	w.publish(other, servers)
	before := other.Current(servers)
	document := w.nextTrust(w.rotation())
	must(p.PublishTrust(t.Context(), document, "alice"))(t)
	w.accept(document)
	editions := w.editions(servers)
	w.add(1)
	var refused *issue.TrustError
	if err := other.Publish(t.Context(), servers); !errors.As(err, &refused) || refused.Version != 2 || !errors.Is(err, errNoKey) {
		t.Errorf("got %v, want a TrustError", err)
	}
	if other.Current(servers) != before || other.Document("trust/2.trust") != nil || w.editions(servers) != editions {
		t.Error("it published all the same")
	}
	w.publish(p, servers)
	w.check(p, servers, "s1", "s2")
}

// Two admins publish the same document at two nodes: one document, and both
// hear that it is done.
func TestSameDocumentAtTwoNodes(t *testing.T) { inBubble(t, sameDocumentAtTwoNodes) }

func sameDocumentAtTwoNodes(t *testing.T, w *world) {
	p := w.published(1)
	other := w.node("other")
	w.publish(other, servers)
	document := w.nextTrust(w.rotation())
	var wg sync.WaitGroup
	for _, node := range []*issue.Publisher{p, other, p, other} {
		wg.Go(func() {
			if _, err := node.PublishTrust(t.Context(), document, "alice"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.accept(document)
	w.checkTrust(p)
	if n := len(storetest.Recorded(t, w.store, 10)); n != 2 { // the approval, and this
		t.Errorf("%d decisions, want 2", n)
	}
}

// Whatever another node is about to do when the list key is rotated: what it
// publishes afterwards holds under the new document, and in no folder is ever
// a list that does not hold under the newest document there.
func TestRotationBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	var steps int
	synctest.Test(t, func(t *testing.T) { steps = stepsToPublish(t, newWorld(t), nil) })
	if steps < 5 {
		t.Errorf("a node takes %d steps to publish; are they counted?", steps)
	}
	for at := 1; at <= steps; at++ {
		synctest.Test(t, func(t *testing.T) { rotationAtStep(t, newWorld(t), at) })
	}
}

// stepsToPublish lets another node publish and counts its steps.
func stepsToPublish(t *testing.T, w *world, each func(step int, p *issue.Publisher)) (steps int) {
	p := w.published(1)
	counted := &countedStore{Store: w.openStore("root.db")}
	other := w.node("other", func(c *issue.Config) { c.Store = counted })
	other.SetWriter(func(path string, data []byte) error {
		checkWritten(t, path, data)
		return issue.WritePublic(path, data)
	})
	w.publish(other, servers)
	w.add(1)
	w.publish(p, servers)
	w.add(1)
	counted.step = func() {
		if steps++; each != nil {
			each(steps, p)
		}
	}
	w.publish(other, servers)
	counted.step = nil
	return steps
}

func rotationAtStep(t *testing.T, w *world, at int) {
	var rotated *issue.Publisher
	var version int64
	stepsToPublish(t, w, func(step int, p *issue.Publisher) {
		if step != at {
			return
		}
		document := w.nextTrust(w.rotation())
		if _, err := p.PublishTrust(t.Context(), document, "alice"); err != nil {
			t.Fatal(err)
		}
		w.accept(document)
		rotated, version = p, p.Current(servers).Version
	})
	for _, e := range must(w.store.Editions(t.Context(), servers, 2))(t) { // of which the store keeps the documents
		if e.Version >= version {
			w.holds(e.Version)
		}
	}
	w.publish(rotated, servers)
	w.check(rotated, servers, "s1", "s2", "s3")
}

// holds tells whether clients accept an edition as live.
func (w *world) holds(version int64) {
	w.t.Helper()
	e := must(w.store.Edition(w.t.Context(), servers, version))(w.t)
	if _, err := serverlist.Open(e.Document, serverlist.Want{Origin: origin, Type: servers}, w.chain); err != nil {
		w.t.Errorf("edition %d: %v", version, err)
	}
}

// A countedStore calls step after every read and before every write.
type countedStore struct {
	store.Store
	step func()
}

func (s *countedStore) count() {
	if s.step != nil {
		s.step()
	}
}

func (s *countedStore) Trust(ctx context.Context, from int64) ([]store.TrustDocument, error) {
	defer s.count()
	return s.Store.Trust(ctx, from)
}

func (s *countedStore) Editions(ctx context.Context, typ string, limit int) ([]store.Edition, error) {
	defer s.count()
	return s.Store.Editions(ctx, typ, limit)
}

func (s *countedStore) NewestEdition(ctx context.Context, typ string) (store.Edition, error) {
	defer s.count()
	return s.Store.NewestEdition(ctx, typ)
}

func (s *countedStore) Listed(ctx context.Context, each func(string, []byte) error) (int64, error) {
	defer s.count()
	return s.Store.Listed(ctx, each)
}

func (s *countedStore) PublishEdition(ctx context.Context, previous int64, e store.Edition) error {
	s.count()
	return s.Store.PublishEdition(ctx, previous, e)
}

// While the list key is rotated over and over, other nodes publish decisions.
// No folder ever has a list that does not hold under the newest document there.
func TestRotationAmongNodes(t *testing.T) { inBubble(t, rotationAmongNodes) }

func rotationAmongNodes(t *testing.T, w *world) {
	const nodes, rounds = 3, 4
	w.published(1)
	ring := &lockedRing{ring: w.ring}
	var publishers []*issue.Publisher
	for i := range nodes {
		p := w.node(fmt.Sprint("node", i), func(c *issue.Config) { c.Keys = ring.find })
		p.SetWriter(func(path string, data []byte) error {
			checkWritten(t, path, data)
			return issue.WritePublic(path, data)
		})
		publishers = append(publishers, p)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range rounds {
			document := w.nextTrust(ring.rotation(t))
			if _, err := publishers[0].PublishTrust(t.Context(), document, "alice"); err != nil {
				t.Error(err)
				return
			}
			w.accept(document)
			time.Sleep(700 * time.Millisecond)
		}
	})
	for i, p := range publishers[1:] {
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
		w.publish(p, mirrors)
		w.publish(p, servers)
	}
	last := publishers[0].Current(servers)
	for i, p := range publishers {
		if d := p.Current(servers); d.ETag != last.ETag || d.Entries != 1+rounds*(nodes-1) || len(p.Trust()) != 1+rounds {
			t.Errorf("node %d ends with version %d of %d entries under %d trust documents", i, d.Version, d.Entries, len(p.Trust()))
		}
	}
}

// A lockedRing is a folder of keys that several nodes read.
type lockedRing struct {
	mu   sync.Mutex
	ring []*keys.Signer
}

func (r *lockedRing) find(able []keys.VerifierKey) (*keys.Signer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return having(r.ring...)(able)
}

// rotation replaces the newest key by a new one.
func (r *lockedRing) rotation(t testing.TB) func(*keys.Trust) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, next := r.ring[len(r.ring)-1], newSigner(t, fmt.Sprint("list/", len(r.ring)+1))
	r.ring = append(r.ring, next)
	return replaceKey(old, next)
}

// checkWritten verifies a list, on its way into a folder, by the documents
// that are in it.
func checkWritten(t *testing.T, path string, data []byte) {
	typ := map[string]string{"server.list": servers, "mirror.list": mirrors}[filepath.Base(path)]
	if typ == "" {
		return
	}
	chain, err := readChain(filepath.Dir(path))
	if err == nil {
		_, err = serverlist.Open(data, serverlist.Want{Origin: origin, Type: typ}, chain)
	}
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
}
