package keys_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

func TestPinned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	doc := sign(t, w.trust1(), w.alice, w.bob)
	c := chain(t, doc)
	if c.Origin() != origin || c.Pinned() != c.Newest() || len(c.Documents()) != 1 {
		t.Fatalf("chain of one is %+v", c)
	}
	if text := c.Pinned().Text(); !bytes.Equal(text, keys.DraftText(doc)) {
		t.Fatalf("the document's text is %q", text)
	}
	if !bytes.Equal(c.Pinned().Bytes(), doc) || len(c.Pinned().Signers()) != 2 {
		t.Fatal("the document does not keep its bytes and signers")
	}
	if _, err := keys.NewChain(bytes.ReplaceAll(doc, []byte("\n"), []byte("\r\n"))); err != nil {
		t.Errorf("CRLF costs the document: %v", err)
	}
	_, err := keys.NewChain(append(doc, "\n{}\n"...))
	refused(t, err, keys.LayerEnvelope, "bad-signature-line")
	_, err = keys.NewChain(bytes.Replace(doc, []byte("epoch"), []byte("\repoch"), 1))
	refusedAt(t, err, keys.LayerEnvelope, "carriage-return", 4)
	_, err = keys.NewChain(sign(t, w.trust1(), w.carol))
	refusedAt(t, err, keys.LayerSignature, "threshold", 0)
	_, err = keys.NewChain(sign(t, w.trust1(), w.list)) // a key of the document, not of the role
	refusedAt(t, err, keys.LayerSignature, "threshold", 0)
}

// What a trust document must not say, whoever signed it.
func TestTrustRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	twin := signer(t, "admin/twin", 1) // alice's key under another name
	for _, test := range []struct {
		what   string
		change func(*keys.Trust)
		layer  keys.Layer
		name   string
		line   int
	}{
		{"control character", func(d *keys.Trust) { d.Extra = []keys.Field{{0, "x", "\x7f"}} }, keys.LayerEnvelope, "bad-text", 13},
		{"too large", func(d *keys.Trust) { d.Extra = []keys.Field{{0, "x", strings.Repeat("x", keys.MaxTrustText)}} }, keys.LayerEnvelope, "too-large", 0},
		{"number 0", func(d *keys.Trust) { d.Version = 0 }, keys.LayerTrust, "bad-number", 0},
		{"no keys", func(d *keys.Trust) { d.Keys = nil }, keys.LayerHead, "missing-key", 0},
		{"no roles", func(d *keys.Trust) { d.Roles = nil }, keys.LayerHead, "missing-key", 0},
		{"no trust role", func(d *keys.Trust) { d.Roles = d.Roles[1:] }, keys.LayerTrust, "missing-role", 0},
		{"threshold 0", func(d *keys.Trust) { d.Roles[0].Threshold = 0 }, keys.LayerTrust, "bad-threshold", 10},
		{"threshold below 0", func(d *keys.Trust) { d.Roles[0].Threshold = -1 }, keys.LayerTrust, "bad-threshold", 10},
		{"threshold above keys", func(d *keys.Trust) { d.Roles[0].Threshold = 3 }, keys.LayerTrust, "bad-threshold", 0},
		{"threshold above distinct keys", func(d *keys.Trust) {
			d.Keys = append(d.Keys, twin.VerifierKey())
			d.Roles[0] = keys.Role{"trust", 2, names(w.alice, twin)}
		}, keys.LayerTrust, "bad-threshold", 0},
		{"one key named twice", func(d *keys.Trust) {
			d.Roles[0] = keys.Role{"trust", 2, names(w.alice, w.alice)}
		}, keys.LayerTrust, "bad-threshold", 0},
		{"key twice", func(d *keys.Trust) { d.Keys = append(d.Keys, w.alice.VerifierKey()) }, keys.LayerTrust, "duplicate-name", 10},
		{"role twice", func(d *keys.Trust) { d.Roles = append(d.Roles, d.Roles[0]) }, keys.LayerTrust, "duplicate-name", 13},
		{"role of a key that is not there", func(d *keys.Trust) { d.Roles[1].Keys = names(w.carol) }, keys.LayerTrust, "unknown-key", 0},
		{"role without keys", func(d *keys.Trust) { d.Roles[1].Keys = nil }, keys.LayerTrust, "bad-role", 11},
		{"revoked key in use", func(d *keys.Trust) {
			d.Revoked = []keys.Revocation{{w.list.VerifierKey(), day0, "lost"}}
		}, keys.LayerTrust, "revoked-key", 0},
		{"revoked key under another name", func(d *keys.Trust) {
			d.Revoked = []keys.Revocation{{twin.VerifierKey(), day0, "lost"}}
		}, keys.LayerTrust, "revoked-key", 0},
		{"key with a space in a role", func(d *keys.Trust) { d.Roles[1].Keys = []string{names(w.alice)[0] + " " + names(w.bob)[0]} }, keys.LayerTrust, "bad-role", 0},
		{"revoked without a word", func(d *keys.Trust) {
			d.Revoked = []keys.Revocation{{w.carol.VerifierKey(), day0, ""}}
		}, keys.LayerTrust, "bad-revoke", 13},
	} {
		t.Run(test.what, func(t *testing.T) {
			doc := w.trust1()
			test.change(doc)
			_, err := doc.Encode()
			refusedAt(t, err, test.layer, test.name, test.line)
		})
	}
}

