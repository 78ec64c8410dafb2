package keys_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// An admin makes a trust document that lets a list key sign lists; whoever
// holds that document can verify what the list key signed.
func Example() {
	// Fixed seeds make the example repeatable. Real keys come from
	// ed25519.GenerateKey or the package keyfile.
	admin, err := keys.NewSigner("ms.example.org/admin/alice", ed25519.NewKeyFromSeed([]byte("example seed of the admin's key.")))
	if err != nil {
		panic(err)
	}
	list, err := keys.NewSigner("ms.example.org/list/1", ed25519.NewKeyFromSeed([]byte("example seed of the list's key..")))
	if err != nil {
		panic(err)
	}

	issued := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	trust := &keys.Trust{
		Origin: "ms.example.org", Version: 1, Epoch: 1,
		Issued: issued, ReviewBy: issued.AddDate(1, 0, 0),
		Keys: []keys.VerifierKey{admin.VerifierKey(), list.VerifierKey()},
		Roles: []keys.Role{
			{Name: "trust", Threshold: 1, Keys: []string{"ms.example.org/admin/alice"}},
			{Name: "list", Threshold: 1, Keys: []string{"ms.example.org/list/1"}},
		},
	}
	text, err := trust.Encode()
	if err != nil {
		panic(err)
	}
	pinned, err := keys.Sign(text, admin)
	if err != nil {
		panic(err)
	}

	head := &keys.Head{
		Origin: "ms.example.org", Type: "server-list/1",
		Version: issued.Unix(), Epoch: 1, Issued: issued,
		FreshUntil: issued.Add(24 * time.Hour), OldAfter: issued.AddDate(0, 1, 0),
		Trust: 1, BodySHA256: sha256.Sum256(nil),
	}
	if text, err = head.Encode(); err != nil {
		panic(err)
	}
	note, err := keys.Sign(text, list)
	if err != nil {
		panic(err)
	}

	chain, err := keys.NewChain(pinned)
	if err != nil {
		panic(err)
	}
	opened, err := chain.Open(note, keys.Want{Origin: "ms.example.org", Type: "server-list/1"})
	if err != nil {
		panic(err)
	}
	fmt.Println("version", opened.Head.Version, "signed by", opened.Signers[0].Name())

	note[40]++ // somebody changes a byte on the way
	_, err = chain.Open(note, keys.Want{Origin: "ms.example.org", Type: "server-list/1"})
	fmt.Println(err)
	// Output:
	// version 1793700000 signed by ms.example.org/list/1
	// signature: the signature of "ms.example.org/list/1" does not verify: either the document was changed, or it was signed with another key under this name (bad-signature)
}
