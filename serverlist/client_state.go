package serverlist

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
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
	source    Source    // SourceCached or SourceStatic
	from      string    // file, or the URL it came from while no cache has it
	firstSeen time.Time // of a static list: when the newest trust document was issued that it came with
	inCache   bool
}

// held returns the lists of both kinds by name.
func (s *state) held(name string) **heldList {
	if name == NameMirrorList {
		return &s.mirrors
	}
	return &s.servers
}

func typeOf(name string) string {
	if name == NameMirrorList {
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
	for _, name := range []string{NameMirrorList, NameServerList} {
		c.loadList(name)
	}
}

// loadTrust extends the chain by the documents shipped and stored.
func (c *Client) loadTrust() {
	s := &c.state
	for range maxTrustSteps {
		name := TrustName(s.chain.Newest().Version + 1)
		data, err := readStatic(c.cfg.Static, name, maxTrustBytes)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.note(name, c.staticName(name), OutcomeFailed, "cannot read it: "+err.Error())
		}
		if err == nil && c.extend(name, c.staticName(name), data) {
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
		c.noteUnreadable(name, err)
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
	file   *storedFile
	want   Want
	note   *keys.Note // its verified head
	opened bool       // its body was read, or could not be
}

// loadList picks the highest copy. Of different ones with one number that stays
// which is in memory. Of equal ones the cached comes before the static one, and
// the parsed list is reused.
func (c *Client) loadList(name string) {
	place := c.state.held(name)
	memory := *place
	all := c.copies(name, memory)
	defer func() {
		for _, s := range all {
			s.file.close()
		}
	}()
	copies := slices.DeleteFunc(slices.Clone(all), func(s *storedCopy) bool { return !c.verifyHead(name, s) })
	stays := func(s *storedCopy) int {
		if memory != nil && bytes.Equal(s.note.Text, memory.list.Text()) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(copies, func(a, b *storedCopy) int {
		return cmp.Or(CompareHeads(&b.note.Head, &a.note.Head), stays(b)-stays(a))
	})
	*place = nil
	for _, s := range copies {
		if *place != nil {
			c.noteOlder(name, s, (*place).list)
		} else if c.open(name, s, listOf(memory)) {
			*place = &s.heldList
			c.note(name, s.from, OutcomeUsed, describe(s.list))
		}
	}
	if name == NameMirrorList {
		c.loadStaticMirrors(copies)
	}
}

// open reads the body of a copy, unless it is that of a list that is in memory
// already, or nil.
func (c *Client) open(name string, s *storedCopy, known *List) bool {
	if s.opened {
		return s.list != nil
	}
	s.opened = true
	var held []byte
	if known != nil {
		held = known.Bytes()
	}
	data, err := s.file.all(held)
	if err != nil {
		c.note(name, s.from, OutcomeFailed, "cannot read it: "+err.Error())
		return false
	}
	if known != nil && bytes.Equal(data, held) {
		s.list = known
		return true
	}
	s.list, err = openOwned(data, s.want, c.state.chain)
	if err != nil {
		c.note(name, s.from, OutcomeRefused, err.Error())
		return false
	}
	return true
}

// loadStaticMirrors keeps the shipped mirror list beside the newest one: its
// mirrors are candidates too, which a newer list cannot take away.
func (c *Client) loadStaticMirrors(copies []*storedCopy) {
	before := c.state.static
	c.state.static = nil
	for _, s := range copies {
		if s.source == SourceStatic && c.open(NameMirrorList, s, before) {
			c.state.static = s.list
			return
		}
	}
}

// copies collects what could be shown, unverified. Close their files.
func (c *Client) copies(name string, memory *heldList) []*storedCopy {
	want := Want{Origin: c.state.chain.Origin(), Type: typeOf(name), Limits: c.cfg.Limits}
	var all []*storedCopy
	add := func(file *storedFile, source Source, from string, seen time.Time) *storedCopy {
		want := want
		if source == SourceStatic {
			want.Held, want.Shipped = Static, seen
		} else {
			want.Held, want.FirstSeen = Stored, seen
		}
		s := &storedCopy{heldList: heldList{source: source, from: from, firstSeen: seen}, file: file, want: want}
		all = append(all, s)
		return s
	}
	docs, err := c.cacheOpen(name)
	switch {
	case err != nil:
		c.noteUnreadable(name, err)
	case len(docs) == 0 && c.cfg.Cache != nil:
		c.note(name, c.cacheName(name), OutcomeAbsent, "nothing is stored yet")
	}
	for _, d := range docs {
		add(d.file, SourceCached, c.cacheName(name), d.firstSeen).inCache = true
	}
	file, err := openStatic(c.cfg.Static, name, maxCachedBytes)
	switch {
	case err == nil:
		add(file, SourceStatic, c.staticName(name), c.state.shipped)
	case c.cfg.Static == nil:
	case errors.Is(err, fs.ErrNotExist):
		c.note(name, c.staticName(name), OutcomeAbsent, "not shipped with the program: "+err.Error())
	default:
		c.note(name, c.staticName(name), OutcomeFailed, "cannot read it: "+err.Error())
	}
	if memory != nil {
		add(inMemory(memory.list.Bytes()), memory.source, memory.from, memory.firstSeen)
	}
	return all
}

// verifyHead judges a copy by its head; bodies are read of the chosen one
// alone.
func (c *Client) verifyHead(name string, s *storedCopy) bool {
	note, err := OpenHead(s.file.begin, s.want, c.state.chain)
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
		c.storeConflict(chosen.conflict(s.from, s.file.begin))
	default:
		c.note(name, s.from, OutcomeOlder, "older than the list in use")
	}
}

// noteUnreadable tells, in one line, why the cache cannot be read.
func (c *Client) noteUnreadable(name string, err error) {
	c.note(name, c.cacheName(name), OutcomeFailed, "cannot read the cache: "+strings.ReplaceAll(err.Error(), "\n", "; "))
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

// cacheOpen is cacheLoad that reads bodies only when they are wanted, if the
// cache is one that can.
func (c *Client) cacheOpen(name string) ([]storedDocument, error) {
	if dir, ok := c.cfg.Cache.(dirCache); ok {
		return dir.open(name)
	}
	entries, err := c.cacheLoad(name)
	var docs []storedDocument
	for _, e := range entries {
		docs = append(docs, storedDocument{inMemory(e.Data), e.FirstSeen})
	}
	return docs, err
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