// A key of an algorithm of the future is kept, counts for nothing, and does
// not cost the document.
func TestUnknownAlgorithm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, err := w.trust1().Encode()
	if err != nil {
		t.Fatal(err)
	}
	const line = "key ms.example.org/admin/future+01234567+/wABAg==\n"
	with := strings.Replace(string(text), "role trust", line+"role trust", 1)
	with = strings.Replace(with, "role trust 1 ", "role trust 1 ms.example.org/admin/future ", 1)
	with += "later x\nrevoke ms.example.org/admin/past+01234568+/wABAw== since 2026-11-03T10:00:00Z lost\n"
	c := chain(t, signText(t, []byte(with), w.alice))
	if got := len(c.Pinned().Keys); got != 3 {
		t.Fatalf("%d keys count, want 3", got)
	}
	again, err := c.Pinned().Encode()
	if err != nil || string(again) != with {
		t.Fatalf("the document does not come back (%v):\n%s", err, again)
	}
	twice := strings.Replace(with, line, line+strings.Replace(line, "/wABAg==", "/wABAw==", 1), 1)
	_, err = keys.ReadDraft([]byte(twice))
	refused(t, err, keys.LayerTrust, "duplicate-name")
	for _, id := range []string{"1234567", "0123456x", "001234567", "0123456A"} {
		_, err = keys.ReadDraft([]byte(strings.Replace(with, "+01234567+", "+"+id+"+", 1)))
		refusedAt(t, err, keys.LayerTrust, "bad-key", 10)
	}
	with = strings.Replace(with, "role trust 1 ", "role trust 3 ", 1)
	_, err = keys.ReadDraft([]byte(with))
	refused(t, err, keys.LayerTrust, "bad-threshold")
}

// A value with a line feed would add lines that nobody meant to sign.
func TestEncodeInjection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inject := []keys.Field{{Key: "x-note", Value: "hello\nrole list 1 " + names(w.alice)[0]}}
	doc := w.trust1()
	doc.Roles, doc.Extra = doc.Roles[:2], inject
	if text, err := doc.Encode(); err == nil {
		t.Errorf("a trust document was written with a line that was hidden in another:\n%s", text)
	}
	one, err := keys.NewVerifierKey("1", w.bob.VerifierKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	doc = w.trust1()
	doc.Keys = append(doc.Keys, one)
	doc.Roles = []keys.Role{doc.Roles[0], {Name: "list 1", Threshold: 1, Keys: names(w.list)}}
	if text, err := doc.Encode(); err == nil {
		t.Errorf("the name of a role gave it a further key:\n%s", text)
	}
	h := head()
	h.Extra = inject
	if text, err := h.Encode(); err == nil {
		t.Errorf("a head was written with a line that was hidden in another:\n%s", text)
	}
}

