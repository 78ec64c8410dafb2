package keys_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
)

func TestNewSignerRefused(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, good, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := keys.NewSigner("a", other); err == nil || s != nil {
		t.Errorf("a key of another algorithm: %v, %v", s, err)
	}
	if s, err := keys.NewSigner("a b", good); err == nil || s != nil {
		t.Errorf("a name with a space: %v, %v", s, err)
	}
	if k, err := keys.NewVerifierKey("a", make([]byte, 31)); err == nil {
		t.Errorf("a public key of 31 bytes: %v", k)
	}
}

// An agent is a private key out of reach, which may fail or be the wrong one.
type agent struct {
	ed25519.PrivateKey
	sign func(text []byte) ([]byte, error)
}

func (a agent) Sign(_ io.Reader, text []byte, _ crypto.SignerOpts) ([]byte, error) {
	return a.sign(text)
}

// What would not verify is found before anybody publishes it.
func TestSignRefused(t *testing.T) {
	t.Parallel()
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	away := errors.New("the agent is away")
	for what, sign := range map[string]func([]byte) ([]byte, error){
		"good":       func(text []byte) ([]byte, error) { return ed25519.Sign(private, text), nil },
		"fails":      func(text []byte) ([]byte, error) { return ed25519.Sign(private, text), away },
		"cut":        func(text []byte) ([]byte, error) { return ed25519.Sign(private, text)[:63], nil },
		"other text": func(text []byte) ([]byte, error) { return ed25519.Sign(private, text[1:]), nil },
	} {
		s, err := keys.NewSigner("agent", agent{private, sign})
		if err != nil {
			t.Fatal(err)
		}
		if note, err := keys.Sign([]byte("a\n"), s); (err == nil) != (what == "good") || errors.Is(err, away) != (what == "fails") {
			t.Errorf("%s: signed as %q, %v", what, note, err)
		}
	}
	for text, line := range map[string]int{"": 0, "a": 0, "\na\n": 1, "a\n\nb\n": 1} {
		_, err := keys.Sign([]byte(text), signer(t, "a", 1))
		refusedAt(t, err, keys.LayerEnvelope, "not-a-note", line)
	}
	for n, ok := range map[int]bool{0: false, 1: true, 16: true, 17: false} {
		if _, err := keys.Sign([]byte("a\n"), manySigners(t, n)...); (err == nil) != ok {
			t.Errorf("%d signers: %v", n, err)
		}
	}
}

func manySigners(t *testing.T, n int) (all []*keys.Signer) {
	t.Helper()
	for i := range n {
		all = append(all, signer(t, fmt.Sprint("many/", i), byte(i)))
	}
	return all
}

// Admins sign one after the other: that gives the same document.
func TestAddSignatures(t *testing.T) {
	t.Parallel()
	text := []byte("a\nb\n")
	all := manySigners(t, 16)
	together, err := keys.Sign(text, all...)
	if err != nil {
		t.Fatal(err)
	}
	note := text
	for _, s := range all {
		before := slices.Clone(note)
		more, err := keys.AddSignatures(note, s)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(note, before) || !bytes.Equal(keys.DraftText(more), text) {
			t.Fatalf("adding to\n%s\nchanged it, or gave the text %q", before, keys.DraftText(more))
		}
		note = more
	}
	if !bytes.Equal(note, together) {
		t.Errorf("signed one after the other:\n%s\nall at once:\n%s", note, together)
	}
	three, err := keys.AddSignatures(text, all[:3]...)
	if err != nil {
		t.Fatal(err)
	}
	renamed := signer(t, "renamed", 1) // the key of the second under another name
	for what, test := range map[string]struct {
		note    []byte
		signers []*keys.Signer
		says    string
	}{
		"one too many":   {together, []*keys.Signer{renamed}, "at most 16"},
		"signed already": {three, []*keys.Signer{all[3], all[1]}, `"ms.example.org/many/1" has signed`},
		"no signer":      {three, nil, "0 signers"},
		"not a note":     {append(bytes.Clone(three), "more\n"...), all[3:4], "not a signature line"},
		"renamed":        {three, []*keys.Signer{renamed}, ""},
	} {
		_, err := keys.AddSignatures(test.note, test.signers...)
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want an error that says %q", what, err, test.says)
		}
	}
}

func TestNormalizeLines(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "a\n": "a\n", "a\r\n\r\nb": "a\n\nb"} {
		if got, err := keys.NormalizeLines([]byte(in)); err != nil || string(got) != want {
			t.Errorf("%q is read as %q, %v", in, got, err)
		}
	}
	_, err := keys.NormalizeLines([]byte("a\r\nb\n\rc"))
	refusedAt(t, err, keys.LayerEnvelope, "carriage-return", 3)
	data := []byte("a\n")
	if got, err := keys.NormalizeLines(data); err != nil || &got[0] != &data[0] {
		t.Errorf("what has no carriage return is copied (%v)", err)
	}
}
