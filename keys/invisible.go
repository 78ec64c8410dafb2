package keys

// This file has the tables of SPEC.md section 3. They are written out, not
// taken from package unicode: readers in all languages and of all years must
// refuse the same names, and the classes of Unicode grow.

// A span is code points from first to last.
type span struct{ first, last rune }

// invisible are the characters that show nothing or control how others are
// shown: those that Unicode calls default-ignorable, reserved ones included,
// the line and paragraph separators, and the interlinear annotations.
var invisible = []span{
	{0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C}, {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F},
	{0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F}, {0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
	{0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
}

// notInNames are the further characters that a key's name cannot have: "+",
// controls, spaces, and format characters that are seen or blank.
var notInNames = []span{
	{0x0000, 0x0020}, {'+', '+'}, {0x007F, 0x00A0}, {0x0600, 0x0605}, {0x06DD, 0x06DD}, {0x070F, 0x070F},
	{0x0890, 0x0891}, {0x08E2, 0x08E2}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x202F, 0x202F}, {0x205F, 0x205F},
	{0x2800, 0x2800}, {0x3000, 0x3000}, {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x1343F},
}

// IsInvisible tells whether a character is one of those that SPEC.md section 3
// lists as invisible: it shows nothing, or changes only how others are shown.
// Two texts that differ in such characters alone look the same.
func IsInvisible(r rune) bool {
	return r >= invisible[0].first && within(invisible, r)
}

func within(spans []span, r rune) bool {
	for _, s := range spans {
		if r <= s.last {
			return r >= s.first
		}
	}
	return false
}
