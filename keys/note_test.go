package keys

import "testing"

// The key and the note that golang.org/x/mod/sumdb/note documents: another
// implementation of the same signed notes.
func TestForeignNote(t *testing.T) {
	t.Parallel()
	const (
		vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
		note = "If you think cryptography is the answer to your problem,\n" +
			"then you don't know what your problem is.\n\n" +
			"— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
	)
	k, err := ParseVerifierKey(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if k.String() != vkey || k.ID() != 0xc74f20a3 {
		t.Fatalf("the key is read as %v, id %08x", k, k.ID())
	}
	e, err := openEnvelope([]byte(note), MaxHeadText)
	if err != nil {
		t.Fatal(err)
	}
	if signers, err := e.verify([]VerifierKey{k}); err != nil || len(signers) != 1 {
		t.Fatalf("signers %v, error %v", signers, err)
	}
}

// A role that nobody need fill is filled by nobody. No document that was read
// has one.
func TestThresholdZero(t *testing.T) {
	t.Parallel()
	if have, ok := new(Trust).reaches(Role{Name: "list"}, nil); ok {
		t.Errorf("%d signers reach a threshold of 0", have)
	}
}
