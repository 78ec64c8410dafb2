package issue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/store/storetest"
)

// nextTrust returns the next trust document, signed by the admin.
func (w *world) nextTrust(changes ...func(*keys.Trust)) []byte {
	w.t.Helper()
	next := *w.chain.Newest()
	next.Version++
	next.Issued = time.Now()
	next.Keys = append([]keys.VerifierKey(nil), next.Keys...)
	next.Roles = append([]keys.Role(nil), next.Roles...)
	for _, change := range changes {
		change(&next)
	}
	return w.signTrust(&next)
}

// rotation replaces the list key by one that this root holds.
func (w *world) rotation() func(*keys.Trust) {
	w.t.Helper()
	old := w.list
	w.list = newSigner(w.t, fmt.Sprintf("list/%d", len(w.ring)+1))
	w.ring = append(w.ring, w.list)
	return replaceKey(old, w.list)
}

func replaceKey(old, by *keys.Signer) func(*keys.Trust) {
	return func(t *keys.Trust) {
		for i, k := range t.Keys {
			if k == old.VerifierKey() {
				t.Keys[i] = by.VerifierKey()
			}
		}
		for i, r := range t.Roles {
			if r.Name == keys.RoleTrust {
				continue
			}
			t.Roles[i].Keys = []string{by.VerifierKey().Name()}
		}
	}
}

func revoke(key *keys.Signer) func(*keys.Trust) {
	return func(t *keys.Trust) {
		t.Epoch++
		t.Revoked = append(t.Revoked, keys.Revocation{Key: key.VerifierKey(), Since: time.Now().Add(-time.Minute), Word: "compromised"})
	}
}

// published approves some entries and publishes both lists.
func (w *world) published(entries int) *issue.Publisher {
	w.t.Helper()
	w.add(entries)
	p := w.publisher()
	w.publish(p, mirrors)
	w.publish(p, servers)
	return p
}

// accept lets the world's clients know a document.
func (w *world) accept(document []byte) {
	w.t.Helper()
	w.chain = must(w.chain.Extend(document))(w.t)
}

// checkTrust tells whether what is served, the folder and the store agree, and
// both lists hold under the newest document the world knows.
func (w *world) checkTrust(p *issue.Publisher) {
	w.t.Helper()
	newest := w.chain.Newest()
	docs := must(w.store.Trust(w.t.Context(), 1))(w.t)
	if len(docs) != int(newest.Version) || len(p.Trust()) != len(docs) {
		w.t.Errorf("%d trust documents are stored and %d served, want %d", len(docs), len(p.Trust()), newest.Version)
	}
	for i, t := range w.chain.Documents() {
		name := fmt.Sprintf("trust/%d.trust", t.Version)
		d := p.Document(name)
		if d == nil || !bytes.Equal(d.Bytes, t.Bytes()) || !bytes.Equal(docs[i].Document, t.Bytes()) ||
			!bytes.Equal(must(os.ReadFile(filepath.Join(w.public(), name)))(w.t), t.Bytes()) {
			w.t.Errorf("%s is not the same everywhere", name)
		}
	}
	for _, typ := range []string{servers, mirrors} {
		l := w.file(typ) // verified as live
		if l.Head.Trust != newest.Version || l.Head.Epoch != newest.Epoch {
			w.t.Errorf("%s names trust document %d and epoch %d, want %d and %d", typ, l.Head.Trust, l.Head.Epoch, newest.Version, newest.Epoch)
		}
		if d := p.Current(typ); d == nil || !bytes.Equal(d.Bytes, l.Bytes()) {
			w.t.Errorf("what is served of %s is not the file", typ)
		}
	}
	if l := w.file(servers); l.Head.Mirrors != w.file(mirrors).Head.Version {
		w.t.Errorf("the server list names mirror list %d, it is %d", l.Head.Mirrors, w.file(mirrors).Head.Version)
	}
}

// A state is everything that a refusal must leave alone.
type state map[string]string

