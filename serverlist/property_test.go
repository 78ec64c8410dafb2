package serverlist_test

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// TestHistories plays random histories of a root, mirrors, thieves, disks and
// one player. Whatever is served, the client shows nothing that was not signed
// as the trust documents ask, nothing older than it has shown before unless
// that was revoked, and always something. What the histories are made of is in
// property_moves_test.go.
//
// Each history has a fixed seed. The client has dice of its own, so a failure
// may need a few runs to come again; the log tells what happened.
func TestHistories(t *testing.T) {
	t.Parallel()
	histories, moves := 40, 40
	if testing.Short() {
		histories = 10
	}
	for seed := range histories {
		t.Run(fmt.Sprint("seed-", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHistory(t, uint64(seed))
				for range moves {
					h.move()
					h.look(h.dice.IntN(4) > 0)
				}
				if t.Failed() {
					t.Log("\n" + strings.Join(h.log, "\n"))
				}
			})
		})
	}
}

// A history is a play, with a record of all that was signed and shown.
type history struct {
	*play
	dice   *rand.Rand
	log    []string
	signed map[string]*signed // by text: what the root or a thief of list keys has signed
	all    []*signed          // the same in order
	dir    string             // the player's cache; "": none
	client *serverlist.Client // the program that runs now

	floor *signed // the highest list shown, as far as the player can remember it; nil: none
}

// A signed document, as its signer knows it.
type signed struct {
	head serverlist.Draft // origin, versions and times
	doc  []byte
	by   []string  // names of keys
	at   time.Time // when it was signed, whatever it says itself
}

// look lets the player look at the list: with a refresh, or at what is held.
func (h *history) look(refresh bool) {
	h.t.Helper()
	var r serverlist.Result
	var err error
	if refresh {
		r, err = h.client.Refresh(h.t.Context())
	} else {
		r, err = h.client.Cached()
	}
	if err != nil {
		h.fail("shows nothing, though a list was shipped: %v", err)
		return
	}
	s := h.signed[string(r.List.Text())]
	if s == nil || !bytes.Equal(bodyOf(s.doc), bodyOf(r.List.Bytes())) {
		h.fail("shows what nobody signed:\n%s", r.List.Bytes())
		return
	}
	h.note("  shows %s (%s) under trust %d", s, r.Source, r.Trust.Newest().Version)
	h.checkTrust(r.Trust)
	h.checkSigned(r, s)
	h.checkFloor(r, s)
	if now := h.cfg.Now(); r.Freshness != r.List.Freshness(now) && !s.head.Issued.After(now) {
		h.fail("calls the list %s", r.Freshness)
	}
	if h.floor == nil || s.compare(h.floor) > 0 || h.touched(r.Trust, h.floor) {
		h.floor = s
	}
}

// bodyOf is what stands after the second blank line.
func bodyOf(doc []byte) []byte {
	parts := bytes.SplitN(doc, []byte("\n\n"), 3)
	return parts[len(parts)-1]
}

// checkTrust: what the client trusts is a part of the true chain.
func (h *history) checkTrust(c *keys.Chain) {
	h.t.Helper()
	for i, t := range c.Documents() {
		if i >= len(h.Chain().Documents()) || !bytes.Equal(t.Text(), h.Chain().Documents()[i].Text()) {
			h.fail("trusts a forged document %d", t.Version)
		}
	}
}

// checkSigned: enough keys of one trust document have signed, of the newest if
// the list is live, and none of them too late. A live list may be shown from
// the cache, where the same text may have lost a signature that is not needed.
func (h *history) checkSigned(r serverlist.Result, s *signed) {
	h.t.Helper()
	if by := h.signers(r.List.Bytes()); !slices.ContainsFunc(r.Trust.Documents(), func(t *keys.Trust) bool { return reaches(t, by) }) {
		h.fail("shows what %q signed, and no trust document lets them", by)
	}
	if r.Source == serverlist.SourceLive && !reaches(r.Trust.Newest(), s.by) {
		h.fail("shows as live what %q signed, and the newest trust document does not let them", s.by)
	}
	if s.head.Epoch > r.Trust.Newest().Epoch {
		h.fail("shows epoch %d under a trust document of epoch %d", s.head.Epoch, r.Trust.Newest().Epoch)
	}
	for _, revoked := range r.Trust.Newest().Revoked {
		if slices.Contains(s.by, revoked.Key.Name()) && !s.at.Before(revoked.Since) {
			h.fail("shows what a thief signed after the revocation of %s", revoked.Key.Name())
		}
	}
}

// signers looks at the signatures by hand: names of the keys that verify.
func (h *history) signers(doc []byte) []string {
	text, rest, _ := bytes.Cut(doc, []byte("\n\n"))
	text = append(bytes.Clone(text), '\n')
	block, _, _ := bytes.Cut(rest, []byte("\n\n"))
	var names []string
	for line := range strings.Lines(string(block) + "\n") {
		var name, encoded string
		if _, err := fmt.Sscanf(line, "— %s %s\n", &name, &encoded); err != nil {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(encoded)
		key := h.Signer(strings.TrimPrefix(name, h.Origin()+"/")).VerifierKey()
		if err == nil && len(raw) > 4 && ed25519.Verify(key.Public(), text, raw[4:]) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// reaches counts by hand: keys have one name each here.
func reaches(t *keys.Trust, by []string) bool {
	role, _ := t.Role("list")
	n := 0
	for _, name := range role.Keys {
		if slices.Contains(by, name) {
			n++
		}
	}
	return n >= role.Threshold
}

// checkFloor: never back, and never another document of the same number,
// unless a key of what was shown has been revoked.
func (h *history) checkFloor(r serverlist.Result, s *signed) {
	h.t.Helper()
	if h.floor == nil || h.floor == s || h.touched(r.Trust, h.floor) {
		return
	}
	if s.compare(h.floor) <= 0 {
		h.fail("goes back from %s to %s (%s)%s", h.floor, s, r.Source, lines(r.Attempts))
	}
}

// touched tells whether a key that signed a document is revoked.
func (h *history) touched(c *keys.Chain, s *signed) bool {
	return slices.ContainsFunc(c.Newest().Revoked, func(r keys.Revocation) bool { return slices.Contains(s.by, r.Key.Name()) })
}

func (s *signed) compare(other *signed) int {
	return cmp.Or(cmp.Compare(s.head.Epoch, other.head.Epoch), cmp.Compare(s.head.Version, other.head.Version))
}

func (s *signed) String() string {
	return fmt.Sprintf("%d/%d by %s", s.head.Epoch, s.head.Version, strings.Join(s.by, ","))
}

func (h *history) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

func (h *history) fail(format string, args ...any) {
	h.t.Helper()
	h.note("FAILS: "+format, args...)
	h.t.Errorf(format, args...)
}
