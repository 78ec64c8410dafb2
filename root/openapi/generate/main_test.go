package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signed-metaserver/metaserver/root/openapi"
)

// TestDocumentsAreCurrent fails when the types of package api, their comments or
// the operations say something else than the documents beside package openapi.
func TestDocumentsAreCurrent(t *testing.T) {
	t.Parallel()
	made, err := describe(filepath.Join("..", "..", "api"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range made {
		file, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || !bytes.Equal(file, data) {
			t.Errorf("root/openapi/%s is not what would be made now; run: go generate ./root/openapi (%v)", name, err)
		}
	}
	if len(made) != 2 {
		t.Errorf("%d documents", len(made))
	}
}

// TestDocumentsAreOpenAPI checks them against the OpenAPI 3.1 schema.
func TestDocumentsAreOpenAPI(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{"public": openapi.Public, "all": openapi.All} {
		d, err := openapi3.NewLoader().LoadFromData(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := d.Validate(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d.OpenAPI != "3.1.0" || d.Paths.Len() < 10 {
			t.Errorf("%s: OpenAPI %s, %d paths", name, d.OpenAPI, d.Paths.Len())
		}
		for path, item := range d.Paths.Map() {
			for method, op := range item.Operations() {
				if op.Summary == "" || op.Responses.Len() < 2 {
					t.Errorf("%s: %s %s has no summary or only one answer", name, method, path)
				}
			}
		}
	}
	if bytes.Contains(openapi.Public, []byte("/admin/")) {
		t.Error("the public document tells of the admin API")
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Two\nlines": "Two lines", "that of [Accepted] and\n[*Problem]": "that of Accepted and *Problem", `as "addresses[0]"`: `as "addresses[0]"`,
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