func (w *world) state(p *issue.Publisher) state {
	w.t.Helper()
	s := state{}
	err := filepath.WalkDir(w.public(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			s["file "+path] = string(must(os.ReadFile(path))(w.t))
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range p.Documents() {
		s["served "+d.Name] = string(d.Bytes)
	}
	for _, d := range must(w.store.Trust(w.t.Context(), 1))(w.t) {
		s[fmt.Sprint("stored trust ", d.Version)] = string(d.Document)
	}
	for _, typ := range []string{servers, mirrors} {
		s["editions of "+typ] = fmt.Sprint(w.editions(typ))
	}
	s["decisions"] = fmt.Sprint(storetest.Recorded(w.t, w.store, 1000))
	return s
}

func (s state) compare(t testing.TB, what string, now state) {
	t.Helper()
	for name, before := range s {
		if now[name] != before {
			t.Errorf("%s: %s has changed", what, name)
		}
	}
	for name := range now {
		if _, ok := s[name]; !ok {
			t.Errorf("%s: %s is new", what, name)
		}
	}
}

func TestPublishTrust(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]func(w *world) []func(*keys.Trust){
		"nothing changes":    func(w *world) []func(*keys.Trust) { return nil },
		"list key rotated":   func(w *world) []func(*keys.Trust) { return []func(*keys.Trust){w.rotation()} },
		"list key revoked":   func(w *world) []func(*keys.Trust) { return []func(*keys.Trust){revoke(w.list), w.rotation()} },
		"two keys, one here": func(w *world) []func(*keys.Trust) { return []func(*keys.Trust){w.strangerFirst()} },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.published(2)
				before := p.Current(servers)
				document := w.nextTrust(changes(w)...)
				trust, err := p.PublishTrust(t.Context(), document, "alice")
				if err != nil {
					t.Fatal(err)
				}
				w.accept(document)
				if !bytes.Equal(trust.Bytes(), document) {
					t.Error("another document came back")
				}
				w.checkTrust(p)
				w.check(p, servers, "s1", "s2")
				w.check(p, mirrors)
				if v := p.Current(servers).Version; v <= before.Version || v > time.Now().Unix() {
					t.Errorf("version %d after %d", v, before.Version)
				}
				d := storetest.Recorded(t, w.store, 1)
				if d[0].Action != store.ActionPublishTrust || d[0].Admin != "alice" || d[0].Subject != "trust/2" {
					t.Errorf("recorded %+v", d[0])
				}
				// Once more is no more.
				done := w.state(p)
				for _, again := range []*issue.Publisher{p, w.restored()} {
					if _, err := again.PublishTrust(t.Context(), document, "bob"); err != nil {
						t.Error(err)
					}
					done.compare(t, "published again", w.state(again))
				}
			})
		})
	}
}

// strangerFirst puts a key that is not here before the list key.
func (w *world) strangerFirst() func(*keys.Trust) {
	stranger := newSigner(w.t, "list/elsewhere")
	return func(t *keys.Trust) {
		t.Keys = append([]keys.VerifierKey{stranger.VerifierKey()}, t.Keys...)
		for i, r := range t.Roles[1:] {
			t.Roles[i+1].Keys = append([]string{stranger.VerifierKey().Name()}, r.Keys...)
		}
	}
}

// A mirror list and a server list may have keys of their own.
func TestKeysOfTheirOwn(t *testing.T) { inBubble(t, keysOfTheirOwn) }

func keysOfTheirOwn(t *testing.T, w *world) {
	p := w.published(1)
	other := newSigner(t, "mirrors/1")
	w.ring = append(w.ring, other)
	document := w.nextTrust(func(trust *keys.Trust) {
		trust.Keys = append(trust.Keys, other.VerifierKey())
		trust.Roles[1] = keys.Role{Name: "mirrors", Threshold: 1, Keys: []string{other.VerifierKey().Name()}}
	})
	must(p.PublishTrust(t.Context(), document, "alice"))(t)
	w.accept(document)
	w.checkTrust(p)
	w.add(1)
	w.publish(p, servers)
	w.check(p, servers, "s1", "s2")
}

// The next document must not wait for what the lists wait for: it is needed
// most when a key is stolen.
func TestTrustDoesNotWaitForAConfirmation(t *testing.T) {
	inBubble(t, trustDoesNotWaitForAConfirmation)
}

func trustDoesNotWaitForAConfirmation(t *testing.T, w *world) {
	p := w.published(30)
	change := w.revoke("s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12")
	document := w.nextTrust(revoke(w.list), w.rotation())
	must(p.PublishTrust(t.Context(), document, "alice"))(t)
	w.accept(document)
	w.checkTrust(p)
	if n := p.Current(servers).Entries; n != 30 {
		t.Errorf("%d entries, want the 30 of before", n)
	}
	var removal *issue.RemovalError
	if err := p.Publish(t.Context(), servers); !errors.As(err, &removal) || removal.Change != change {
		t.Errorf("afterwards: %v", err)
	}
}

