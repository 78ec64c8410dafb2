// Makevectors writes the conformance vectors of serverlist/testdata/vectors.
//
// Every run writes the same bytes: the keys come from fixed seeds, ed25519 is
// deterministic, and no time is looked at. The documents are put together here
// from plain text and crypto/ed25519, not by the packages that are tested with
// them, and every expected verdict is stated by hand.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/signed-metaserver/metaserver/serverlist/conformance"
)

//go:generate go run . -out ../../testdata/vectors

func main() {
	log.SetFlags(0)
	log.SetPrefix("makevectors: ")
	out := flag.String("out", "serverlist/testdata/vectors", "the folder to write to; vectors there that are no longer made are removed")
	flag.Parse()
	if err := writeVectors(*out, makeVectors()); err != nil {
		log.Fatal(err)
	}
}

// makeVectors returns all vectors. Names are unique.
func makeVectors() []vector {
	all := slices.Concat(
		listsThatHold(), mirrorListsThatHold(), trustThatHolds(), heldLists(),
		envelopeVectors(), signatureVectors(), headVectors(), trustVectors(), successionVectors(),
		bodyVectors(), entryVectors(), memberVectors(), invisibleVectors(),
	)
	seen := make(map[string]bool)
	for _, v := range all {
		if seen[v.name] {
			panic("two vectors are named " + v.name)
		}
		seen[v.name] = true
	}
	return all
}

// fileTree returns the files of all vectors by their path.
func fileTree(vectors []vector) map[string][]byte {
	tree := make(map[string][]byte)
	for _, v := range vectors {
		for name, data := range v.files {
			tree[v.name+"/"+name] = data
		}
		tree[v.name+"/"+conformance.InputFile] = encode(v.input)
		tree[v.name+"/"+conformance.ExpectedFile] = encode(v.expected)
	}
	return tree
}

// encode writes JSON for people: indented, without escapes for HTML.
func encode(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		panic(err) // strings, numbers and times
	}
	return b.Bytes()
}

// writeVectors replaces the vectors in a folder. Files that belong to no
// vector stay.
func writeVectors(folder string, vectors []vector) error {
	old, err := filepath.Glob(filepath.Join(folder, "*", conformance.InputFile))
	if err != nil {
		return err
	}
	for _, file := range old {
		if err := os.RemoveAll(filepath.Dir(file)); err != nil {
			return err
		}
	}
	for name, data := range fileTree(vectors) {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("%d vectors in %s\n", len(vectors), folder)
	return nil
}
