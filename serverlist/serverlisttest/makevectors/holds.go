package main

import (
	"fmt"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/conformance"
)

// This file has the documents that hold, at their most ordinary and at the
// edges of what is allowed.

// exampleTrust is the trust document of the worked example: one admin, one
// list key.
func exampleTrust() string {
	t := text{
		origin, "type trust/1", "version 1", "epoch 1",
		"issued 2026-11-01T10:00:00Z", "review-by 2028-11-01T00:00:00Z",
		"key " + alice.verifier(), "key " + list1.verifier(),
		"role trust 1 " + names(alice), "role list 1 " + names(list1),
	}
	return sign(t.String(), alice)
}

// exampleRotation is the trust document that follows it: bob in the place of
// alice, signed by both.
func exampleRotation() string {
	t := text{
		origin, "type trust/1", "version 2", "epoch 1",
		"issued 2026-11-02T10:00:00Z", "review-by 2028-11-01T00:00:00Z",
		"key " + bob.verifier(), "key " + list1.verifier(),
		"role trust 1 " + names(bob), "role list 1 " + names(list1),
	}
	return sign(t.String(), alice, bob)
}

func listsThatHold() []vector {
	one := func(name, section, about string, head text) vector {
		return onServers(name, section, about, listDocument(head, servers, list1), holds(serverIDs...))
	}
	head := serverHead(servers)
	return []vector{
		onServers("list-worked-example", "A", "The document of the worked example.",
			listDocument(serverHead(catLine), catLine, list1), holds("cat2")).pinned(exampleTrust()).walk(exampleRotation()),
		onServers("list-all-members", "7", "An entry with every member that the table has, in canonical form.",
			listDocument(serverHead(everyMember), everyMember, list1), holds("full")),
		onServers("list-empty-body", "1.4", "A body of no bytes: nothing follows the second blank line.",
			listDocument(serverHead(""), "", list1), holds()),
		onServers("list-order-of-entries", "7", "Entries out of order: writers order them, readers do not ask for it.",
			listDocument(serverHead(dogLine+catLine), dogLine+catLine, list1), holds("dogtown", "cat2")),
		one("list-mirrors-line", "2", "The optional line mirrors.", head.before("body", "mirrors 1793692800")),
		one("list-unknown-lines", "2.2", "Unknown keys between known ones and after them; one value begins with a space and ends with one.",
			head.before("version", "x-first 1").before("body", "a-z-0-9  two spaces and an end ").after("last — ümlaut")),
		one("list-keys-of-trust", "2", "Keys of trust documents are unknown ones in a list, wherever they stand.",
			head.before("version", "role 1").before("issued", "revoke 1", "review-by never").after("key 1")),
		one("list-hints", "2", "The hints name a trust document and a mirror list that nobody has. A hint never refuses.",
			head.set("trust", "9007199254740991").before("body", "mirrors 9007199254740991")),
		onServers("list-zeros", "2.3", "Epoch and hints are 0.",
			listDocument(head.set("epoch", "0").set("trust", "0").before("body", "mirrors 0"), servers, list1), ofEpoch(0)),
		versioned("list-leap-days", "2.4", "Days that exist in leap years alone, 2000 being one.",
			head.set("version", "951782400").set("issued", "2000-02-29T00:00:00Z").set("fresh-until", "2028-02-29T23:59:59Z").set("old-after", "9999-12-31T23:59:59Z"), 951782400),
		one("list-equal-times", "2", "All three times are equal.",
			head.set("fresh-until", "2026-11-03T11:42:00Z").set("old-after", "2026-11-03T11:42:00Z")),
		versioned("list-version-below-issued", "6.1", "The version is below the time of issue.", head.set("version", "7"), 7),
		versioned("list-1970", "2.4", "Issued in the first second that there is, with the version of that second.",
			head.set("issued", "1970-01-01T00:00:00Z").set("version", "0"), 0),
		onServers("list-longest-origin", "2", "An origin of 128 bytes with all the characters that are allowed.",
			listDocument(head.origin(longOrigin), servers, list1), holds(serverIDs...)).
			pinned(byAdmins(trust1().origin(longOrigin))).of(longOrigin),
		one("list-largest-text", "1.6", "A text of exactly 8 KiB.", fillTo(head, 8<<10)),
		lineEnds("list-crlf", "1.5", "Every line ends in CR LF, as after a transfer in ASCII mode.", "\r\n"),
		lineEnds("list-crlf-sometimes", "1.5", "Some lines end in CR LF.", "\n"),
	}
}

