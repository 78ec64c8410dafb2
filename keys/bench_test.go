package keys_test

import (
	"crypto/ed25519"
	"testing"
)

// The yardstick of BenchmarkChainOpen: one bare signature check of a message
// of the same size.
func BenchmarkEd25519Verify(b *testing.B) {
	text, err := head().Encode()
	if err != nil {
		b.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	sig := ed25519.Sign(private, text)
	b.ReportAllocs()
	for b.Loop() {
		if !ed25519.Verify(public, text, sig) {
			b.Fatal("does not verify")
		}
	}
}

func BenchmarkChainOpen(b *testing.B) {
	w := newWorld(b)
	c := chain(b, sign(b, w.trust1(), w.alice))
	note := listNote(b, head(), w.list)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Open(note, wantList); err != nil {
			b.Fatal(err)
		}
	}
}
