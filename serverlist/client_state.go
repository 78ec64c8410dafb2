package serverlist

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// A state is what a client holds. It is a value: whoever has a copy keeps it.
type state struct {
	chain    *keys.Chain
	servers  *heldList // nil: none
	mirrors  *heldList // nil: none
	static   *List     // the mirror list shipped with the program; nil: none
	shipped  time.Time // when the newest trust document was issued that the program shipped with
	newest   time.Time // when the newest of all that the program shipped with was issued
	attempts []Attempt // of the last load
}

func newState(pinned *keys.Chain) state {
	issued := pinned.Pinned().Issued
	return state{chain: pinned, shipped: issued, newest: issued}
}

// A heldList is a verified list and where it is held.
type heldList struct {
	list      *List
	source    Source // SourceCached or SourceStatic
	from      string // file, or the URL it came from while no cache has it
	firstSeen time.Time
	inCache   bool
}

// held returns the lists of both kinds by name.
func (s *state) held(name string) **heldList {
	if name == nameMirrorList {
		return &s.mirrors
	}
	return &s.servers
}

func typeOf(name string) string {
	if name == nameMirrorList {
		return TypeMirrorList
	}
	return TypeServerList
}

// load reads the cache and the static folder and keeps, of each list, the
// highest that verifies under what is known of the chain. What is in memory
// takes part: another program may have stored something newer, a cache may be
// read-only. The caller holds c.mu.
func (c *Client) load() {
	c.loaded = true
	c.state.attempts = nil
	c.loadTrust()
	for _, name := range []string{nameMirrorList, nameServerList} {
		c.loadList(name)
	}
}

// loadTrust extends the chain by the documents shipped and stored.
func (c *Client) loadTrust() {
	s := &c.state
	for range maxTrustSteps {
		name := trustName(s.chain.Newest().Version + 1)
		if data, err := readStatic(c.cfg.Static, name, maxTrustBytes); err == nil && c.extend(name, staticName(name), data) {
			s.shipped = later(s.shipped, s.chain.Newest().Issued)
			s.newest = later(s.newest, s.shipped)
			continue
		}
		if !c.extendFromCache(name) {
			return
		}
	}
}

func (c *Client) extendFromCache(name string) bool {
	entries, err := c.cacheLoad(name)
	if err != nil {
		c.note(name, c.cacheName(name), OutcomeFailed, "cannot read the cache: "+err.Error())
	}
	for _, e := range entries {
		if c.extend(name, c.cacheName(name), e.Data) {
			return true
		}
	}
	return false
}

func (c *Client) extend(name, from string, data []byte) bool {
	longer, err := c.state.chain.Extend(data)
	if err != nil {
		c.note(name, from, OutcomeRefused, err.Error())
		return false
	}
	c.state.chain = longer
	c.note(name, from, OutcomeUsed, "")
	return true
}

// A storedCopy is one copy of a list that could be shown.
type storedCopy struct {
	heldList
	data []byte
	want Want
	note *keys.Note // its verified head
}

// loadList picks the highest copy. Of equal ones the cached comes before the
// static one, and the parsed list is reused.
func (c *Client) loadList(name string) {
	place := c.state.held(name)
	memory := *place
	copies := c.copies(name, memory)
	copies = slices.DeleteFunc(copies, func(s *storedCopy) bool { return !c.verifyHead(name, s) })
	slices.SortStableFunc(copies, func(a, b *storedCopy) int { return CompareHeads(&b.note.Head, &a.note.Head) })
	*place = nil
	for _, s := range copies {
		if *place != nil {
			c.noteOlder(name, s, (*place).list)
		} else if c.open(name, s, memory) {
			*place = &s.heldList
			c.note(name, s.from, OutcomeUsed, describe(s.list))
		}
	}
	if name == nameMirrorList {
		c.loadStaticMirrors(copies)
	}
}

// open reads the body of a copy, unless that has been done before.
func (c *Client) open(name string, s *storedCopy, memory *heldList) bool {
	if memory != nil && bytes.Equal(s.data, memory.list.Bytes()) {
		s.list = memory.list
		return true
	}
	l, err := Open(s.data, s.want, c.state.chain)
	if err != nil {
		c.note(name, s.from, OutcomeRefused, err.Error())
		return false
	}
	s.list = l
	return true
}

