package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPrintJSON: whatever a string holds, no terminal obeys it, and programs read
// it as it was.
func TestPrintJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"plain", "<a> & b", "می\u200cخواهم 🏴", "\u009b2J", "\x1b[2J", "a\x7fb\n", "\u202egnp.exe", "\u061c\ufeff\u2028"} {
		var out strings.Builder
		if err := printJSON(&out, map[string]any{"text": text, "raw": json.RawMessage("\"" + "\u009b" + "\"")}); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(out.String(), isObeyed); i >= 0 {
			t.Errorf("%q is printed as %q", text, out.String())
		}
		var read struct{ Text, Raw string }
		if err := json.Unmarshal([]byte(out.String()), &read); err != nil || read.Text != text || read.Raw != "\u009b" {
			t.Errorf("%q is read as %+v, %v", text, read, err)
		}
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{plural(1, "entry"), "1 entry"},
		{plural(2, "entry"), "2 entries"},
		{plural(0, "server"), "0 servers"},
		{plural(3, "key"), "3 keys"},
		{pluralAre(1, "registration"), "1 registration is"},
		{pluralAre(2, "entry"), "2 entries are"},
		{howOften(1), "once"},
		{howOften(2), "2 times"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestClientOf: a root may be shown below a path, and then all that it is asked
// for is there.
func TestClientOf(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		"https://ms.example.org/api/v1/registrations/r1/TOKEN":          "https://ms.example.org",
		"https://example.org/games/ms/api/v1/registrations/r1/TOKEN":    "https://example.org/games/ms",
		"https://example.org:8443/games/api/v1/transfers/t1/TOKEN":      "https://example.org:8443/games",
		"https://example.org/~a/api/v1/mirrors/m1/TOKEN?lang=en#answer": "https://example.org/~a",
	} {
		if got := clientOf(secret).Root; got != want {
			t.Errorf("%s: %s, want %s", secret, got, want)
		}
	}
}

// TestReadIDs: a line may be as long as it likes, and costs no other.
func TestReadIDs(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ids")
	text := "ID NAME\n# a remark\n\na1 " + strings.Repeat("x", 1<<17) + "\r\n  b2\nb2"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	e := entryIDs{from: file}
	if ids, err := e.read(t.Context(), []string{"c3"}); err != nil || !slices.Equal(ids, []string{"c3", "a1", "b2"}) {
		t.Errorf("%q, %v", ids, err)
	}
}
