package issue_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
)

// A document that an admin has put into the public folder while the root was
// down is published when it starts: together with new editions, or not at all.
func TestTrustFoundInTheFolder(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]func(w *world) []func(*keys.Trust){
		"an admin joins":   func(w *world) []func(*keys.Trust) { return nil },
		"list key rotated": func(w *world) []func(*keys.Trust) { return []func(*keys.Trust){w.rotation()} },
		"list key revoked": func(w *world) []func(*keys.Trust) { return []func(*keys.Trust){w.rotation(), revoke(w.ring[0])} },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.published(2)
				w.putInFolder(func(t *keys.Trust) { t.ReviewBy = t.ReviewBy.AddDate(0, 1, 0) })
				w.putInFolder(changes(w)...)
				p := w.restarted()
				if len(p.Trust()) != 3 {
					t.Errorf("%d trust documents are served", len(p.Trust()))
				}
				w.check(p, servers, "s1", "s2") // holds under the newest document
				w.check(p, mirrors)
				w.publish(p, mirrors)
				w.publish(p, servers)
				w.checkTrust(p)
				w.check(p, servers, "s1", "s2")
				if n := w.editions(servers); n != 2 {
					t.Errorf("%d editions, want 2", n)
				}
			})
		})
	}
}

// putInFolder signs the next document and puts it where a root finds it.
func (w *world) putInFolder(changes ...func(*keys.Trust)) {
	w.t.Helper()
	document := w.nextTrust(changes...)
	w.accept(document)
	path := filepath.Join(w.public(), "trust", fmt.Sprintf("%d.trust", w.chain.Newest().Version))
	if err := os.WriteFile(path, document, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// As long as the lists cannot be signed again, the document is not served, and
// the lists of before are.
func TestTrustFoundIsHeldBack(t *testing.T) { inBubble(t, trustFoundIsHeldBack) }

func trustFoundIsHeldBack(t *testing.T, w *world) {
	p := w.published(2)
	before := p.Documents()
	w.putInFolder(w.rotation())
	full := fullStore{w.store}
	p = w.publisher(func(c *issue.Config) { c.Store = full })
	if err := p.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := p.Documents()
	if len(now) != len(before) {
		t.Errorf("%d documents are served, want the %d of before", len(now), len(before))
	}
	for i := range min(len(now), len(before)) {
		if now[i].Name != before[i].Name || now[i].ETag != before[i].ETag {
			t.Errorf("%s is served in place of %s", now[i].Name, before[i].Name)
		}
	}
	if err := p.Publish(t.Context(), servers); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("Publish: %v", err)
	}
	p = w.restarted()
	w.checkTrust(p)
	w.check(p, servers, "s1", "s2")
}

func TestTrustFoundWithoutItsKey(t *testing.T) { inBubble(t, trustFoundWithoutItsKey) }

func trustFoundWithoutItsKey(t *testing.T, w *world) {
	p := w.published(1)
	before := w.state(p)
	w.accept(w.nextTrust(replaceKey(w.list, newSigner(t, "list/elsewhere"))))
	_, err := w.tryPublisher()
	var refused *issue.TrustError
	if !errors.As(err, &refused) || refused.Version != 2 || !errors.Is(err, errNoKey) {
		t.Errorf("got %v, want a TrustError about document 2", err)
	}
	before.compare(t, "refused", w.state(p))
}

// Two documents of one number: whichever is right, the root must not choose.
func TestTwoDocumentsOfOneNumber(t *testing.T) { inBubble(t, twoDocumentsOfOneNumber) }

func twoDocumentsOfOneNumber(t *testing.T, w *world) {
	p := w.published(1)
	other := w.nextTrust(func(t *keys.Trust) { t.ReviewBy = t.ReviewBy.AddDate(0, 1, 0) })
	must(p.PublishTrust(t.Context(), w.nextTrust(), "alice"))(t)
	if _, err := p.PublishTrust(t.Context(), other, "bob"); !errors.As(err, new(*issue.TrustError)) {
		t.Errorf("the second one: %v", err)
	}
	before := w.state(p)
	w.accept(other)
	if _, err := w.tryPublisher(); err == nil || !strings.Contains(err.Error(), "two different trust documents 2") {
		t.Errorf("a folder with another document than the database: %v", err)
	}
	before.compare(t, "refused", w.state(p))
}
