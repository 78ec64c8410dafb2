package main

import (
	"slices"
	"strings"
)

// This file has lists that are signed as they should be and say something that
// they must not.

func headVectors() []vector {
	head := serverHead(servers)
	list := func(name, section, about string, t text, reason string) vector {
		return onServers("head-"+name, section, about, listDocument(t, servers, list1), refused("head", reason))
	}
	all := []vector{
		list("origin-upper-case", "2", "An origin with a capital letter.", head.origin("MS.example.org"), "bad-origin"),
		list("origin-underscore", "2", "An origin with an underscore.", head.origin("ms_example.org"), "bad-origin"),
		list("origin-space", "2", "An origin with a space.", head.origin("ms example"), "bad-origin"),
		list("origin-too-long", "2", "An origin of 129 bytes.", head.origin(strings.Repeat("x", 129)), "bad-origin"),
		list("wrong-origin", "2", "The list of another origin, signed by a key that is known here.", head.origin("other.example.org"), "wrong-origin"),
		list("origin-prefix", "2", "The origin that is wanted and more.", head.origin(origin+"/x"), "wrong-origin"),
		list("wrong-type", "2", "A mirror list in place of a server list; the key may sign both.", head.set("type", "mirror-list/1"), "wrong-type"),
		list("type-more", "2", "The type that is wanted and more.", head.set("type", "server-list/10"), "wrong-type"),
		list("later-type", "2", "A later version of the type.", head.set("type", "server-list/2"), "wrong-type"),
		list("type-not-second", "2.1", "The second line is not type.", head.drop("type").before("epoch", "type server-list/1"), "misordered-key"),
		list("type-missing", "2.1", "There is no line type.", head.drop("type"), "misordered-key"),
		list("type-after-unknown", "2.1", "An unknown line before type.", head.before("type", "x 1"), "misordered-key"),
		list("misordered", "2.1", "Epoch before version.", head.drop("version").before("issued", "version 1793706120"), "misordered-key"),
		list("mirrors-misordered", "2.1", "The optional line mirrors after body.", head.after("mirrors 1793692800"), "misordered-key"),
		list("repeated", "2.1", "The line epoch stands twice.", head.before("issued", "epoch 1"), "duplicate-key"),
		list("unknown-repeated", "2.2", "An unknown line stands twice.", head.before("epoch", "x 1").after("x 1"), "duplicate-key"),
		list("must-understand", "2.2", "An unknown key that begins with an exclamation mark.", head.before("epoch", "!new 1"), "must-understand"),
		list("line-no-space", "2", "A line without a space.", head.before("epoch", "flag"), "bad-line"),
		list("line-no-value", "2", "A line without a value.", head.before("epoch", "flag "), "bad-line"),
		list("line-no-key", "2", "A line that begins with a space.", head.before("epoch", " 1"), "bad-line"),
		list("line-upper-case", "2", "A key with a capital letter.", head.before("epoch", "Flag 1"), "bad-line"),
		list("line-underscore", "2", "A key with an underscore.", head.before("epoch", "a_b 1"), "bad-line"),
		list("line-two-bangs", "2", "A key that begins with two exclamation marks.", head.before("epoch", "!!new 1"), "bad-line"),
		list("known-bang", "2.2", "A known key after an exclamation mark is another key.", head.before("epoch", "!epoch 1"), "must-understand"),
		list("trust-key-repeated", "2", "A key that repeats in trust documents is an unknown one here.", head.before("epoch", "key a", "key b"), "duplicate-key"),
		list("line-bang-only", "2", "A key that is only an exclamation mark.", head.before("epoch", "! 1"), "bad-line"),
		list("fresh-before-issued", "2", "Fresh until a time before the issue.", head.set("fresh-until", "2026-11-03T11:41:59Z"), "times-misordered"),
		list("old-before-fresh", "2", "Old before it is stale.", head.set("old-after", "2026-11-04T11:41:59Z"), "times-misordered"),
		list("version-ahead", "6.1", "A version one second after the time of issue.", head.set("version", "1793706121"), "version-ahead"),
		list("epoch-ahead", "5", "An epoch above that of the newest trust document.", head.set("epoch", "2"), "epoch-ahead"),
	}
	all = append(all, list("wanted-origin", "5", "The list of another origin, which is wanted; but the chain speaks for its own origin alone.",
		head.origin("other.example.org"), "wrong-origin").of("other.example.org"))
	for _, key := range []string{"version", "epoch", "issued", "fresh-until", "old-after", "trust", "body"} {
		all = append(all, list("no-"+key, "2.1", "There is no line "+key+".", head.drop(key), "missing-key"))
	}
	return append(slices.Concat(all, headValues(head)),
		list("value-mirrors", "2", "A hint that is there must have its form.", head.before("body", "mirrors 01"), "bad-value"))
}

