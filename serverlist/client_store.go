package serverlist

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// maxConflicts is how many pairs of conflicting heads are kept as evidence.
const maxConflicts = 8

// keep makes a list that a source has just shown the one that is held, and
// stores it: ahead, if not nil, is what of it has been written already. A cache
// that cannot take it costs the cache alone; the attempt returned says so.
//
// It returns once the list would survive a crash, and only then is the list
// shown. Showing it earlier would be faster, and wrong: after a crash the next
// start, perhaps without network, would go back to the list before, which the
// player has seen replaced, and whose rollback nobody could tell from that of
// an attacker.
func (c *Client) keep(name string, l *List, url string, ahead *aheadFile) *Attempt {
	started, begin := c.cfg.Now(), time.Now()
	s := c.snapshot()
	old := *s.held(name)
	h := &heldList{list: l, source: SourceCached, from: url, firstSeen: later(s.now(started), l.Head.Issued)}
	if old != nil && old.list.Same(l) {
		if old.inCache || c.cfg.Cache == nil {
			return nil
		}
		*h = *old
	}
	err := c.store(name, h, ahead)
	c.mu.Lock()
	*c.state.held(name) = h
	c.mu.Unlock()
	if err == nil {
		return nil
	}
	return &Attempt{
		URL: c.cacheName(name), Document: name, Started: started, Took: time.Since(begin), Outcome: OutcomeFailed,
		Detail: fmt.Sprintf("cannot store it: %v; it is shown all the same, but not kept for the next start", err),
	}
}

// store writes a list to the cache, unless another program has stored a newer
// one there meanwhile, or a different one of its number. The trust documents go
// first: the next start, perhaps offline and after a kill in between, could not
// verify the list without them.
func (c *Client) store(name string, h *heldList, ahead *aheadFile) error {
	if c.cfg.Cache == nil {
		return nil
	}
	if a := c.storeTrust(); a != nil {
		return fmt.Errorf("%s, which it needs: %s", a.Document, a.Detail)
	}
	stays := false
	err := storeUnless(c.cfg.Cache, name, h, ahead, func(held []CacheEntry) bool {
		stays = slices.ContainsFunc(held, func(e CacheEntry) bool { return c.outranks(e, h.list) })
		return stays
	})
	if err == nil && !stays {
		h.source, h.from, h.inCache = SourceCached, c.cacheName(name), true
	}
	return err
}

// outranks tells whether what is stored verifies, and is newer than a list or
// another of its number.
func (c *Client) outranks(e CacheEntry, l *List) bool {
	want := Want{Origin: l.Head.Origin, Type: l.Head.Type, Held: Stored, FirstSeen: e.FirstSeen, Limits: c.cfg.Limits}
	note, err := OpenHead(e.Data, want, c.chain())
	return err == nil && CompareHeads(&note.Head, &l.Head) >= 0 && !bytes.Equal(note.Text, l.Text())
}

func storeUnless(cache Cache, name string, h *heldList, ahead *aheadFile, stays func([]CacheEntry) bool) error {
	data := h.list.Bytes()
	switch cache := cache.(type) {
	case dirCache:
		return cache.storeAhead(name, data, h.firstSeen, stays, ahead)
	case SharedCache:
		return cache.StoreUnless(name, data, h.firstSeen, stays)
	}
	if held, err := cache.Load(name); err == nil && stays(held) {
		return nil
	}
	return cache.Store(name, data, h.firstSeen)
}

// storeTrust stores the trust documents that the cache does not have, in their
// order, up to the first that cannot be stored: those after it are of no use
// without it. The pinned one is among them, for a program that shares the cache
// and pins an earlier one. Nobody looks for document 1 there.
func (c *Client) storeTrust() *Attempt {
	if c.cfg.Cache == nil {
		return nil
	}
	for _, t := range c.chain().Documents() {
		name, started, begin := TrustName(t.Version), c.cfg.Now(), time.Now()
		if t.Version == 1 || c.isStored(name, t.Bytes()) {
			continue
		}
		if err := c.cfg.Cache.Store(name, t.Bytes(), c.now(started)); err != nil {
			return &Attempt{
				URL: c.cacheName(name), Document: name, Started: started, Took: time.Since(begin), Outcome: OutcomeFailed,
				Detail: fmt.Sprintf("cannot store it: %v; it will be fetched again", err),
			}
		}
	}
	return nil
}

// isStored tells whether one of the generations in the cache is this document.
// Which of them does not matter: programs that know it with other signatures
// need not take turns in storing it.
func (c *Client) isStored(name string, data []byte) bool {
	entries, err := c.cfg.Cache.Load(name)
	return err == nil && slices.ContainsFunc(entries, func(e CacheEntry) bool { return bytes.Equal(e.Data, data) })
}

// storeConflict keeps both heads as evidence for the admins: verified notes
// that anyone can check.
func (c *Client) storeConflict(e *ConflictError) {
	if c.cfg.Cache == nil {
		return
	}
	pair := slices.Concat(e.Held, e.Got)
	same := func(entry CacheEntry) bool { return textsOf(entry.Data) == textsOf(pair) }
	for i := 1; i <= maxConflicts; i++ {
		name := fmt.Sprintf("conflict/%d", i)
		entries, err := c.cfg.Cache.Load(name)
		if err != nil || slices.ContainsFunc(entries, same) {
			return
		}
		if len(entries) == 0 {
			if err := c.cfg.Cache.Store(name, pair, c.cfg.Now()); err != nil {
				c.cfg.Log.Warn("cannot keep evidence of two editions with one number", "error", err)
			}
			return
		}
	}
}

// textsOf returns the texts of a pair of heads in an order of their own. Which of
// them was held, and the signatures beside them, make no other pair: anybody can
// add a line that no key of ours has made.
func textsOf(pair []byte) (texts [2]string) {
	second := noteEnd(pair) + 1
	texts = [2]string{string(keys.DraftText(pair[:second])), string(keys.DraftText(pair[second:]))}
	slices.Sort(texts[:])
	return texts
}
