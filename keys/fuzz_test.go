package keys_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
)

// FuzzHead signs what the fuzzer makes, for otherwise all of it would end at the
// signature and nothing behind that would be tried.
func FuzzHead(f *testing.F) {
	w := newWorld(f)
	c := chain(f, sign(f, w.trust1(), w.alice))
	full := head()
	full.Mirrors = 7
	full.Extra = []keys.Field{{3, "later", "a b"}, {0, "last", "c"}}
	text, err := full.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	addVectorTexts(f, "*.list")
	f.Fuzz(func(t *testing.T, text []byte) {
		note, err := keys.Sign(text, w.list)
		if err != nil {
			return // not a text
		}
		n, err := c.Open(note, wantList)
		if err != nil {
			return
		}
		if again, err := n.Head.Encode(); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("what opened encodes to other bytes (%v):\n%q\n%q", err, text, again)
		}
		if h := n.Head; h.Origin != origin || h.Epoch > c.Newest().Epoch || h.Version > h.Issued.Unix() ||
			h.FreshUntil.Before(h.Issued) || h.OldAfter.Before(h.FreshUntil) || h.BodySize < 0 {
			t.Fatalf("opened %+v", h)
		}
	})
}

// FuzzExtend has every key of the world sign a next trust document: what a chain
// accepts keeps the promises of the documents before, whoever signed it.
func FuzzExtend(f *testing.F) {
	w := newWorld(f)
	doc1 := w.trust1()
	doc1.Keys = vkeys(w.alice, w.bob, w.list, w.list2)
	doc2 := after(doc1)
	doc2.Epoch = 2
	doc2.Keys = vkeys(w.alice, w.bob, w.list)
	doc2.Revoked = []keys.Revocation{{w.list2.VerifierKey(), day0, "stolen"}}
	c := chain(f, sign(f, doc1, w.alice), sign(f, doc2, w.alice))
	for _, change := range []func(*keys.Trust){
		func(*keys.Trust) {},
		func(d *keys.Trust) { d.Roles[0].Threshold = 2 },
		func(d *keys.Trust) { d.Version++ },
		func(d *keys.Trust) { d.Epoch-- },
		func(d *keys.Trust) { d.Issued = day0 },
		func(d *keys.Trust) { d.Revoked = nil },
		func(d *keys.Trust) { d.Revoked = []keys.Revocation{{w.list2.VerifierKey(), day0, "retired"}} },
		func(d *keys.Trust) {
			d.Revoked = append(d.Revoked, keys.Revocation{Key: w.carol.VerifierKey(), Since: day0, Word: "left"})
		},
		func(d *keys.Trust) { d.Extra = []keys.Field{{9, "later", "a"}, {0, "last", "b"}} },
		func(d *keys.Trust) {
			d.Epoch = 3
			d.Keys = vkeys(w.bob, w.list)
			d.Roles[0].Keys = names(w.bob)
			d.Revoked = append(d.Revoked, keys.Revocation{Key: w.alice.VerifierKey(), Since: day0, Word: "left"})
		},
	} {
		next := after(doc2)
		next.Roles = append([]keys.Role(nil), doc2.Roles...)
		change(next)
		text, err := next.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	addVectorTexts(f, "*.trust")
	f.Fuzz(func(t *testing.T, text []byte) {
		note, err := keys.Sign(text, w.alice, w.bob, w.carol, w.list)
		if err != nil {
			return
		}
		longer, err := c.Extend(note)
		if err != nil {
			return
		}
		if again, err := longer.Newest().Encode(); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("what was accepted encodes to other bytes (%v):\n%q\n%q", err, text, again)
		}
		checkFollows(t, longer.Newest(), c.Newest())
	})
}

// checkFollows states the rules of SPEC.md section 4 in another way than the code.
func checkFollows(t *testing.T, next, last *keys.Trust) {
	t.Helper()
	revoked := make(map[string]keys.Revocation)
	for _, r := range next.Revoked {
		revoked[string(r.Key.Public())] = r
	}
	for _, r := range last.Revoked {
		if revoked[string(r.Key.Public())] != r {
			t.Errorf("the revocation of %s is lost or changed", r.Key.Name())
		}
	}
	for _, k := range next.Keys {
		if _, ok := revoked[string(k.Public())]; ok {
			t.Errorf("the revoked key %s is in use", k.Name())
		}
	}
	switch {
	case next.Origin != last.Origin, next.Version != last.Version+1, next.Issued.Before(last.Issued),
		next.Epoch < last.Epoch, len(next.Revoked) > len(last.Revoked) && next.Epoch == last.Epoch:
		t.Errorf("accepted %+v after %+v", next, last)
	}
}

// addVectorTexts adds the texts of the conformance vectors' documents.
func addVectorTexts(f *testing.F, pattern string) {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "serverlist", "testdata", "vectors", "*", pattern))
	if err != nil || len(paths) == 0 {
		f.Fatalf("%d vectors, %v", len(paths), err)
	}
	added := make(map[string]bool)
	for _, path := range paths {
		document, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if text, _, ok := strings.Cut(string(document), "\n\n"); ok && !added[text] {
			added[text] = true
			f.Add([]byte(text + "\n"))
		}
	}
}
