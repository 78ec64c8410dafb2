package keys_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
)

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

// refusedAt checks also which line is to blame; 0: none by itself.
func refusedAt(t *testing.T, err error, layer keys.Layer, name string, line int) {
	t.Helper()
	refused(t, err, layer, name)
	var e *keys.Error
	if errors.As(err, &e); e.Line != line {
		t.Fatalf("%v: that is line %d, want %d", err, e.Line, line)
	}
	place := string(layer)
	if line > 0 {
		place = fmt.Sprintf("%s, line %d", layer, line)
	}
	if want := fmt.Sprintf("%s: %s (%s)", place, e.Detail, name); err.Error() != want {
		t.Fatalf("the error says %q, want %q", err, want)
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
		line             int
	}{
		{"other origin", swap(origin, "ms.example.net"), "wrong-origin", 1},
		{"bad origin", swap(origin, "MS.example.org"), "bad-origin", 1},
		{"other type", swap("server-list/1", "mirror-list/1"), "wrong-type", 2},
		{"other major version", swap("server-list/1", "server-list/2"), "wrong-type", 2},
		{"epoch ahead", swap("epoch 1", "epoch 2"), "epoch-ahead", 0},
		{"version missing", swap(version, ""), "missing-key", 0},
		{"version twice", swap(version, version+version), "duplicate-key", 4},
		{"version with zero", swap("version ", "version 0"), "bad-value", 3},
		{"version with sign", swap("version ", "version +"), "bad-value", 3},
		{"version too large", swap(version, "version 9007199254740992\n"), "bad-value", 3},
		{"two bad values", swap(version+"epoch ", strings.TrimSuffix(version, "\n")+"x\nepoch x"), "bad-value", 3},
		{"version ahead of issued", swap(version, fmt.Sprintf("version %d\n", head().Version+1)), "version-ahead", 0},
		{"misordered", swap(version+"epoch 1\n", "epoch 1\n"+version), "misordered-key", 4},
		{"type not second", swap("type server-list/1\n"+version, version+"type server-list/1\n"), "misordered-key", 2},
		{"time with offset", swap("issued 2026-11-03T11:00:00Z", "issued 2026-11-03T11:00:00+00:00"), "bad-value", 5},
		{"time with fraction", swap("issued 2026-11-03T11:00:00Z", "issued 2026-11-03T11:00:00.0Z"), "bad-value", 5},
		{"day that is none", swap("issued 2026-11-03", "issued 2026-11-31"), "bad-value", 5},
		{"fresh before issued", swap("fresh-until 2026-11-04", "fresh-until 2026-11-02"), "times-misordered", 0},
		{"upper-case hash", swap("sha256 e3b0c442", "sha256 E3B0C442"), "bad-value", 9},
		{"other hash", swap("sha256", "sha512"), "bad-value", 9},
		{"short hash", swap("sha256 e3", "sha256 "), "bad-value", 9},
		{"long hash", strings.TrimSuffix(string(good), "\n") + "0\n", "bad-value", 9},
		{"no value", swap("epoch 1", "epoch"), "bad-line", 4},
		{"unknown twice", swap("trust 1", "later 1\nlater 2\ntrust 1"), "duplicate-key", 9},
	} {
		t.Run(test.what, func(t *testing.T) {
			_, err := c.Open(signText(t, []byte(test.text), w.list), wantList)
			refusedAt(t, err, keys.LayerHead, test.name, test.line)
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
		line             int
	}{
		{"empty", "", "not-a-note", 0},
		{"HTML", "<!DOCTYPE html>\n\n<p>Please log in\n", "html", 0},
		{"HTML without blank line", "\n <html>" + strings.Repeat("x", keys.MaxHeadText), "html", 0},
		{"no blank line", strings.Replace(good, "\n\n", "\n", 1), "not-a-note", 0},
		{"no blank line in 8 KiB", strings.Repeat("x", keys.MaxHeadText), "not-a-note", 0},
		{"no blank line in more", strings.Repeat("x", keys.MaxHeadText+1), "too-large", 0},
		{"blank lines first", "\n\n" + strings.Repeat("x", keys.MaxHeadText), "not-a-note", 1},
		{"no signature", good[:len(good)-len(line)], "no-signature", 11},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), "carriage-return", 1},
		{"CR first", "\r" + good, "carriage-return", 1},
		{"NUL", strings.Replace(good, "trust 1", "trust 1\x00", 1), "bad-text", 8},
		{"not UTF-8", strings.Replace(good, "trust 1", "trust \xff", 1), "bad-text", 0},
		{"cut in the signature", good[:len(good)-9], "bad-signature-line", 11},
		{"hyphen for dash", strings.Replace(good, "—", "-", 1), "bad-signature-line", 11},
		{"no dash", strings.Replace(good, "— ", "", 1), "bad-signature-line", 11},
		{"no space after the dash", strings.Replace(good, "— ", "—", 1), "bad-signature-line", 11},
		{"line after the signatures", good + "more\n", "bad-signature-line", 12},
		{"17 signatures", good + strings.Repeat(line, 16), "too-many-signatures", 11},
		{"large head", strings.Replace(good, "trust 1", "later "+strings.Repeat("x", keys.MaxHeadText)+"\ntrust 1", 1), "too-large", 0},
		{"large block", good + strings.Repeat("x", keys.MaxSignatureBlock), "too-large", 11},
		{"spare bits", strings.Replace(good, line, spareBits(line), 1), "bad-signature-line", 11},
	} {
		t.Run(test.what, func(t *testing.T) {
			_, err := c.Open([]byte(test.note), wantList)
			refusedAt(t, err, keys.LayerEnvelope, test.name, test.line)
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
	refusedAt(t, err, keys.LayerSignature, "threshold", 0)

	_, err = c.Open(listNote(t, head(), w.alice), wantList) // known, but not for this role
	refusedAt(t, err, keys.LayerSignature, "threshold", 0)

	changed := bytes.Replace(good, []byte("trust 1"), []byte("trust 2"), 1)
	_, err = c.Open(changed, wantList)
	refusedAt(t, err, keys.LayerSignature, "bad-signature", 0)

	// A good line does not outweigh a bad one by a known key.
	other := head()
	other.Trust = 2
	alien := listNote(t, other, w.alice)
	mixed := append(bytes.Clone(good), alien[bytes.Index(alien, []byte("\n\n"))+2:]...)
	_, err = c.Open(mixed, wantList)
	refusedAt(t, err, keys.LayerSignature, "bad-signature", 0)

	// A line by an unknown key does not matter, whatever it says.
	alien = listNote(t, other, w.carol)
	mixed = append(bytes.Clone(good), alien[bytes.Index(alien, []byte("\n\n"))+2:]...)
	if _, err = c.Open(mixed, wantList); err != nil {
		t.Errorf("a line by an unknown key costs the document: %v", err)
	}

	_, err = c.Open(good, keys.Want{Origin: origin, Type: "checks/1"})
	refusedAt(t, err, keys.LayerSignature, "no-role", 0)
	_, err = c.Open(good, keys.Want{Origin: "else.example.org", Type: "server-list/1"})
	refusedAt(t, err, keys.LayerHead, "wrong-origin", 1)
	_, err = c.Open(sign(t, w.trust1(), w.alice), keys.Want{Origin: origin, Type: "trust/1"})
	refusedAt(t, err, keys.LayerHead, "wrong-type", 0)
	for _, typ := range []string{"", "list", "list/", "list/0", "list/01", "list/x", "/1", "List/1", "li st/1"} {
		_, err := c.Open(good, keys.Want{Origin: origin, Type: typ}) // no such type, although there is a role "list"
		refusedAt(t, err, keys.LayerHead, "wrong-type", 0)
	}
}

// Writers refuse what readers would refuse.
func TestEncodeRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what   string
		change func(*keys.Head)
		layer  keys.Layer
		name   string
		line   int
	}{
		{"no origin", func(h *keys.Head) { h.Origin = "" }, keys.LayerEnvelope, "not-a-note", 1},
		{"bad origin", func(h *keys.Head) { h.Origin = "A" }, keys.LayerHead, "bad-origin", 1},
		{"control character", func(h *keys.Head) { h.Type = "a\x01" }, keys.LayerEnvelope, "bad-text", 2},
		{"negative version", func(h *keys.Head) { h.Version = -1 }, keys.LayerHead, "bad-value", 3},
		{"version ahead of issued", func(h *keys.Head) { h.Version++ }, keys.LayerHead, "version-ahead", 0},
		{"too large", func(h *keys.Head) { h.Extra = []keys.Field{{0, "x", strings.Repeat("x", keys.MaxHeadText)}} }, keys.LayerEnvelope, "too-large", 0},
	} {
		t.Run(test.what, func(t *testing.T) {
			h := head()
			test.change(h)
			_, err := h.Encode()
			refusedAt(t, err, test.layer, test.name, test.line)
		})
	}
}
