package main

import (
	"fmt"
	"strings"
)

// This file has characters that cannot be seen: in texts of entries, where
// some have a use in some places, and in names of keys, where none may stand.

// The first and the last character of every range of invisible ones.
var invisibleEnds = []rune{
	0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180E, 0x180F, 0x200B, 0x200C, 0x200D, 0x200F,
	0x2028, 0x202E, 0x2060, 0x2064, 0x206F, 0x3164, 0xFE00, 0xFE0E, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF0, 0xFFFB,
	0x1BCA0, 0x1BCA3, 0x1D173, 0x1D17A, 0xE0000, 0xE0001, 0xE0061, 0xE0100, 0xE01EF, 0xE0FFF,
}

// Their neighbours, which are none.
var invisibleNeighbours = []rune{
	0x00AC, 0x00AE, 0x034E, 0x0350, 0x061B, 0x061D, 0x115E, 0x1161, 0x17B3, 0x17B6, 0x180A, 0x1810, 0x200A, 0x2010,
	0x2027, 0x202F, 0x205F, 0x2070, 0x3163, 0x3165, 0xFDFF, 0xFE10, 0xFEFE, 0xFF00, 0xFF9F, 0xFFA1, 0xFFEF, 0xFFFC,
	0x1BC9F, 0x1BCA4, 0x1D172, 0x1D17B, 0xDFFFF, 0xE1000,
}

// In these each invisible character has a use.
var useful = []string{
	"می\u200cخواهم", "क्\u200dष", "क्\u200cष", "ශ්\u200dරී", "ꦏ\u200c", "\U00011013\u200d", "\U0001E922\u200c", "ᠠ\u180b", "ᠠ\u180f", "ᠠ\u200d",
	"👩\u200d💻", "❤\ufe0f", "❤\ufe0f\u200d🔥", "☎\ufe0e", "©\ufe0f", "®\ufe0e", "〰\ufe0f", "㊙\ufe0f", "1\ufe0f\u20e3", "#\ufe0f\u20e3", "*\ufe0f\u20e3", "👩\u200d", "م\u200cA",
	"葛\U000E0100", "芦\ufe00", "\U00020000\U000E01EF", "က\ufe00", "ꡂ\ufe00",
	"🏴" + tags("gbeng"), "🏴" + tags("gbsct") + "🏴" + tags("gbwls"), "🏴\u200d☠\ufe0f",
}

// In these one has none.
var useless = []string{
	"My\u200b server", "My\u200c server", "My\u200d server", "\u200dMy server", "\u200cم", "Мой\u200dсервер", "É\u200c", "Ω\u200d", "か\u200d", "漢\u200c", " \u200d",
	"م\u200c\u200c", "م\u200d\u200c", "👩\u200d\u200d💻", "👩\u200c💻", "❤\ufe0f\u200c", "1\ufe0f", "1\ufe0e\u20e3", "A\ufe0f\u20e3", "❤\ufe0f\ufe0f", "❤\ufe00", "\ufe0f",
	"a\ufe0e", "か\ufe0f", "葛\ufe0f", "葛\U000E0100\U000E0100", "a\U000E0100", "م\u180b", "ᠠ\u180e", "ᠠ\u180b\u180b", "🏴\U000E0067\U000E007F", "م\u200b",
	"🏴" + tags("gbenb"), "🏴" + tags("gben"), "🏴" + tags("gbeng") + "\u200d☠", "🏴" + tags("gbeng") + tags("gbeng"), "🏳" + tags("gbeng"), "🏴a" + tags("gbeng"), "🏴" + tags("usca"), "🏴" + tags("ustx"),
	"🏴" + tags("gbeng") + "\U000E007F", "A\u200cم", "A\u200dم", "☎\ufe0e\u200d🔥", "葛\U000E01F0", "*\ufe0e\u20e3",
	"🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067",
}

// tags returns letters as the invisible tags of a flag, with the one that ends
// them.
func tags(letters string) string {
	var b strings.Builder
	for _, c := range letters {
		b.WriteRune(0xE0000 + c)
	}
	return b.String() + "\U000E007F"
}

