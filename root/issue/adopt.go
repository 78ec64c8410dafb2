package issue

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// catchUp takes over what the store has and this publisher does not: newer
// editions of the given lists, or trust documents together with the editions
// that came with them. It is how anything gets published: by this process, by
// another one, or by the one that crashed.
func (p *Publisher) catchUp(ctx context.Context, lists ...*list) error {
	next := p.authority
	for {
		// The lists before the trust documents: an edition that was there
		// before we looked for documents holds under those that we find. And
		// as documents come with new editions, whoever signs under an older
		// one loses the compare-and-swap.
		editions, err := p.readNewest(ctx, lists)
		if err != nil {
			return fmt.Errorf("reading the newest edition: %w", err)
		}
		chain, recorded, err := follow(ctx, p.cfg.Store, next.chain, min(p.recorded, next.chain.Newest().Version))
		if err != nil {
			return err
		}
		p.recorded = recorded
		if chain == next.chain {
			all, err := p.judge(next, editions)
			if err == nil {
				err = p.release(next, all)
			}
			if err != nil || len(all) == 0 {
				return err
			}
			// Another process may have published meanwhile and written its
			// files before us. Whoever writes last looks at the store last.
			continue
		}
		if next, err = p.authorize(chain); err != nil {
			return err
		}
		lists = p.lists()
	}
}

// readNewest reads the newest editions as far as they are news.
func (p *Publisher) readNewest(ctx context.Context, lists []*list) ([]store.Edition, error) {
	var editions []store.Edition
	for _, l := range lists {
		newest, err := p.cfg.Store.Editions(ctx, l.typ, 1)
		if err != nil {
			return nil, err
		}
		if len(newest) == 0 || newest[0].Version == l.inStore.version {
			continue
		}
		e, err := p.cfg.Store.NewestEdition(ctx, l.typ)
		if err != nil {
			return nil, err
		}
		editions = append(editions, e)
	}
	return editions, nil
}

// news is an edition of the store, on its way to the readers.
type news struct {
	list    *list
	place   place
	known   *edition // it, whether or not it still verifies
	edition *edition // nil: nothing to publish
}

// judge verifies editions of the store. One that readers refuse by now, because
// its key was revoked, is not published; the next one is compared with it.
func (p *Publisher) judge(a *authority, editions []store.Edition) ([]news, error) {
	var all []news
	for i := range editions {
		l, err := p.list(editions[i].Type)
		if err != nil {
			continue // readNewest asks for ours only
		}
		n := news{list: l, place: place{editions[i].Epoch, editions[i].Version}}
		e, err := p.openStored(a, l, editions[i].Document, editions[i].Published)
		switch {
		case err != nil:
			p.cfg.Log.Error("the newest edition in the database does not verify any more and is not served", "list", l.name, "version", n.place.version, "err", err)
			if n.known, err = openOnce(a, l, editions[i].Document); err != nil {
				return nil, &DatabaseError{List: l.name, Problem: fmt.Sprintf("holds version %d, which is none of this root", n.place.version), Err: err}
			}
			n.known.stored = true
			l.due = true
		case l.known != nil && l.known.place().after(e.place()):
			// The public folder is ahead, and never goes back.
		default:
			e.stored = true
			n.known = e
			if l.newest == nil || e.place().after(l.newest.place()) {
				n.edition = e
			}
		}
		all = append(all, n)
	}
	return all, nil
}

// openOnce verifies what this root has published before as readers did who had
// it before any key was revoked. It is for comparison and never served.
func openOnce(a *authority, l *list, data []byte) (*edition, error) {
	opened, err := a.open(l, data, keys.Stored, time.Unix(0, 0))
	if err != nil {
		return nil, err
	}
	return newEdition(l.name, opened), nil
}

// openStored verifies what this root has published before. An edition that
// holds only under an older trust document is stale: it is served until the
// next one is there.
func (p *Publisher) openStored(a *authority, l *list, data []byte, firstSeen time.Time) (*edition, error) {
	opened, err := a.open(l, data, keys.Live, time.Time{})
	if err == nil {
		return newEdition(l.name, opened), nil
	}
	opened, stale := a.open(l, data, keys.Stored, firstSeen)
	if stale != nil {
		return nil, err
	}
	e := newEdition(l.name, opened)
	e.stale = true
	return e, nil
}

func (a *authority) open(l *list, data []byte, held keys.Held, firstSeen time.Time) (*serverlist.List, error) {
	want := serverlist.Want{Origin: a.chain.Origin(), Type: l.typ, Held: held, FirstSeen: firstSeen}
	return serverlist.Open(data, want, a.chain)
}

// release puts trust documents and editions into the public folder, in the
// order in which readers need them, and then serves all of them at once. With
// an error nothing is served that was not before.
func (p *Publisher) release(next *authority, all []news) error {
	newest := make(map[*list]*edition)
	for _, l := range p.lists() {
		newest[l] = l.newest
	}
	for _, n := range all {
		if n.edition != nil {
			newest[n.list] = n.edition
		}
	}
	v := p.view.Load().next(p.outgoing(next, newest), newest)
	if err := p.writeAll(v, all); err != nil {
		return err
	}
	p.authority = next
	for _, n := range all {
		n.list.inStore = n.place
		if k := n.known; k != nil && (n.list.known == nil || !n.list.known.place().after(k.place())) {
			n.list.known = k
		}
		if n.edition != nil {
			n.list.newest, n.list.due = n.edition, false
		}
	}
	p.view.Store(v)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spread()
	return nil
}

// outgoing returns the trust documents that may be served: all, except that
// documents which the store lacks wait for lists that hold under them.
func (p *Publisher) outgoing(next *authority, newest map[*list]*edition) []*keys.Trust {
	docs := next.chain.Documents()
	for l, e := range newest {
		if e != nil && e.stale || e == nil && l.due {
			return docs[:min(int64(len(docs)), p.recorded)]
		}
	}
	return docs
}

// writeAll puts into the public folder what is not there: the trust documents
// that are not served yet, then the lists.
func (p *Publisher) writeAll(v *view, all []news) error {
	for _, t := range v.trust {
		if d := v.docs[trustName(t)]; d != p.Document(d.Name) {
			if err := p.writeMissing(d); err != nil {
				return err
			}
		}
	}
	for _, n := range all {
		if n.edition != nil {
			if err := p.writeDocument(n.edition.doc); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Publisher) writeMissing(d *Document) error {
	if have, err := os.ReadFile(p.path(d.Name)); err == nil && bytes.Equal(have, d.Bytes) {
		return nil
	}
	return p.writeDocument(d)
}

func (p *Publisher) writeDocument(d *Document) error {
	if err := p.write(p.path(d.Name), d.Bytes); err != nil {
		return fmt.Errorf("writing %s to the public folder: %w", d.Name, err)
	}
	return nil
}
