package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// A key signs under a name. Its seed is the SHA-256 of a fixed prefix and the
// label, which is the name unless two names are to share one key.
type key struct {
	name    string
	private ed25519.PrivateKey
}

const seedPrefix = "metaserver test vector key "

func newKey(name string) key { return renamed(name, name) }

// renamed is the key of a label under another name.
func renamed(name, label string) key {
	seed := sha256.Sum256([]byte(seedPrefix + label))
	return key{name, ed25519.NewKeyFromSeed(seed[:])}
}

// The keys of the vectors' world.
var (
	alice = newKey("ms.example.org/admin/alice")
	bob   = newKey("ms.example.org/admin/bob")
	carol = newKey("ms.example.org/admin/carol")
	dave  = newKey("ms.example.org/admin/dave")

	list1 = newKey("ms.example.org/list/1")
	list2 = newKey("ms.example.org/list/2")
	list3 = newKey("ms.example.org/list/3")

	stranger = newKey("stranger.example/1") // in no trust document
)

// id is the key id, four bytes.
func (k key) id() []byte {
	sum := sha256.Sum256(append([]byte(k.name+"\n\x01"), k.public()...))
	return sum[:4]
}

func (k key) public() []byte { return k.private.Public().(ed25519.PublicKey) }

// verifier is the key as trust documents write it.
func (k key) verifier() string {
	return fmt.Sprintf("%s+%x+%s", k.name, k.id(), base64.StdEncoding.EncodeToString(append([]byte{1}, k.public()...)))
}

// line signs a text.
func (k key) line(text string) string {
	return signatureLine(k.name, k.id(), ed25519.Sign(k.private, []byte(text)))
}

func signatureLine(name string, id, signature []byte) string {
	return "— " + name + " " + base64.StdEncoding.EncodeToString(append(id[:4:4], signature...)) + "\n"
}

// sign returns text, blank line, and the signature lines of the keys.
func sign(text string, keys ...key) string {
	var b strings.Builder
	b.WriteString(text + "\n")
	for _, k := range keys {
		b.WriteString(k.line(text))
	}
	return b.String()
}

// names joins the names of keys as a role line does.
func names(keys ...key) string {
	var list []string
	for _, k := range keys {
		list = append(list, k.name)
	}
	return strings.Join(list, " ")
}
