package store

import (
	"slices"
	"strings"
	"unicode"

	"go.mau.fi/util/confusable"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// lookAlike returns the form in which names are compared by eye: equal for
// names that a player could take for one another. It is built on the skeleton
// of Unicode's UTS #39, under which "Сat" with a Cyrillic С is "Cat".
//
// The skeleton knows upper and lower case as they look, so it is taken before
// case is folded, where a capital I is an l and a Cyrillic Н an H, and again
// after it, where "M00N" has to become what "moon" does. What of i and l is
// left then is one letter, since a name may be written in either case. Spaces
// and punctuation tell no two names apart; accents do.
func lookAlike(name string) string {
	s := norm.NFKC.String(visible(name))
	s = confusable.Skeleton(cases.Fold().String(confusable.Skeleton(s)))
	s = strings.ReplaceAll(cases.Fold().String(s), "i", "l")
	bare := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.N, unicode.M) {
			return r
		}
		return -1
	}, s)
	switch {
	case bare != "":
		return bare
	case s != "": // a name of signs only
		return s
	}
	return normalName(name) // one of characters that Unicode has not assigned yet
}

// Scripts returns the writing systems of a text, each once and in the order in
// which they come, as "Latin" and "Cyrillic". What belongs to none, as digits
// and signs, is left out. Those that are written together in one language of
// East Asia count as one.
func Scripts(text string) []string {
	var found []string
	for _, r := range text {
		if name := scriptOf(r); name != "" && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}

func scriptOf(r rune) string {
	switch {
	case !unicode.IsLetter(r), unicode.In(r, unicode.Common, unicode.Inherited):
		return ""
	case unicode.Is(unicode.Latin, r): // most of all
		return "Latin"
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Hangul):
		return "East Asian"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}
