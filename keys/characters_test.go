package keys

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The tables of characters are those of SPEC.md, no more and no fewer: readers
// in all languages must refuse the same names.
func TestCharactersOfSpec(t *testing.T) {
	t.Parallel()
	hidden := specCharacters(t, "whatever a later version of Unicode says: ")
	barred := specCharacters(t, "controls, spaces, blanks and format characters: ")
	if !hidden['\u200B'] || !barred['\u00A0'] {
		t.Fatalf("SPEC.md lists %d invisible characters and %d others", len(hidden), len(barred))
	}
	barred['+'] = true
	for r := rune(0); r <= 0x10FFFF; r++ {
		if IsInvisible(r) != hidden[r] {
			t.Errorf("%U: invisible is %v, in SPEC.md %v", r, IsInvisible(r), hidden[r])
		}
		surrogate := r >= 0xD800 && r <= 0xDFFF
		if allowed := checkKeyName(string(r)) == nil; !surrogate && allowed == (hidden[r] || barred[r]) {
			t.Errorf("%U: allowed in a key's name is %v, in SPEC.md %v", r, allowed, !allowed)
		}
	}
}

// specCharacters reads the list of characters that follows the given words.
func specCharacters(t *testing.T, words string) map[rune]bool {
	t.Helper()
	spec, err := os.ReadFile(filepath.Join("..", "serverlist", "SPEC.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(strings.Join(strings.Fields(string(spec)), " "), words+"U+")
	if !ok {
		t.Fatalf("SPEC.md does not say %q", words)
	}
	list, _, _ = strings.Cut(list, ".")
	set := make(map[rune]bool)
	for item := range strings.SplitSeq(list, ", ") {
		first, last, ranged := strings.Cut(item, "-")
		if !ranged {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 16, 32)
		to, err2 := strconv.ParseUint(last, 16, 32)
		if err1 != nil || err2 != nil {
			t.Fatalf("%q of %q: %v, %v", item, list, err1, err2)
		}
		for r := from; r <= to; r++ {
			set[rune(r)] = true
		}
	}
	return set
}
