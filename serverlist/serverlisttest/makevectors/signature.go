package main

import (
	"crypto/ed25519"
	"math/big"
	"slices"
	"strings"
)

// This file has documents whose signatures do not suffice.

func signatureVectors() []vector {
	good := serverList(list1)
	text := serverHead(servers).String()
	list := func(name, section, about, document, reason string) vector {
		return onServers("signature-"+name, section, about, document, refused("signature", reason))
	}
	next := func(name, about, document, reason string) vector {
		return onNext("signature-trust-"+name, "4.1", about, document, refused("signature", reason))
	}
	with := func(line string) string { return text + "\n" + line + "\n" + servers }
	signature := ed25519.Sign(list1.private, []byte(text))
	strangers := ed25519.Sign(stranger.private, []byte(text))
	again := renamed("ms.example.org/list/1-again", list1.name)
	twoNames := trust1().before("role", "key "+again.verifier(), "key "+list3.verifier()).
		set("role list", "2 "+names(list1, again, list3))
	raised := trust2().set("role trust", "3 "+names(alice, bob, carol))
	return append([]vector{
		list("text-changed", "3", "One digit of the text was changed after signing.", strings.Replace(good, "trust 1\n", "trust 2\n", 1), "bad-signature"),
		list("other-key", "3", "The signature of another key under the name and id of a known one.", with(signatureLine(list1.name, list1.id(), strangers)), "bad-signature"),
		list("one-bad", "3", "Two keys; one would do, but the other's signature is bad.", with(list1.line(text)+signatureLine(list2.name, list2.id(), signature)), "bad-signature"),
		list("other-role-bad", "3", "The bad signature is that of a key of another role.", with(list1.line(text)+signatureLine(alice.name, alice.id(), signature)), "bad-signature"),
		list("63-bytes", "3", "A signature of 63 bytes.", with(signatureLine(list1.name, list1.id(), signature[:63])), "bad-signature"),
		list("65-bytes", "3", "A signature of 65 bytes.", with(signatureLine(list1.name, list1.id(), append(signature[:64:64], 0))), "bad-signature"),
		list("malleable", "3", "The second number of the signature is not reduced, as RFC 8032 asks.", with(signatureLine(list1.name, list1.id(), unreduced(signature))), "bad-signature"),
		list("before-head", "9", "The text would be refused too, and is not looked at without a signature.",
			listDocument(serverHead(servers).before("epoch", "!new 1"), servers, stranger), "threshold"),
		list("before-body", "9", "The body is cut, and is not looked at without a signature.",
			strings.TrimSuffix(serverList(stranger), "\n"), "threshold"),
		onServers("head-before-body", "9", "The list of another origin, whose body is cut: the head is judged before the body.",
			strings.TrimSuffix(listDocument(serverHead(servers).origin("other.example.org"), servers, list1), "\n"), refused("head", "wrong-origin")),
		onMirrors("envelope-before-role", "9", "The trust document has no role for mirror lists; but nothing is signed here.",
			mirrorHead(mirrors).String()+"\n\n"+mirrors, refused("envelope", "no-signature")).pinned(byAdmins(trust1().drop("role mirrors"))),
		list("stranger", "3", "Only a key that nobody knows has signed.", serverList(stranger), "threshold"),
		list("other-role", "3", "Keys that fill other roles have signed.", serverList(alice, bob, carol), "threshold"),
		onMirrors("signature-mirrors-role", "3.6", "A key of the list role has signed a mirror list.",
			listDocument(mirrorHead(mirrors), mirrors, list2), refused("signature", "threshold")),
		list("one-of-two", "3", "One key where two are needed.", serverList(list1), "threshold").
			pinned(byAdmins(trust1().set("role list", "2 "+names(list1, list2)))),
		list("key-twice", "3.3", "The line of one key stands twice where two keys are needed.", serverList(list1, list1), "threshold").
			pinned(byAdmins(trust1().set("role list", "2 "+names(list1, list2)))),
		list("two-names", "3.3", "One public key has signed under two names where two keys are needed.", serverList(list1, again), "threshold").
			pinned(byAdmins(twoNames)),
		onMirrors("signature-no-role", "3.6", "The trust document has no role for mirror lists.",
			listDocument(mirrorHead(mirrors), mirrors, list1), refused("signature", "no-role")).
			pinned(byAdmins(trust1().drop("role mirrors"))),
		onPinned("signature-trust-pinned", "4", "A document to pin that does not reach its own trust role.",
			sign(trust1().String(), alice), refused("signature", "threshold")),
		onPinned("signature-trust-pinned-bad", "4", "A document to pin with a bad signature.",
			strings.Replace(byAdmins(trust1()), "review-by 2028", "review-by 2029", 1), refused("signature", "bad-signature")),
		next("old-only", "Enough for document 1, too few for the document itself.", sign(raised.String(), alice, bob), "threshold"),
		next("new-only", "Enough for the document itself, too few for document 1.", sign(newAdmins().String(), alice, dave, stranger), "threshold"),
		next("before-head", "Too few for document 1, which is found before the time that is none.",
			sign(trust2().set("review-by", "never").String(), alice), "threshold"),
		next("before-number", "Too few for the document itself, which is found before its number.",
			sign(raised.set("version", "3").String(), alice, bob), "threshold"),
		onPinned("head-trust-unsigned", "4", "A document to pin: its head is looked at before its signature.",
			sign(trust1().set("review-by", "never").String(), stranger), refused("head", "bad-value")),
		onPinned("trust-role-unsigned", "4", "A document to pin: the rules of section 3 are looked at before its signature.",
			sign(trust1().set("role list", "1 "+dave.name).String(), stranger), refused("trust", "unknown-key")),
		next("replaced", "A whole chain of somebody else's keys.", sign(trust2().replace(alice, dave).replace(bob, stranger).
			set("role trust", "1 "+names(dave)).String(), dave), "threshold"),
	}, heldSignatures()...)
}

