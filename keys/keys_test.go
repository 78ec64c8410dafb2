package keys_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

const origin = "ms.example.org"

var day0 = time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)

// signer returns a signer whose private key depends on seed alone, so that two
// names can share one key.
func signer(t testing.TB, name string, seed byte) *keys.Signer {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	s, err := keys.NewSigner(origin+"/"+name, private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A world holds the keys that the tests use.
type world struct {
	alice, bob, carol, list, list2 *keys.Signer
}

func newWorld(t testing.TB) world {
	return world{signer(t, "admin/alice", 1), signer(t, "admin/bob", 2), signer(t, "admin/carol", 3),
		signer(t, "list/1", 4), signer(t, "list/2", 5)}
}

// trust1 is a document with two admins, either of whom may sign the next.
func (w world) trust1() *keys.Trust {
	return &keys.Trust{
		Origin: origin, Version: 1, Epoch: 1, Issued: day0, ReviewBy: day0.AddDate(1, 0, 0),
		Keys: vkeys(w.alice, w.bob, w.list),
		Roles: []keys.Role{
			{"trust", 1, names(w.alice, w.bob)},
			{"mirrors", 1, names(w.list)},
			{"list", 1, names(w.list)},
		},
	}
}

// after returns a copy of a document as the next one, a day later.
func after(t *keys.Trust) *keys.Trust {
	next := *t
	next.Version++
	next.Issued = t.Issued.AddDate(0, 0, 1)
	return &next
}

func vkeys(signers ...*keys.Signer) (ks []keys.VerifierKey) {
	for _, s := range signers {
		ks = append(ks, s.VerifierKey())
	}
	return ks
}

func names(signers ...*keys.Signer) (ns []string) {
	for _, s := range signers {
		ns = append(ns, s.VerifierKey().Name())
	}
	return ns
}

func sign(t testing.TB, doc *keys.Trust, signers ...*keys.Signer) []byte {
	t.Helper()
	text, err := doc.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return signText(t, text, signers...)
}

func signText(t testing.TB, text []byte, signers ...*keys.Signer) []byte {
	t.Helper()
	note, err := keys.Sign(text, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return note
}

func chain(t testing.TB, docs ...[]byte) *keys.Chain {
	t.Helper()
	c, err := keys.NewChain(docs[0])
	for _, d := range docs[1:] {
		if err == nil {
			c, err = c.Extend(d)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// head is a list's head under trust document 1.
func head() *keys.Head {
	issued := day0.Add(time.Hour)
	return &keys.Head{
		Origin: origin, Type: "server-list/1", Version: issued.Unix(), Epoch: 1,
		Issued: issued, FreshUntil: issued.Add(24 * time.Hour), OldAfter: issued.AddDate(0, 1, 0),
		Trust: 1, BodySize: 0, BodySHA256: sha256.Sum256(nil),
	}
}

func listNote(t testing.TB, h *keys.Head, signers ...*keys.Signer) []byte {
	t.Helper()
	text, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return signText(t, text, signers...)
}

var wantList = keys.Want{Origin: origin, Type: "server-list/1"}

func TestVerifierKeyRefused(t *testing.T) {
	t.Parallel()
	good := signer(t, "list/1", 4).VerifierKey().String()
	if _, err := keys.ParseVerifierKey(good); err != nil {
		t.Fatal(err)
	}
	name, rest, _ := strings.Cut(good, "+")
	hash, b64, _ := strings.Cut(rest, "+")
	for what, s := range map[string]string{
		"empty":           "",
		"one part":        name,
		"too short":       name + "+00000000+" + "AQ" + strings.Repeat("A", 40) + "==",
		"renamed":         name + "x+" + hash + "+" + b64,
		"upper-case hash": name + "+" + strings.ToUpper(hash) + "+" + b64,
		"short hash":      name + "+" + hash[1:] + "+" + b64,
		"signed hash":     name + "++" + hash[1:] + "+" + b64,
		"cut base64":      name + "+" + hash + "+" + b64[:len(b64)-1],
		"line break":      name + "+" + hash + "+" + b64[:8] + "\n" + b64[8:],
		"space in name":   "a b+" + hash + "+" + b64,
		"no key":          name + "+" + hash + "+",
		"bidi in name":    "a\u202eb+" + hash + "+" + b64,
	} {
		if k, err := keys.ParseVerifierKey(s); err == nil {
			t.Errorf("%s: accepted %q as %v", what, s, k)
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"a": true, "az-09./": true, strings.Repeat("z", 128): true,
		"": false, strings.Repeat("z", 129): false, "A": false, "a_b": false, "a{b": false, "a:b": false, "a b": false, "é": false,
	} {
		if err := keys.CheckOrigin(s); (err == nil) != ok {
			t.Errorf("%q: %v, want accepted %v", s, err, ok)
		}
	}
}

func TestOpenList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := chain(t, sign(t, w.trust1(), w.alice))
	want := head()
	want.Mirrors = 7
	n, err := c.Open(listNote(t, want, w.list, w.list), wantList)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(n.Head, *want) || len(n.Signers) != 1 || n.Signers[0] != w.list.VerifierKey() {
		t.Fatalf("opened %+v signed by %v", n.Head, n.Signers)
	}
	again, err := n.Head.Encode()
	if err != nil || !bytes.Equal(again, n.Text) {
		t.Fatalf("encoding what was parsed gives other bytes (%v)", err)
	}
}

// A hint of 0 says nothing, but it was signed: writing the head again keeps it.
func TestMirrorsZero(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, err := head().Encode()
	if err != nil {
		t.Fatal(err)
	}
	before, body, _ := strings.Cut(string(text), "body ")
	for _, zero := range []string{"mirrors 0\n", "x-one 1\nmirrors 0\nx-two 2\n"} {
		with := before + zero + "body " + body
		n, err := chain(t, sign(t, w.trust1(), w.alice)).Open(signText(t, []byte(with), w.list), wantList)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := n.Head.Encode(); err != nil || string(again) != with {
			t.Errorf("%q encodes to %q (%v)", with, again, err)
		}
	}
}

// Unknown lines keep their places, and "!" lines refuse.
func TestUnknownLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := chain(t, sign(t, w.trust1(), w.alice))
	text, err := head().Encode()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for at := 2; at <= len(lines)-1; at++ {
		with := strings.Join(lines[:at], "") + "az-09 some value\n" + strings.Join(lines[at:], "")
		n, err := c.Open(signText(t, []byte(with), w.list), wantList)
		if err != nil {
			t.Fatalf("unknown line at %d: %v", at, err)
		}
		again, err := n.Head.Encode()
		if err != nil || string(again) != with {
			t.Fatalf("unknown line at %d does not come back (%v):\n%s", at, err, again)
		}
		critical := strings.Replace(with, "az-09", "!az-09", 1)
		_, err = c.Open(signText(t, []byte(critical), w.list), wantList)
		refusedAt(t, err, keys.LayerHead, "must-understand", at+1)
	}
}

// Every single changed byte of a note is noticed, except in lines that do not
// count.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := chain(t, sign(t, w.trust1(), w.alice))
	good := listNote(t, head(), w.list)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if n, err := c.Open(bad, wantList); err == nil {
			t.Fatalf("byte %d changed from %q to %q and the note still opens: %+v", i, good[i], bad[i], n.Head)
		}
	}
}

func FuzzChainOpen(f *testing.F) {
	w := newWorld(f)
	c := chain(f, sign(f, w.trust1(), w.alice))
	good := listNote(f, head(), w.list)
	f.Add(good)
	f.Add(sign(f, w.trust1(), w.alice))
	f.Add(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")))
	f.Add([]byte("<html>\n\n"))
	f.Fuzz(func(t *testing.T, note []byte) {
		n, err := c.Open(note, wantList)
		if err != nil {
			var e *keys.Error
			if !errors.As(err, &e) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if again, err := n.Head.Encode(); err != nil || !bytes.Equal(again, n.Text) {
			t.Fatalf("what opened does not encode to the same bytes (%v)", err)
		}
	})
}
