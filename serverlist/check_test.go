package serverlist_test

import (
	"cmp"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

func TestCheckText(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"": true, strings.Repeat("a", 80): true, strings.Repeat("é", 80): true, strings.Repeat("a", 79) + "é": true, "é" + strings.Repeat("a", 79): true,
		strings.Repeat("a", 81): false, strings.Repeat("é", 81): false, strings.Repeat("a", 80) + "é": false, "é" + strings.Repeat("a", 80): false,
		"\uFFFD": true, "\xff": false, "aé\xc3": false, "\xed\xa0\x80": false,
		` ~"\`: true, "\x1f": false, "\x7f": false, "\u009f": false, "\u00a0": true, "\u200b": false,
	} {
		if err := serverlist.CheckText(s, 80); (err == nil) != ok {
			t.Errorf("%q: %v, want accepted %v", s, err, ok)
		}
	}
}

func TestServerKey(t *testing.T) {
	t.Parallel()
	good := fullServer().Key
	for key, ok := range map[string]bool{
		good: true, good + "x": false, good + "\n": false, good[:8] + "\r\n" + good[8:]: false, good[:40]: false,
		strings.TrimSuffix(good, "="): false, strings.Replace(good, "Q=", "R=", 1): false, good[4:] + "AAAA": false, "AAAA" + good: false,
	} {
		s := serverlist.Server{ID: "s", Name: "S", Addresses: []string{"s.example:1"}, Key: key}
		if err := s.Check(); (err == nil) != ok {
			t.Errorf("%q: %v, want accepted %v", key, err, ok)
		}
	}
}

// The characters that readers let through are those of SPEC.md, where it lets
// them, and no others: each invisible one after each that is at an edge of a
// range.
func TestInvisibleOfSpec(t *testing.T) {
	t.Parallel()
	allowed := specUses(t)
	edges := map[rune]bool{'a': true, '#': true, '9': true}
	for _, after := range allowed {
		for _, s := range after {
			for _, r := range []rune{s.first - 1, s.first, s.last, s.last + 1} {
				edges[r] = !keys.IsInvisible(r) && (r > 0x9F || r >= 0x20 && r < 0x7F)
			}
		}
	}
	for r := rune(0); r <= 0xE0FFF; r++ {
		if !keys.IsInvisible(r) {
			continue
		}
		if r > 0xE01F0 { // the rest of this plane is like its end
			r = 0xE0FFF
		}
		for before, usable := range edges {
			if !usable {
				continue
			}
			want := false
			for _, s := range allowed[r] {
				want = want || before >= s.first && before <= s.last
			}
			if text := string(before) + string(r); (serverlist.CheckText(text, 80) == nil) != want {
				t.Errorf("%U after %U: want allowed %v", r, before, want)
			}
		}
	}
}

type span struct{ first, last rune }

// specUses reads the table of SPEC.md section 7: what each invisible character may
// directly follow.
func specUses(t *testing.T) map[rune][]span {
	t.Helper()
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(spec), "\n| Character | Directly after |\n|---|---|\n")
	if !ok {
		t.Fatal("SPEC.md has no table of what invisible characters may follow")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	uses := make(map[rune][]span)
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		after := spans(t, cells[2])
		for _, s := range spans(t, cells[1]) {
			for r := s.first; r <= s.last; r++ {
				uses[r] = append(uses[r], after...)
			}
		}
	}
	// "The same" and "emoji" are words.
	uses[0x200D] = append(uses[0x200D], slices.Concat(uses[0x200C], uses[0xFE0E])...)
	return uses
}

// spans finds all characters and ranges of them in a text.
func spans(t *testing.T, text string) (all []span) {
	t.Helper()
	for _, m := range regexp.MustCompile(`\b([0-9A-F]{4,5})(?:-([0-9A-F]{4,5}))?\b`).FindAllStringSubmatch(text, -1) {
		first, err := strconv.ParseInt(m[1], 16, 32)
		last, err2 := strconv.ParseInt(cmp.Or(m[2], m[1]), 16, 32)
		if err != nil || err2 != nil {
			t.Fatal(m, err, err2)
		}
		all = append(all, span{rune(first), rune(last)})
	}
	return all
}
