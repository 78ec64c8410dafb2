package keys_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
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

// refused checks that err is a refusal of the given layer and name.
func refused(t *testing.T, err error, layer keys.Layer, name string) {
	t.Helper()
	var e *keys.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a refusal %s/%s", err, layer, name)
	}
	if e.Layer != layer || e.Name != name {
		t.Fatalf("refused as %s/%s (%v), want %s/%s", e.Layer, e.Name, e, layer, name)
	}
	if e.Detail == "" {
		t.Fatalf("the refusal %s/%s says nothing", layer, name)
	}
}

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

func TestOpenList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := chain(t, sign(t, w.trust1(), w.alice))
	n, err := c.Open(listNote(t, head(), w.list), wantList)
	if err != nil {
		t.Fatal(err)
	}
	if n.Head.Version != head().Version || len(n.Signers) != 1 || n.Signers[0] != w.list.VerifierKey() {
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
		with := strings.Join(lines[:at], "") + "x-later some value\n" + strings.Join(lines[at:], "")
		n, err := c.Open(signText(t, []byte(with), w.list), wantList)
		if err != nil {
			t.Fatalf("unknown line at %d: %v", at, err)
		}
		again, err := n.Head.Encode()
		if err != nil || string(again) != with {
			t.Fatalf("unknown line at %d does not come back (%v):\n%s", at, err, again)
		}
		critical := strings.Replace(with, "x-later", "!later", 1)
		_, err = c.Open(signText(t, []byte(critical), w.list), wantList)
		refused(t, err, keys.LayerHead, "must-understand")
	}
}

func TestHeadRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := chain(t, sign(t, w.trust1(), w.alice))
	good, err := head().Encode()
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("the head has no %q", old)
		}
		return strings.Replace(string(good), old, new, 1)
	}
	version := fmt.Sprintf("version %d\n", head().Version)
	for _, test := range []struct {
		what, text, name string
	}{
		{"other origin", swap(origin, "ms.example.net"), "wrong-origin"},
		{"bad origin", swap(origin, "MS.example.org"), "bad-origin"},
		{"other type", swap("server-list/1", "mirror-list/1"), "wrong-type"},
		{"other major version", swap("server-list/1", "server-list/2"), "wrong-type"},
		{"epoch ahead", swap("epoch 1", "epoch 2"), "epoch-ahead"},
		{"version missing", swap(version, ""), "missing-key"},
		{"version twice", swap(version, version+version), "duplicate-key"},
		{"version with zero", swap("version ", "version 0"), "bad-value"},
		{"version with sign", swap("version ", "version +"), "bad-value"},
		{"version too large", swap(version, "version 9007199254740992\n"), "bad-value"},
		{"version ahead of issued", swap(version, fmt.Sprintf("version %d\n", head().Version+1)), "version-ahead"},
		{"misordered", swap(version+"epoch 1\n", "epoch 1\n"+version), "misordered-key"},
		{"type not second", swap("type server-list/1\n"+version, version+"type server-list/1\n"), "misordered-key"},
		{"time with offset", swap("issued 2026-11-03T11:00:00Z", "issued 2026-11-03T11:00:00+00:00"), "bad-value"},
		{"time with fraction", swap("issued 2026-11-03T11:00:00Z", "issued 2026-11-03T11:00:00.0Z"), "bad-value"},
		{"day that is none", swap("issued 2026-11-03", "issued 2026-11-31"), "bad-value"},
		{"fresh before issued", swap("fresh-until 2026-11-04", "fresh-until 2026-11-02"), "times-misordered"},
		{"upper-case hash", swap("sha256 e3b0c442", "sha256 E3B0C442"), "bad-value"},
		{"other hash", swap("sha256", "sha512"), "bad-value"},
		{"short hash", swap("sha256 e3", "sha256 "), "bad-value"},
		{"no value", swap("epoch 1", "epoch"), "bad-line"},
		{"unknown twice", swap("trust 1", "later 1\nlater 2\ntrust 1"), "duplicate-key"},
	} {
		t.Run(test.what, func(t *testing.T) {
			_, err := c.Open(signText(t, []byte(test.text), w.list), wantList)
			refused(t, err, keys.LayerHead, test.name)
		})
	}
}

func TestEnvelopeRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := chain(t, sign(t, w.trust1(), w.alice))
	good := string(listNote(t, head(), w.list))
	line := good[strings.Index(good, "\n\n")+2:]
	for _, test := range []struct {
		what, note, name string
	}{
		{"empty", "", "not-a-note"},
		{"HTML", "<!DOCTYPE html>\n\n<p>Please log in\n", "html"},
		{"HTML without blank line", "\n <html>" + strings.Repeat("x", keys.MaxHeadText), "html"},
		{"no blank line", strings.Replace(good, "\n\n", "\n", 1), "not-a-note"},
		{"no signature", good[:len(good)-len(line)], "no-signature"},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), "carriage-return"},
		{"NUL", strings.Replace(good, "trust 1", "trust 1\x00", 1), "bad-text"},
		{"not UTF-8", strings.Replace(good, "trust 1", "trust \xff", 1), "bad-text"},
		{"cut in the signature", good[:len(good)-9], "bad-signature-line"},
		{"hyphen for dash", strings.Replace(good, "—", "-", 1), "bad-signature-line"},
		{"line after the signatures", good + "more\n", "bad-signature-line"},
		{"17 signatures", good + strings.Repeat(line, 16), "too-many-signatures"},
		{"large head", strings.Replace(good, "trust 1", "later "+strings.Repeat("x", keys.MaxHeadText)+"\ntrust 1", 1), "too-large"},
		{"large block", good + strings.Repeat("x", keys.MaxSignatureBlock), "too-large"},
		{"spare bits", strings.Replace(good, line, spareBits(line), 1), "bad-signature-line"},
	} {
		t.Run(test.what, func(t *testing.T) {
			_, err := c.Open([]byte(test.note), wantList)
			refused(t, err, keys.LayerEnvelope, test.name)
		})
	}
}

// spareBits sets a bit of the base64 that says nothing.
func spareBits(line string) string {
	i := strings.Index(line, "=") - 1
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return line[:i] + string(alphabet[strings.IndexByte(alphabet, line[i])+1]) + line[i+1:]
}

func TestSignaturesRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := chain(t, sign(t, w.trust1(), w.alice))
	good := listNote(t, head(), w.list)
	byStranger := listNote(t, head(), w.list2)

	_, err := c.Open(byStranger, wantList)
	refused(t, err, keys.LayerSignature, "threshold")

	_, err = c.Open(listNote(t, head(), w.alice), wantList) // known, but not for this role
	refused(t, err, keys.LayerSignature, "threshold")

	changed := bytes.Replace(good, []byte("trust 1"), []byte("trust 2"), 1)
	_, err = c.Open(changed, wantList)
	refused(t, err, keys.LayerSignature, "bad-signature")

	// A good line does not outweigh a bad one by a known key.
	other := head()
	other.Trust = 2
	alien := listNote(t, other, w.alice)
	mixed := append(bytes.Clone(good), alien[bytes.Index(alien, []byte("\n\n"))+2:]...)
	_, err = c.Open(mixed, wantList)
	refused(t, err, keys.LayerSignature, "bad-signature")

	// A line by an unknown key does not matter, whatever it says.
	alien = listNote(t, other, w.carol)
	mixed = append(bytes.Clone(good), alien[bytes.Index(alien, []byte("\n\n"))+2:]...)
	if _, err = c.Open(mixed, wantList); err != nil {
		t.Errorf("a line by an unknown key costs the document: %v", err)
	}

	_, err = c.Open(good, keys.Want{Origin: origin, Type: "checks/1"})
	refused(t, err, keys.LayerSignature, "no-role")
	_, err = c.Open(good, keys.Want{Origin: "else.example.org", Type: "server-list/1"})
	refused(t, err, keys.LayerHead, "wrong-origin")
	_, err = c.Open(sign(t, w.trust1(), w.alice), keys.Want{Origin: origin, Type: "trust/1"})
	refused(t, err, keys.LayerHead, "wrong-type")
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