// loadStaticMirrors keeps the shipped mirror list beside the newest one: its
// mirrors are candidates too, which a newer list cannot take away.
func (c *Client) loadStaticMirrors(copies []*storedCopy) {
	c.state.static = nil
	for _, s := range copies {
		if s.source == SourceStatic && (s.list != nil || c.open(nameMirrorList, s, nil)) {
			c.state.static = s.list
		}
	}
}

// copies collects what could be shown, unverified.
func (c *Client) copies(name string, memory *heldList) []*storedCopy {
	want := Want{Origin: c.state.chain.Origin(), Type: typeOf(name), Limits: c.cfg.Limits}
	var all []*storedCopy
	add := func(data []byte, source Source, from string, held Held, seen time.Time) *storedCopy {
		want := want
		want.Held, want.FirstSeen = held, seen
		s := &storedCopy{heldList: heldList{source: source, from: from, firstSeen: seen}, data: data, want: want}
		all = append(all, s)
		return s
	}
	entries, err := c.cacheLoad(name)
	switch {
	case err != nil:
		c.note(name, c.cacheName(name), OutcomeFailed, "cannot read the cache: "+err.Error())
	case len(entries) == 0 && c.cfg.Cache != nil:
		c.note(name, c.cacheName(name), OutcomeAbsent, "nothing is stored yet")
	}
	for _, e := range entries {
		add(e.Data, SourceCached, c.cacheName(name), Stored, e.FirstSeen).inCache = true
	}
	if c.cfg.Static != nil {
		data, err := readStatic(c.cfg.Static, name, maxCachedBytes)
		if err != nil {
			c.note(name, staticName(name), OutcomeAbsent, "not shipped with the program: "+err.Error())
		} else {
			add(data, SourceStatic, staticName(name), Static, c.state.shipped)
		}
	}
	if memory != nil && memory.source != SourceStatic {
		add(memory.list.Bytes(), memory.source, memory.from, Stored, memory.firstSeen)
	}
	return all
}

// verifyHead judges a copy by its head; bodies are read of the chosen one
// alone.
func (c *Client) verifyHead(name string, s *storedCopy) bool {
	note, err := OpenHead(s.data, s.want, c.state.chain)
	if err != nil {
		c.note(name, s.from, OutcomeRefused, err.Error())
		return false
	}
	s.note = note
	if s.source == SourceStatic {
		c.state.newest = later(c.state.newest, note.Head.Issued)
	}
	return true
}

func (c *Client) noteOlder(name string, s *storedCopy, chosen *List) {
	switch {
	case bytes.Equal(s.note.Text, chosen.Text()): // its line ends or signatures may differ
	case CompareHeads(&s.note.Head, &chosen.Head) == 0:
		c.note(name, s.from, OutcomeRefused, "has the epoch and version of the list in use, but differs: a signing key is misused; tell the admins")
	default:
		c.note(name, s.from, OutcomeOlder, "older than the list in use")
	}
}

// note adds an attempt to those of this load.
func (c *Client) note(name, from string, outcome Outcome, detail string) {
	a := Attempt{URL: from, Document: name, Started: c.cfg.Now(), Outcome: outcome, Detail: detail}
	c.state.attempts = append(c.state.attempts, a)
	c.logAttempt(a)
}

func (c *Client) cacheLoad(name string) ([]CacheEntry, error) {
	if c.cfg.Cache == nil {
		return nil, nil
	}
	return c.cfg.Cache.Load(name)
}

// cacheName is where a document lies, as well as the cache can tell.
func (c *Client) cacheName(name string) string {
	if dir, ok := c.cfg.Cache.(fmt.Stringer); ok {
		return filepath.Join(dir.String(), filepath.FromSlash(name))
	}
	return "cache/" + name
}

func describe(l *List) string {
	n := fmt.Sprintf("%d servers", len(l.Servers))
	if l.Head.Type == TypeMirrorList {
		n = fmt.Sprintf("%d mirrors", len(l.Mirrors))
	}
	if len(l.Skipped) > 0 {
		n += fmt.Sprintf(", %d entries or members skipped", len(l.Skipped))
	}
	return fmt.Sprintf("version %d, issued %s, %s", l.Head.Version, l.Head.Issued.Format(time.RFC3339), n)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