func TestExtend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := chain(t, sign(t, w.trust1(), w.alice))

	// Carol joins; two of three are needed from now on.
	next := after(w.trust1())
	next.Keys = vkeys(w.alice, w.bob, w.carol, w.list)
	next.Roles[0] = keys.Role{"trust", 2, names(w.alice, w.bob, w.carol)}

	_, err := c.Extend(sign(t, next, w.carol, w.bob)) // bob suffices under 1; both under 2
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Extend(sign(t, next, w.alice)) // enough under 1, not under 2
	refusedAt(t, err, keys.LayerSignature, "threshold", 0)
	_, err = c.Extend(sign(t, next, w.carol, w.list)) // nobody of document 1's trust role
	refusedAt(t, err, keys.LayerSignature, "threshold", 0)
	if c.Newest().Version != 1 {
		t.Fatal("a refused document changed the chain")
	}
}

func TestExtendRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := after(w.trust1()) // document 2: carol's key is revoked
	first.Epoch = 2
	first.Revoked = []keys.Revocation{{w.carol.VerifierKey(), day0, "lost"}}
	c := chain(t, sign(t, w.trust1(), w.alice), sign(t, first, w.alice))

	for _, test := range []struct {
		what   string
		change func(*keys.Trust)
		name   string
		line   int
	}{
		{"other origin", func(d *keys.Trust) { d.Origin = "ms.example.net" }, "wrong-origin", 1},
		{"number repeated", func(d *keys.Trust) { d.Version = 2 }, "bad-number", 0},
		{"gap", func(d *keys.Trust) { d.Version = 4 }, "bad-number", 0},
		{"issued earlier", func(d *keys.Trust) { d.Issued = day0 }, "times-misordered", 0},
		{"epoch falls", func(d *keys.Trust) { d.Epoch = 1 }, "epoch-falls", 0},
		{"revocation dropped", func(d *keys.Trust) { d.Revoked = nil }, "revocation-lost", 0},
		{"revocation moved", func(d *keys.Trust) {
			d.Revoked = []keys.Revocation{{w.carol.VerifierKey(), day0.Add(time.Hour), "lost"}}
		}, "revocation-lost", 0},
		{"revocation without epoch", func(d *keys.Trust) {
			d.Revoked = append(d.Revoked, keys.Revocation{w.list2.VerifierKey(), day0, "retired"})
		}, "epoch-stays", 0},
	} {
		t.Run(test.what, func(t *testing.T) {
			doc := after(first)
			doc.Revoked = append([]keys.Revocation(nil), doc.Revoked...)
			test.change(doc)
			_, err := c.Extend(sign(t, doc, w.alice))
			refusedAt(t, err, keys.LayerTrust, test.name, test.line)
		})
	}
	_, err := c.Extend(bytes.Replace(sign(t, after(first), w.alice), []byte("epoch"), []byte("\repoch"), 1))
	refusedAt(t, err, keys.LayerEnvelope, "carriage-return", 4)
	_, err = c.Extend([]byte("<html>\n\n"))
	refusedAt(t, err, keys.LayerEnvelope, "html", 0)
}