// heldSignatures are lists that do not hold because of where they are held.
func heldSignatures() []vector {
	brief := trust2().set("version", "3").set("epoch", "2").after(revocation(list3)) // key 3 came and went
	list := func(name, about, document, reason string) vector {
		return onServers("signature-"+name, "5", about, document, refused("signature", reason))
	}
	return []vector{
		list("live-old-key", "A live list signed by a key that trust document 2 no longer has.", serverList(list1), "threshold").walk(byAdmins(rotated())),
		list("live-revoked-other-role", "A live list signed by a key that was replaced, and by an admin who was revoked: the key that is revoked need not be one of the role.",
			serverList(list1, bob), "revoked").walk(sign(rotated().replace(bob, dave).set("role trust", "2 "+names(alice, carol, dave)).set("epoch", "2").after(revocation(bob)).String(), alice, carol)),
		list("stored-stranger", "A stored list that no document of the chain vouches for.", serverList(stranger), "threshold").
			walk(byAdmins(rotated())).stored("2026-11-02T08:59:59Z"),
		list("stored-no-role", "A stored list that no document of the chain vouches for; the newest has no role for it, which is the refusal.", serverList(stranger), "no-role").
			walk(byAdmins(trust2().drop("role list"))).stored("2026-11-02T08:59:59Z"),
		list("static-newer-key", "A static list signed by a key that its trust documents did not have.", serverList(list3), "threshold").
			walk(byAdmins(rotated())).static(1),
		list("live-revoked", "A live list signed by a revoked key.", serverList(list1), "revoked").walk(byAdmins(revoking())),
		list("live-revoked-record", "A record of the time does not help a live list.", serverList(list1), "revoked").
			walk(byAdmins(revoking())).firstSeen("2026-11-02T08:59:59Z"),
		list("stored-revoked", "A stored list, first seen in the second of the revocation.", serverList(list1), "revoked").
			walk(byAdmins(revoking())).stored(revokedSince),
		list("stored-revoked-no-record", "A stored list without a record of the time.", serverList(list1), "revoked").
			walk(byAdmins(revoking())).stored(""),
		list("stored-revoked-later", "The revocation stands in document 2 and is repeated in document 3.", serverList(list1), "revoked").
			walk(byAdmins(revoking()), byAdmins(revoking().set("version", "3"))).stored("2026-11-03T12:00:00Z"),
		list("static-revoked", "A static list whose newest trust document was issued after the revocation took effect.", serverList(list1), "revoked").
			walk(byAdmins(revoking())).static(2),
		list("static-revoked-newer-key", "A static list signed by a key that document 2 brought and document 3 revokes. Document 2 may not vouch; the reason is the revocation all the same.",
			serverList(list3), "revoked").walk(byAdmins(rotated()), byAdmins(brief)).static(1),
		list("static-stranger", "A static list that no document of the chain vouches for, beside a revocation.", serverList(stranger), "threshold").
			walk(byAdmins(revoking())).static(1),
	}
}

// firstSeen gives a live list a record that it must not profit from.
func (v vector) firstSeen(record string) vector {
	v = v.stored(record)
	v.input.Want.Held = "live"
	return v
}

// unreduced adds the order of the group to the second half of a signature: the
// same number in another spelling.
func unreduced(signature []byte) []byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(signature[32:])
	slices.Reverse(s) // to big-endian
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return append(signature[:32:32], sum...)
}
