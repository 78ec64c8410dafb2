package serverlist

import "strings"

// This file has the tables of SPEC.md section 7: where a text may have a
// character that cannot be seen, because languages and emoji need it there.

type span struct{ first, last rune }

var (
	// Scripts whose letters join, or are written as clusters.
	joining = []span{
		{0x0590, 0x109F}, {0x1780, 0x1C7F}, {0x1CD0, 0x1CFF}, {0xA800, 0xAAFF}, {0xABC0, 0xABFF},
		{0x10800, 0x11FFF}, {0x1E900, 0x1E95F},
	}
	emoji     = []span{{0x00A9, 0x00A9}, {0x00AE, 0x00AE}, {0x203C, 0x2BFF}, {0x3030, 0x3030}, {0x303D, 0x303D}, {0x3297, 0x3297}, {0x3299, 0x3299}, {0x1F000, 0x1FAFF}}
	mongolian = []span{{0x1820, 0x18AA}}
	variable  = []span{{0x1000, 0x109F}, {0x3400, 0x9FFF}, {0xA840, 0xA877}, {0xAA60, 0xAA7F}, {0xF900, 0xFAFF}, {0x20000, 0x3FFFF}}
)

// hasUse tells whether an invisible character shows in what is seen, between
// the character before it and the text after it.
func hasUse(before, r rune, after string) bool {
	switch {
	case r == 0x200C: // zero width non-joiner
		return within(joining, before)
	case r == 0x200D: // zero width joiner
		return within(joining, before) || within(emoji, before) || before == 0xFE0F
	case r == 0xFE0F && (before == '#' || before == '*' || before >= '0' && before <= '9'):
		return strings.HasPrefix(after, "\u20E3") // a keycap
	case r == 0xFE0E || r == 0xFE0F: // as text, as emoji
		return within(emoji, before)
	case r >= 0x180B && r <= 0x180F && r != 0x180E:
		return within(mongolian, before)
	case r >= 0xFE00 && r <= 0xFE0D || r >= 0xE0100 && r <= 0xE01EF: // forms of ideographs and others
		return within(variable, before)
	}
	return false
}

const blackFlag = 0x1F3F4

// flags are the invisible tags that make a flag of England, of Scotland or of
// Wales of a black one: gbeng, gbsct or gbwls, and the tag that ends them.
var flags = [...]string{
	"\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
	"\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F",
	"\U000E0067\U000E0062\U000E0077\U000E006C\U000E0073\U000E007F",
}

// flagTags returns how many bytes of what follows a black flag belong to it.
func flagTags(after string) int {
	for _, tags := range flags {
		if strings.HasPrefix(after, tags) {
			return len(tags)
		}
	}
	return 0
}

func within(spans []span, r rune) bool {
	for _, s := range spans {
		if r >= s.first && r <= s.last {
			return true
		}
	}
	return false
}