func TestTrustRefused(t *testing.T) { inBubble(t, trustRefused) }

func trustRefused(t *testing.T, w *world) {
	p := w.published(2)
	stranger := newSigner(t, "list/elsewhere")
	mallory := newSigner(t, "admin/alice")
	before := w.state(p)
	threshold := func(role int) func(*keys.Trust) {
		return func(t *keys.Trust) {
			t.Roles[role].Threshold, t.Roles[role].Keys = 2, w.names()
		}
	}
	good := w.nextTrust()
	unsigned := must(w.chain.Newest().Encode())(t)
	for what, test := range map[string]struct {
		document []byte
		says     string
		reason   string // of a keys.Error; "": it is none
	}{
		"empty":                    {nil, "follow document 1", "not-a-note"},
		"HTML":                     {[]byte("<!DOCTYPE html><p>Log in\n"), "follow document 1", "html"},
		"unsigned":                 {unsigned, "follow document 1", "not-a-note"},
		"cut off":                  {good[:len(good)-5], "follow document 1", ""},
		"changed":                  {bytes.Replace(good, []byte("version 2"), []byte("version 3"), 1), "follow document 1", "bad-signature"},
		"signed by a stranger":     {must(keys.Sign(keys.DraftText(good), mallory))(t), "1 distinct keys", "threshold"},
		"a gap":                    {w.nextTrust(func(t *keys.Trust) { t.Version = 3 }), "document 3 does not follow document 1", "bad-number"},
		"another first one":        {w.nextTrust(func(t *keys.Trust) { t.Version = 1 }), "document 1 does not follow document 1", "bad-number"},
		"the epoch falls":          {w.nextTrust(func(t *keys.Trust) { t.Epoch = 0 }), "epoch falls", "epoch-falls"},
		"another origin":           {w.nextTrust(func(t *keys.Trust) { t.Origin = "other.example" }), "other.example", "wrong-origin"},
		"a key that is not here":   {w.nextTrust(replaceKey(w.list, stranger)), errNoKey.Error(), ""},
		"two have to sign lists":   {w.nextTrust(threshold(2)), "server.list under it (role list): the role needs 2 signatures", ""},
		"two have to sign mirrors": {w.nextTrust(threshold(1)), "mirror.list under it (role mirrors): the role needs 2 signatures", ""},
		"nobody may sign lists":    {w.nextTrust(func(t *keys.Trust) { t.Roles = t.Roles[:2] }), "no such role", ""},
		"issued in two days":       {w.nextTrust(func(t *keys.Trust) { t.Issued = time.Now().Add(48 * time.Hour) }), "the clock of this machine is wrong", ""},
	} {
		_, err := p.PublishTrust(t.Context(), test.document, "mallory")
		var refused *issue.TrustError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want a TrustError with %q", what, err, test.says)
			continue
		}
		var reason *keys.Error
		if errors.As(err, &reason); test.reason != "" && (reason == nil || reason.Name != test.reason) {
			t.Errorf("%s: %v; want the reason %q", what, err, test.reason)
		}
		before.compare(t, what, w.state(p))
	}
	must(p.PublishTrust(t.Context(), good, "alice"))(t)
}

// What does not reach the store changes nothing.
func TestTrustNotStored(t *testing.T) { inBubble(t, trustNotStored) }

func trustNotStored(t *testing.T, w *world) {
	p := w.published(1)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for what, test := range map[string]struct {
		ctx    context.Context
		change func(*issue.Config)
		want   error
	}{
		"a full disk":        {t.Context(), func(c *issue.Config) { c.Store = fullStore{w.store} }, store.ErrNoSpace},
		"a clock far behind": {t.Context(), func(c *issue.Config) { c.Now = func() time.Time { return time.Now().Add(-24*time.Hour - time.Minute) } }, issue.ErrClock},
		"nobody waits":       {ended, func(*issue.Config) {}, context.Canceled},
	} {
		p := w.publisher(test.change)
		if err := p.Restore(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := w.state(p)
		document := w.nextTrust(func(t *keys.Trust) { t.Issued = w.trust.Issued })
		if _, err := p.PublishTrust(test.ctx, document, "alice"); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", what, err, test.want)
		}
		before.compare(t, what, w.state(p))
	}
	document := w.nextTrust()
	must(p.PublishTrust(t.Context(), document, "alice"))(t)
}

// A fullStore cannot take trust documents.
type fullStore struct{ store.Store }

func (fullStore) PublishTrust(context.Context, store.Succession) error { return store.ErrNoSpace }