func invisibleVectors() []vector {
	named := func(id, name string) string {
		return fmt.Sprintf(`{"id":"%s","name":"%s","addresses":["a.example:1"]}`, id, name)
	}
	described := func(id, text string) string { return entry(id, `,"description":"`+text+`"`) }
	var everywhere, places, members []line
	for _, c := range invisibleEnds {
		everywhere = append(everywhere, wrong(named("a", "N"+string(c))))
	}
	for i, c := range invisibleNeighbours {
		id := fmt.Sprintf("b%02d", i)
		everywhere = append(everywhere, kept(id, named(id, "N"+string(c))))
	}
	for i, text := range useful {
		id := fmt.Sprintf("a%02d", i)
		places = append(places, kept(id, named(id, text)))
	}
	for _, text := range useless {
		places = append(places, wrong(named("b", text)))
	}
	for i, text := range useless {
		id := fmt.Sprintf("a%02d", i)
		members = append(members, dropped(id, 1, described(id, text)))
	}
	members = append(members, dropped("b", 2, entry("b", `,"version":"1\u00ad0","region":"eu\u200b"`)),
		dropped("c", 1, entry("c", `,"tags":["pvp","p\u2060vp"]`)), dropped("d", 1, entry("d", checks("n\u200b", hash, "1"))),
		kept("e", entry("e", `,"x":"a\u200bb"`)))
	return append([]vector{
		serverLines("invisible", "Names with invisible characters after a letter that has no use for them: the ends of all ranges, and their neighbours.", everywhere...),
		serverLines("invisible-use", "Names with invisible characters that a language or an emoji needs, and with the same ones elsewhere.", places...),
		serverLines("invisible-members", "Invisible characters in an optional member cost the member. Unknown members are not looked at.", members...),
		mirrorLines("mirror-invisible", "Invisible characters in the texts of mirrors cost the member.",
			dropped("a", 1, mirror("a", `"http://m.example/"`, `,"operator":"TU\u200bWien"`)),
			kept("b", mirror("b", `"http://m.example/"`, `,"operator":"می\u200cخواهم"`))),
	}, invisibleKeyNames()...)
}

// invisibleKeyNames are lists with a good signature, and a stranger's whose
// name is refused or not, and trust documents with such a name.
func invisibleKeyNames() []vector {
	text := serverHead(servers).String()
	var all []vector
	for name, c := range map[string]rune{
		"soft-hyphen": 0xAD, "grapheme-joiner": 0x34F, "number-sign": 0x600, "hangul-filler": 0x1160, "vowel-separator": 0x180E, "zero-width-space": 0x200B,
		"non-joiner": 0x200C, "joiner": 0x200D, "word-joiner": 0x2060, "invisible-times": 0x2062, "braille-blank": 0x2800, "selector": 0xFE0F,
		"annotation": 0xFFF9, "shorthand": 0x1BCA0, "musical": 0x1D173, "tag": 0xE0061, "selector-256": 0xE01EF,
	} {
		stranger := "stranger" + string(c) + ".example/1"
		all = append(all, onServers("envelope-signature-name-"+name, "3", fmt.Sprintf("A name of a key with U+%04X.", c),
			sign(text, list1)+signatureLine(stranger, []byte{1, 2, 3, 4}, []byte("x"))+"\n"+servers, refused("envelope", "bad-signature-line")))
	}
	lines := ""
	for _, c := range "\u00ac\u034e\u0606\u115e\u17b6\u1810\u2010\u2027\u2070\u2801\u3163\ufe10\ufffc\U0001BC9F" {
		lines += signatureLine("stranger"+string(c)+".example/1", []byte{1, 2, 3, 4}, []byte("x"))
	}
	lines += signatureLine(strings.Repeat("n", 128), []byte{1, 2, 3, 4}, []byte("x"))
	joiner := strings.Replace(list1.name, "list", "li\u200dst", 1)
	return append(all,
		onServers("signatures-names", "3", "Names of keys with characters beside those that are refused, and one of 128 bytes.", text+"\n"+lines+list1.line(text)+"\n"+servers, holds(serverIDs...)),
		onPinned("trust-key-name-joiner", "3", "A name of a key with a zero width joiner: it looks like another.",
			byAdmins(trust1().before("role", "key "+renamed(joiner, "another").verifier())), refused("trust", "bad-key")),
		onPinned("trust-revoke-name-hyphen", "3", "A revoked key whose name has a soft hyphen.",
			byAdmins(trust1().after(revocation(renamed("da\u00adve", dave.name)))), refused("trust", "bad-revoke")),
		onPinned("trust-role-invisible", "3", "A role whose name has a zero width space.",
			byAdmins(trust1().after("role li\u200bst 1 "+list2.name)), refused("trust", "bad-role")),
	)
}