const everyMember = `{"id":"full","name":"Volle Hütte","description":"Alles dran","game":"crossfire","version":"1.75.0",` +
	`"addresses":["full.example.net:13327","192.0.2.1:1","[2001:db8::1]:65535"],` +
	`"key":"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=","region":"eu-west","languages":["de","pt-BR"],"tags":["pvp","modded"],` +
	`"website":"https://full.example.net/?a=b#c","endpoints":[{"role":"chat","protocol":"mumble","address":"voice.example.net:64738"}],` +
	`"probe":{"protocol":"crossfire","port":13328},` +
	`"checks":{"name":"crossfire-1.75","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},` +
	`"x-later":{"any":[1.5e3,null]}}` + "\n"

var longOrigin = "az09./-" + strings.Repeat("x", 121)

// of changes the origin that is wanted.
func (v vector) of(origin string) vector {
	v.input.Want.Origin = origin
	return v
}

func versioned(name, section, about string, head text, version int64) vector {
	v := onServers(name, section, about, listDocument(head, servers, list1), holds(serverIDs...))
	v.expected.Version = version
	return v
}

// ofEpoch is the verdict on the usual list with another epoch.
func ofEpoch(n int64) conformance.Verdict {
	v := holds(serverIDs...)
	v.Epoch = n
	return v
}

// fillTo pads a text to a size with an unknown line.
func fillTo(t text, size int) text {
	pad := size - len(t.String()) - len("pad \n")
	return t.after("pad " + strings.Repeat("x", pad))
}

// lineEnds turns LF into CR LF: on every second line only if others is LF.
func lineEnds(name, section, about, others string) vector {
	var b strings.Builder
	for i, line := range strings.SplitAfter(serverList(list1), "\n") {
		end := "\r\n"
		if i%2 == 1 {
			end = others
		}
		b.WriteString(strings.Replace(line, "\n", end, 1))
	}
	return onServers(name, section, about, b.String(), holds(serverIDs...))
}

func mirrorListsThatHold() []vector {
	all := `{"id":"all","operator":"All Members e.V.","region":"eu","contact":"mirror@example.at",` +
		`"urls":["http://ms.example.at/ms/","https://ms.example.at:8443/ms/server.list?x=%20"],"root":true}` + "\n"
	least := `{"id":"least","urls":["http://[2001:db8::1]/"]}` + "\n"
	return []vector{
		onMirrors("mirrors-one", "7", "An ordinary mirror list.", listDocument(mirrorHead(mirrors), mirrors, list1), holds("tuwien")),
		onMirrors("mirrors-members", "7", "An entry with every member and one with the required ones only.",
			listDocument(mirrorHead(all+least), all+least, list1), holds("all", "least")),
	}
}