// A rotation of the list key never takes a list that was already shown.
func TestRotationKeepsStoredLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	doc2 := after(w.trust1())
	doc2.Keys = vkeys(w.alice, w.bob, w.list2)
	doc2.Roles[1].Keys, doc2.Roles[2].Keys = names(w.list2), names(w.list2)
	c := chain(t, sign(t, w.trust1(), w.alice), sign(t, doc2, w.bob))
	old := listNote(t, head(), w.list)

	_, err := c.Open(old, wantList)
	refusedAt(t, err, keys.LayerSignature, "threshold", 0) // not live any more

	stored, static := wantList, wantList
	stored.Held, static.Held = keys.Stored, keys.Static
	for _, want := range []keys.Want{stored, static} {
		if _, err := c.Open(old, want); err != nil {
			t.Errorf("held as %v: %v", want.Held, err)
		}
	}

	// A static list counts under what it shipped with, not under what came later.
	fresh := listNote(t, head(), w.list2)
	_, err = c.Open(fresh, static)
	refusedAt(t, err, keys.LayerSignature, "threshold", 0)
	static.Shipped = doc2.Issued
	if _, err := c.Open(fresh, static); err != nil {
		t.Errorf("shipped with document 2: %v", err)
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	since := day0.Add(6 * time.Hour)
	doc2 := after(w.trust1())
	doc2.Epoch = 2
	doc2.Keys = vkeys(w.alice, w.bob, w.list2)
	doc2.Roles[1].Keys, doc2.Roles[2].Keys = names(w.list2), names(w.list2)
	doc2.Revoked = []keys.Revocation{{w.list.VerifierKey(), since, "compromised"}}
	c := chain(t, sign(t, w.trust1(), w.alice), sign(t, doc2, w.alice))
	old := listNote(t, head(), w.list)

	open := func(held keys.Held, since time.Time) error {
		want := wantList
		want.Held = held
		if held == keys.Static {
			want.Shipped = since
		} else {
			want.FirstSeen = since
		}
		_, err := c.Open(old, want)
		return err
	}
	if err := open(keys.Stored, since.Add(-time.Second)); err != nil {
		t.Errorf("stored before the key was stolen: %v", err)
	}
	if err := open(keys.Static, day0); err != nil {
		t.Errorf("shipped before the key was stolen: %v", err)
	}
	refusedAt(t, open(keys.Stored, since), keys.LayerSignature, "revoked", 0)
	refusedAt(t, open(keys.Stored, time.Time{}), keys.LayerSignature, "revoked", 0)
	refusedAt(t, open(keys.Static, time.Time{}), keys.LayerSignature, "revoked", 0)
	if err := open(keys.Live, since.Add(-time.Hour)); err == nil {
		t.Error("a live list needs a revoked key and was accepted")
	}
}

// A threshold counts distinct public keys: one key under two names is one
// voice, also where the two names are in two roles.
func TestOneKeyTwoNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	twin := signer(t, "list/twin", 4)
	doc := w.trust1()
	doc.Keys = vkeys(w.alice, w.bob, w.list, twin, w.list2)
	doc.Roles[2] = keys.Role{"list", 2, names(w.list, twin, w.list2)}
	c := chain(t, sign(t, doc, w.alice))
	_, err := c.Open(listNote(t, head(), w.list, twin), wantList)
	refusedAt(t, err, keys.LayerSignature, "threshold", 0)
	if _, err := c.Open(listNote(t, head(), w.list, w.list2), wantList); err != nil {
		t.Error(err)
	}
}

func FuzzNewChain(f *testing.F) {
	w := newWorld(f)
	doc2 := after(w.trust1())
	doc2.Epoch = 2
	doc2.Revoked = []keys.Revocation{{w.carol.VerifierKey(), day0, "lost"}}
	f.Add(sign(f, w.trust1(), w.alice))
	f.Add(sign(f, doc2, w.alice, w.bob))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := keys.NewChain(data)
		if err != nil {
			return
		}
		text, err := c.Pinned().Encode()
		if err != nil || !bytes.HasPrefix(c.Pinned().Bytes(), append(text, '\n')) {
			t.Fatalf("what opened does not encode to the same bytes (%v)", err)
		}
	})
}

func FuzzReadDraft(f *testing.F) {
	w := newWorld(f)
	text, err := w.trust1().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	addVectorTexts(f, "*.trust")
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := keys.ReadDraft(text)
		if err != nil {
			return
		}
		if again, err := doc.Encode(); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("a draft that parses encodes to other bytes (%v):\n%q\n%q", err, text, again)
		}
	})
}

func FuzzParseVerifierKey(f *testing.F) {
	f.Add(signer(f, "list/1", 4).VerifierKey().String())
	f.Add("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
	f.Add("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
	f.Add("ms.example.org/admin/future+01234567+/wABAg==")
	f.Add("a b+01234567+AQ==")
	f.Add("a+0123456x+AQ=")
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := keys.ParseVerifierKey(s); err == nil && k.String() != s {
			t.Fatalf("%q is written as %q", s, k)
		}
	})
}