// headValues are lines with a value that is not what it should be.
func headValues(head text) []vector {
	hash := strings.TrimPrefix(head[head.find("body")], "body ")
	size, digest, _ := strings.Cut(hash, " sha256 ")
	var all []vector
	for _, v := range []struct{ name, about, key, value string }{
		{"version-zeros", "An integer with a leading zero.", "version", "01793706120"},
		{"epoch-plus", "An integer with a sign.", "epoch", "+1"},
		{"epoch-negative", "A negative integer.", "epoch", "-1"},
		{"epoch-fraction", "A number that is not an integer.", "epoch", "1.0"},
		{"epoch-space", "A space after an integer.", "epoch", "1 "},
		{"epoch-arabic", "A digit that is not ASCII.", "epoch", "١"},
		{"trust-too-large", "The integer 2^53.", "trust", "9007199254740992"},
		{"trust-word", "A hint that is no integer.", "trust", "newest"},
		{"trust-overflow", "An integer of 30 digits.", "trust", strings.Repeat("9", 30)},
		{"issued-fraction", "A fraction of a second.", "issued", "2026-11-03T11:42:00.0Z"},
		{"issued-offset", "A time with an offset in place of Z.", "issued", "2026-11-03T11:42:00+00:00"},
		{"issued-lower-case", "Lower-case t and z.", "issued", "2026-11-03t11:42:00z"},
		{"issued-no-zeros", "A day of one digit.", "issued", "2026-11-3T11:42:00Z"},
		{"issued-february", "A day that does not exist.", "issued", "2026-02-29T11:42:00Z"},
		{"issued-hour", "An hour that does not exist.", "issued", "2026-11-02T24:00:00Z"},
		{"issued-minute", "A minute that does not exist.", "issued", "2026-11-02T11:60:00Z"},
		{"issued-day-0", "A day 0.", "issued", "2026-11-00T11:42:00Z"},
		{"issued-month-0", "A month 0.", "issued", "2026-00-03T11:42:00Z"},
		{"issued-month-13", "A month 13.", "old-after", "2026-13-03T11:42:00Z"},
		{"old-after-2100", "The year 2100 has no leap day.", "old-after", "2100-02-29T00:00:00Z"},
		{"old-after-10000", "A year of five digits.", "old-after", "10000-01-01T00:00:00Z"},
		{"issued-leap-second", "A leap second.", "issued", "2026-06-30T23:59:60Z"},
		{"body-no-hash", "Size without hash.", "body", size},
		{"body-upper-case", "A hash in capital letters.", "body", size + " sha256 " + strings.ToUpper(digest)},
		{"body-short-hash", "A hash of 62 digits.", "body", size + " sha256 " + digest[2:]},
		{"body-long-hash", "A hash of 65 digits.", "body", hash + "0"},
		{"body-other-hash", "Another hash function.", "body", size + " sha512 " + digest + digest},
		{"body-two-hashes", "Something after the hash.", "body", size + " sha256 " + digest + " 1"},
		{"body-size", "A size that is not a number.", "body", "0x10 sha256 " + digest},
	} {
		all = append(all, onServers("head-value-"+v.name, "2", v.about,
			listDocument(head.set(v.key, v.value), servers, list1), refused("head", "bad-value")))
	}
	return all
}