func trustThatHolds() []vector {
	twoNames := renamed("ms.example.org/admin/alice-again", alice.name)
	unknownKey := "key ms.example.org/admin/future+01234567+Ag=="
	otherRevocation := "revoke ms.example.org/admin/past+89abcdef+Ag== since " + revokedSince + " compromised"
	unknownRevocation := "revoke ms.example.org/admin/past+89abcdef+Ag== since " + revokedSince + " retired"
	futures := trust1().before("role", unknownKey).set("role trust", "2 "+names(alice, bob, carol)+" ms.example.org/admin/future")
	raised := trust2().set("role trust", "3 "+names(alice, bob, carol))
	return []vector{
		onPinned("trust-pinned", "4", "A trust document that satisfies its own trust role.", byAdmins(trust1()), trustHolds(1, 1)),
		onPinned("trust-pinned-later", "4", "Any document of a chain may be pinned, not only the first.", byAdmins(trust2()), trustHolds(2, 1)),
		onPinned("trust-crlf", "1.5", "Lines that end in CR LF.", strings.ReplaceAll(byAdmins(trust1()), "\n", "\r\n"), trustHolds(1, 1)),
		onPinned("trust-unknown-lines", "2.2", "Unknown keys; body is one of them in a trust document.",
			byAdmins(trust1().before("version", "x 1").before("role", "y 2").after(bodyLine(""))), trustHolds(1, 1)),
		onPinned("trust-keys-of-lists", "2", "Keys of lists are unknown ones in a trust document, wherever they stand.",
			byAdmins(trust1().before("version", bodyLine(""), "mirrors x").before("epoch", "trust -1").after("old-after 1")), trustHolds(1, 1)),
		onPinned("trust-unknown-algorithm", "3.4", "Key and revocation of another algorithm count for nothing, even where a role names the key.",
			byAdmins(futures.after(unknownRevocation)), trustHolds(1, 1)),
		onPinned("trust-names-case", "3.1", "Names of keys are compared with regard to case.",
			byAdmins(trust1().before("role", "key "+renamed(strings.ToUpper(list1.name), "another").verifier())), trustHolds(1, 1)),
		onPinned("trust-digits", "3", "Digits and hyphens in the name of a role and in the word of a revocation.",
			byAdmins(trust1().after("role 0-x 1 "+list1.name, strings.Replace(revocation(dave), "compromised", "2-lost", 1))), trustHolds(1, 1)),
		onPinned("trust-two-names", "3.3", "One public key may have two names. It counts once.",
			byAdmins(trust1().before("role", "key "+twoNames.verifier()).set("role trust", "2 "+names(alice, twoNames, bob))), trustHolds(1, 1)),
		onPinned("trust-role-repeats-key", "3.2", "A role names a key twice. It counts once.",
			byAdmins(trust1().set("role trust", "2 "+names(alice, alice, bob))), trustHolds(1, 1)),
		onPinned("trust-threshold-16", "3.2", "The highest threshold.", byAdmins(manyKeys(16)), trustHolds(1, 1)),
		onPinned("trust-largest-text", "1.6", "A text of exactly 64 KiB.", byAdmins(fillTo(trust1(), 64<<10)), trustHolds(1, 1)),
		onNext("trust-next", "4", "The next document of a chain.", byAdmins(trust2()), trustHolds(2, 1)),
		onNext("trust-next-same-time", "4.3", "A document issued in the same second as the one before it.",
			byAdmins(trust2().set("issued", "2026-11-01T10:00:00Z")), trustHolds(2, 1)),
		onNext("trust-next-rotates", "4", "A list key is replaced.", byAdmins(rotated()), trustHolds(2, 1)),
		onNext("trust-next-revokes", "4.5", "A revocation, with a higher epoch.", byAdmins(revoking()), trustHolds(2, 2)),
		onNext("trust-next-revokes-signer", "4.1", "An admin signs the document that revokes her: what it revokes still counts under document 1.",
			sign(withoutCarol().String(), carol, alice, dave), trustHolds(2, 2)),
		onNext("trust-next-raises-threshold", "4.1", "The threshold is raised to three: two would reach it under document 1, three have signed.",
			sign(raised.String(), alice, bob, carol), trustHolds(2, 1)),
		onNext("trust-next-new-admins", "4.1", "Two admins are replaced: two old ones and two new ones have signed.",
			sign(newAdmins().String(), alice, bob, dave, stranger), trustHolds(2, 1)),
		onNext("trust-next-epoch", "6", "The epoch may rise without a revocation.", byAdmins(trust2().set("epoch", "9")), trustHolds(2, 9)),
		onNext("trust-third", "4.4", "A third document repeats the revocation of the second.",
			byAdmins(revoking().set("version", "3")), trustHolds(3, 2)).walk(byAdmins(revoking())),
		onNext("trust-third-other-order", "4.4", "A third document repeats the revocations of the second in another order.",
			byAdmins(rotated().set("version", "3").set("epoch", "2").after(revocation(dave), revocation(list1))), trustHolds(3, 2)).
			walk(byAdmins(revoking().after(revocation(dave)))),
		onNext("trust-third-forgets-unknown-revocation", "3.4", "A revocation of another algorithm need not be repeated.",
			byAdmins(trust2().set("version", "3")), trustHolds(3, 1)).walk(byAdmins(trust2().after(unknownRevocation))),
		onNext("trust-next-adds-unknown-revocation", "4.5", "A revocation of another algorithm asks for no higher epoch.",
			byAdmins(trust2().after(unknownRevocation)), trustHolds(2, 1)),
		onNext("trust-third-changes-unknown-revocation", "4.4", "A revocation of another algorithm may change.",
			byAdmins(trust2().set("version", "3").after(otherRevocation)), trustHolds(3, 1)).walk(byAdmins(trust2().after(unknownRevocation))),
		onPinned("trust-unknown-revocation-twice", "3.1", "Two revocations of one key of another algorithm: both are ignored.",
			byAdmins(trust1().after(unknownRevocation, otherRevocation)), trustHolds(1, 1)),
	}
}

// newAdmins is trust2 with dave and the stranger as admins.
func newAdmins() text {
	return trust2().replace(alice, dave).replace(bob, stranger).set("role trust", "2 "+names(dave, stranger, carol))
}

