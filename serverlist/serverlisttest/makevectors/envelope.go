package main

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/conformance"
)

// This file has documents that are refused before a signature is looked at.

func envelopeVectors() []vector {
	good := serverList(list1)
	text := serverHead(servers).String()
	list := func(name, section, about, document, reason string) vector {
		return onServers("envelope-"+name, section, about, document, refused("envelope", reason))
	}
	// changed is a text with another text in it, signed as it then is.
	changed := func(old, new string) string {
		t := strings.Replace(text, old, new, 1)
		return sign(t, list1) + "\n" + servers
	}
	return append([]vector{
		list("empty", "1.1", "No bytes at all.", "", "not-a-note"),
		list("cut-in-text", "1.1", "The document ends within the text.", good[:60], "not-a-note"),
		list("no-text", "1.1", "The first blank line is the first line.", "\n\n— a AAAAAAA=\n", "not-a-note"),
		list("html", "8.3.1", "A login page.", "<!DOCTYPE html>\n<html><body>Welcome to Hotel Wi-Fi</body></html>\n", "html"),
		list("html-after-space", "9", "A login page after blank lines.", "\n\r\n \t<html>\n\n</html>\n", "html"),
		list("html-paragraph", "9", "Any markup, after a byte order mark.", "\ufeff <p>Sign in\n\n", "html"),
		list("html-carriage-return", "9", "HTML goes before every other fault, as the CR here.", "\r\n<html>\r<body>\r\n", "html"),
		list("html-after-blank-lines", "9", "HTML after more blank lines than a document has.", "\ufeff\n\n \n\n\n<html>\n", "html"),
		list("html-origin", "9", "A < that is not the first character.", "ms.example.org<html>\n", "not-a-note"),
		list("cut-at-limit", "9", "8 KiB without a blank line, after CR LF was turned into LF.", strings.Repeat("x\r\n", 4<<10), "not-a-note"),
		list("text-too-large", "1.6", "A text of 8 KiB and one byte.",
			listDocument(fillTo(serverHead(servers), 8<<10+1), servers, list1), "too-large"),
		list("text-endless", "1.6", "9 KiB without a blank line.", strings.Repeat("x", 9<<10), "too-large"),
		onPinned("envelope-trust-too-large", "1.6", "A trust document with a text of 64 KiB and one byte.",
			byAdmins(fillTo(trust1(), 64<<10+1)), refused("envelope", "too-large")),
		list("signatures-too-large", "1.6", "Signature lines of more than 64 KiB, by keys that nobody knows.",
			manyBytes(), "too-large"),
		list("signatures-above-limit", "1.6", "Signature lines of 64 KiB and one byte, their line feeds included.",
			signaturesOf(64<<10+1), "too-large"),
		onServers("signatures-at-limit", "1.6", "Signature lines of exactly 64 KiB, their line feeds included.", signaturesOf(64<<10), holds(serverIDs...)),
		list("tab", "1.1", "The text contains a tab.", changed("old-after ", "x\ty\nold-after "), "bad-text"),
		list("delete", "1.1", "The text contains U+007F.", changed("trust 1", "x a\x7f\ntrust 1"), "bad-text"),
		list("not-utf-8", "1.1", "The text contains a byte that is not UTF-8.", changed("trust 1", "x \xff\ntrust 1"), "bad-text"),
		list("surrogate", "1.1", "The text contains a surrogate in the bytes of UTF-8.", changed("trust 1", "x \xed\xa0\x80\ntrust 1"), "bad-text"),
		list("cr-in-text", "1.5", "A CR without LF in the text.", changed("trust 1", "x a\rb\ntrust 1"), "carriage-return"),
		list("cr-cr-lf", "1.5", "CR CR LF: only the second CR belongs to the line end.", strings.Replace(good, "\n", "\r\r\n", 1), "carriage-return"),
		list("cr-in-body", "1.5", "A CR without LF in the body. A reader that streams has verified the head by then.",
			strings.Replace(good, "Cat 2", "Cat\r2", 1), "carriage-return"),
		list("cr-in-body-stranger", "9", "A CR in the body, and a signature by a stranger, which a reader that streams meets first.",
			strings.Replace(serverList(stranger), "Cat 2", "Cat\r2", 1), "carriage-return").or("signature", "threshold"),
		list("cr-in-body-above-limit", "9", "A CR in a body that is larger than the caller allows: a reader that streams need not read it.",
			strings.Replace(good, "Cat 2", "Cat\r2", 1), "carriage-return").or("body", "too-large").limit(conformance.Limits{Body: int64(len(servers) - 1)}),
		list("cr-after-body", "9", "A CR after the body: a reader that streams may stop at the byte that is too much.",
			good+"\rx", "carriage-return").or("body", "trailing-bytes"),
		list("cr-at-end", "1.5", "The last byte is a CR.", strings.TrimSuffix(good, "\n")+"\r", "carriage-return"),
		list("cut-after-text", "1.2", "The document ends after the first blank line.", text+"\n", "no-signature"),
		list("unsigned", "1.2", "The second blank line follows the first one.", text+"\n\n"+servers, "no-signature"),
		list("too-many-signatures", "1.2", "Seventeen signature lines; each of them verifies.", sign(text, repeat(list1, 17)...)+"\n"+servers, "too-many-signatures"),
	}, signatureLines(text)...)
}

