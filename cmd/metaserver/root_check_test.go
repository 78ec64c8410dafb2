package main

import (
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/examine"
)

// A remedy follows a sentence that has an end.
func TestPrintRootFinding(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"it is closed":  "error   disk D: it is closed. Open it.\n",
		"it is closed.": "error   disk D: it is closed. Open it.\n",
		"is it closed?": "error   disk D: is it closed? Open it.\n",
	} {
		var out strings.Builder
		printRootFinding(&out, examine.Finding{Level: examine.Bad, Subject: "disk", Where: "D", Text: text, Remedy: "Open it."})
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}