// heldLists are lists that hold because of where they are held, and because of
// the chain.
func heldLists() []vector {
	three := trust2().set("role list", "2 "+names(list1, list2)).before("role", "key "+list3.verifier()).
		set("role list", "2 "+names(list1, list2, list3))
	later := func(n int) string { return byAdmins(revoking().set("version", fmt.Sprint(n))) }
	list := func(name, section, about, document string) vector {
		return onServers(name, section, about, document, holds(serverIDs...))
	}
	otherName := signatureLine("stranger.example/3", list1.id(), make([]byte, 64))
	otherCase := signatureLine(strings.ToUpper(list1.name), list1.id(), make([]byte, 64))
	unknownID := signatureLine(list2.name, []byte{1, 2, 3, 4}, make([]byte, 64))
	unknownName := signatureLine("stranger.example/2", []byte{1, 2, 3, 4}, []byte("x"))
	many := serverList(list1)[:len(serverList())-len(servers)-1] // the text and the first blank line
	for i := range 15 {
		many += signatureLine(fmt.Sprintf("stranger.example/%d", i), []byte{1, 2, 3, 4}, []byte("any bytes"))
	}
	text := serverHead(servers).String()
	return []vector{
		list("signatures-two", "3", "Two keys of the role have signed; one would do.", serverList(list1, list2)),
		list("signatures-unknown", "3", "Lines that belong to no key are ignored, whatever their signature: a stranger's, one under a known name with another id, two under other names with a known id.",
			text+"\n"+unknownName+unknownID+otherName+otherCase+stranger.line(text)+list1.line(text)+"\n"+servers),
		list("signatures-repeated", "3", "The line of a key stands twice.", serverList(list1, list1)),
		list("signatures-16", "1.2", "Sixteen signature lines.", many+list1.line(text)+"\n"+servers),
		list("signatures-two-of-three", "3", "A threshold of two.", serverList(list3, list1)).pinned(sign(three.String(), alice, carol)),
		list("signatures-other-role", "3", "A key of another role has signed too. It must verify and does not count.", serverList(alice, list2)),
		list("chain-new-key", "5", "Signed by a key that trust document 2 brought.", serverList(list3)).walk(byAdmins(rotated())),
		list("chain-ends-at-refused", "4", "Trust document 2 is refused, which ends the walk: document 1 stays in force.", serverList(list1)).
			walk(sign(rotated().String(), alice), byAdmins(rotated().set("version", "3"))),
		list("chain-gap", "4", "Trust document 2 is missing, which ends the walk.", serverList(list1)).walk(byAdmins(rotated().set("version", "3"))),
		list("stored-older-trust", "5", "A stored list may hold under any trust document of the chain.", serverList(list1)).
			walk(byAdmins(rotated())).stored("2026-11-03T12:00:00Z"),
		list("stored-no-record", "5", "No key is revoked, so no record of the time is needed.", serverList(list1)).
			walk(byAdmins(rotated())).stored(""),
		list("stored-lower-epoch", "6", "A list of an earlier epoch still holds.", serverList(list2)).walk(byAdmins(revoking())),
		list("stored-before-revocation", "5", "First seen one second before the key was revoked.", serverList(list1)).
			walk(byAdmins(revoking())).stored("2026-11-02T08:59:59Z"),
		list("stored-two-documents-later", "5", "The revocation stands in document 2 and is repeated in document 3.", serverList(list1)).
			walk(byAdmins(revoking()), later(3)).stored("2026-11-02T08:59:59Z"),
		list("stored-revoked-line-ignored", "3", "The line of a revoked key belongs to no key, even if its signature is bad.",
			text+"\n"+signatureLine(list1.name, list1.id(), make([]byte, 64))+list2.line(text)+"\n"+servers).
			walk(byAdmins(revoking())),
		list("static-older-trust", "5", "A static list holds under the trust document it was shipped with.", serverList(list1)).
			walk(byAdmins(rotated())).static(1),
		list("static-before-revocation", "5", "A static list counts as first seen when its newest trust document was issued.", serverList(list1)).
			walk(byAdmins(revoking())).static(1),
		list("chain-goes-on-after-refused", "4", "A trust document 2 is refused, which ends the walk, though another one would extend the chain.", serverList(list1)).
			walk(sign(rotated().String(), alice), byAdmins(rotated())),
		list("stored-bad-line-of-newer-key", "5", "Under document 2 a line has a bad signature. Under document 1 it belongs to no key, and the list holds.",
			text+"\n"+list1.line(text)+signatureLine(list3.name, list3.id(), make([]byte, 64))+"\n"+servers).
			walk(byAdmins(rotated())).stored("2026-11-03T12:00:00Z"),
		list("static-same-second", "5", "A static list may hold under a trust document that it was not shipped with, if that was issued in the same second.", serverList(list3)).
			walk(byAdmins(rotated().set("issued", "2026-11-01T10:00:00Z"))).static(1),
		onServers("static-newest-epoch", "5", "The epoch of a static list is compared with that of the newest trust document, also if it was not shipped with that.",
			listDocument(serverHead(servers).set("epoch", "2"), servers, list2), ofEpoch(2)).walk(byAdmins(revoking())).static(1),
		list("static-shipped-two", "5", "Shipped with two trust documents: either may vouch.", serverList(list1)).
			walk(byAdmins(rotated())).static(2),
	}
}