func repeat(k key, n int) []key {
	var keys []key
	for range n {
		keys = append(keys, k)
	}
	return keys
}

// manyBytes is a list that is signed, and has too much beside.
func manyBytes() string {
	text := serverHead(servers).String()
	large := signatureLine(stranger.name, stranger.id(), bytes.Repeat([]byte{0}, 3300))
	return sign(text, list1) + strings.Repeat(large, 15) + "\n" + servers
}

// signaturesOf is a list that is signed, with strangers' signature lines that
// fill the block of signature lines to this size.
func signaturesOf(size int) string {
	text := serverHead(servers).String()
	block := list1.line(text)
	large := signatureLine(stranger.name, stranger.id(), make([]byte, 3200))
	block += strings.Repeat(large, 14)
	rest := size - len(block) - len("—  \n")
	name := strings.Repeat("n", 4+rest%4) // base64 comes in fours
	blob := (rest - len(name)) / 4 * 3
	block += signatureLine(name, []byte{1, 2, 3, 4}, make([]byte, blob-4))
	if len(block) != size {
		panic("the block of signature lines has another size")
	}
	return text + "\n" + block + "\n" + servers
}

// signatureLines are documents with a good signature line and a bad one.
func signatureLines(text string) []vector {
	encoded := func(raw string) string { return base64.StdEncoding.EncodeToString([]byte(raw)) }
	with := func(name, about, line string) vector {
		return onServers("envelope-signature-"+name, "1.2", about,
			sign(text, list1)+line+"\n"+servers, refused("envelope", "bad-signature-line"))
	}
	good := encoded("1234 a signature that no one can verify")
	longName := strings.Repeat("n", 129)
	return []vector{
		with("hyphen", "A hyphen in place of the dash.", "- stranger.example/1 "+good+"\n"),
		with("no-dash", "Name and base64 without a dash before them.", "stranger.example/1 "+good+"\n"),
		with("no-base64", "Nothing after the name.", "— stranger.example/1\n"),
		with("two-spaces", "Two spaces after the name.", "— stranger.example/1  "+good+"\n"),
		with("more", "Something after the base64.", "— stranger.example/1 "+good+" more\n"),
		with("no-name", "An empty name.", "—  "+good+"\n"),
		with("name-plus", "A plus sign in the name.", "— stranger+1 "+good+"\n"),
		with("name-invisible", "A zero-width no-break space in the name.", "— stranger\ufeff1 "+good+"\n"),
		with("name-nbsp", "A no-break space in the name.", "— stranger\u00a01 "+good+"\n"),
		with("name-not-utf-8", "A byte in the name that is not UTF-8.", "— stranger\xff1 "+good+"\n"),
		with("name-too-long", "A name of 129 bytes.", "— "+longName+" "+good+"\n"),
		with("name-too-long-bytes", "A name of 65 characters, and of 130 bytes.", "— "+strings.Repeat("ä", 65)+" "+good+"\n"),
		with("unpadded", "Base64 without its padding.", "— stranger.example/1 "+strings.TrimRight(encoded("1234567"), "=")+"\n"),
		with("spare-bits", "Base64 whose spare bits are not zero.", "— stranger.example/1 MTIzNDU2Nx==\n"),
		with("url-alphabet", "Base64 in the alphabet of URLs.", "— stranger.example/1 MTIzNDU2_-__\n"),
		with("id-only", "Four bytes: an id and no signature.", "— stranger.example/1 MTIzNA==\n"),
		onServers("envelope-signature-cut", "1.2", "The document ends within a signature line.",
			strings.TrimSuffix(sign(text, list1), "\n"), refused("envelope", "bad-signature-line")),
		onPinned("envelope-trust-blank-line", "1.4", "A blank line ends a trust document.", byAdmins(trust1())+"\n", refused("envelope", "bad-signature-line")),
		onServers("envelope-no-blank-line", "1.4", "The body follows the signature lines without a blank line.",
			sign(text, list1)+servers, refused("envelope", "bad-signature-line")),
		onNext("envelope-trust-trailing", "1.4", "Bytes follow the signature lines of a trust document.",
			byAdmins(trust2())+"\n<script>\n", refused("envelope", "bad-signature-line")),
	}
}
