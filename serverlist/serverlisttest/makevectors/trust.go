package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// This file has trust documents that are signed as they should be and break a
// rule: of the document by itself, and of the chain.

func trustVectors() []vector {
	pin := func(name, section, about string, t text, reason string) vector {
		return onPinned("trust-"+name, section, about, byAdmins(t), refused("trust", reason))
	}
	good := trust1()
	keyLine := func(value string) text { return good.before("role", "key "+value) }
	again := renamed("ms.example.org/list/1-again", list1.name)
	return []vector{
		pin("key-no-parts", "3", "A key line that is no verifier key.", keyLine("ms.example.org/x"), "bad-key"),
		pin("key-renamed", "3", "A key under another name keeps its old id.", keyLine(strings.Replace(dave.verifier(), "dave", "eve", 1)), "bad-key"),
		pin("key-id-upper-case", "3", "An id in capital letters.", keyLine(upperID(dave)), "bad-key"),
		pin("key-id-upper-case-unknown-algorithm", "3.4", "The same of another algorithm, whose form alone is checked.", keyLine("ms.example.org/x+0123ABCD+Ag=="), "bad-key"),
		pin("key-33-bytes", "3", "A public key of 33 bytes.", keyLine(longKey(dave)), "bad-key"),
		pin("key-31-bytes", "3", "A public key of 31 bytes.", keyLine(shortKey(dave)), "bad-key"),
		pin("key-base64", "3", "A key whose base64 lacks its padding.", keyLine(strings.TrimRight(shortKey(dave), "=")), "bad-key"),
		pin("key-empty", "3", "A key of no bytes.", keyLine("ms.example.org/x+01234567+"), "bad-key"),
		pin("key-name-space", "3", "A key name with a space.", keyLine("ms.example.org /x+01234567+Ag=="), "bad-key"),
		pin("key-name-twice", "3.1", "Two keys of one name.", keyLine(renamed(list1.name, "another").verifier()), "duplicate-name"),
		pin("key-name-other-algorithm", "3.1", "A key of another algorithm has the name of a known one.", keyLine(list1.name+"+01234567+Ag=="), "duplicate-name"),
		pin("key-id-other-algorithm", "3.1", "A key of another algorithm has the id of a known one.", keyLine(fmt.Sprintf("ms.example.org/future+%x+Ag==", list1.id())), "duplicate-name"),
		pin("key-name-twice-unknown-algorithm", "3.1", "Two keys of other algorithms have one name.",
			good.before("role", "key ms.example.org/x+01234567+Ag==", "key ms.example.org/x+89abcdef+Aw=="), "duplicate-name"),
		pin("key-id-twice-unknown-algorithm", "3.1", "Two keys of other algorithms have one id.",
			good.before("role", "key ms.example.org/x+01234567+Ag==", "key ms.example.org/y+01234567+Aw=="), "duplicate-name"),
		pin("key-id-twice", "3.1", "Two keys of one id.", good.before("role", "key "+sameID1.verifier(), "key "+sameID2.verifier()), "duplicate-name"),
		pin("role-twice", "3.1", "A role stands twice.", good.after("role list 1 "+list2.name), "duplicate-name"),
		pin("revoke-twice", "3.1", "A key is revoked twice.", good.after(revocation(dave), revocation(dave)), "duplicate-name"),
		pin("role-no-keys", "3", "A role without keys.", good.after("role x 1"), "bad-role"),
		pin("role-name", "3", "A role with a name that is not allowed.", good.after("role X 1 "+list1.name), "bad-role"),
		pin("role-missing", "3", "There is no role trust.", good.drop("role trust"), "missing-role"),
		pin("role-unknown-key", "3.2", "A role names a key without a key line.", good.set("role list", "1 "+names(list1, dave)), "unknown-key"),
		pin("role-unknown-key-begins", "3.2", "A role names the beginning of the name of a key of another algorithm.",
			keyLine("ms.example.org/future+01234567+Ag==").set("role list", "1 "+list1.name+" ms.example.org/futur"), "unknown-key"),
		pin("role-unknown-key-revoked", "3.2", "A role names a key that stands in no key line but in the revocation of another algorithm.",
			good.after("revoke ms.example.org/past+01234567+Ag== since "+revokedSince+" lost").set("role list", "1 "+list1.name+" ms.example.org/past"), "unknown-key"),
		pin("role-two-spaces", "3.2", "Two spaces between names.", good.set("role list", "1 "+list1.name+"  "+list2.name), "bad-role"),
		pin("threshold-0", "3.2", "A threshold of 0.", good.set("role list", "0 "+list1.name), "bad-threshold"),
		pin("threshold-word", "3.2", "A threshold that is not a number.", good.set("role list", "one "+list1.name), "bad-threshold"),
		pin("threshold-zeros", "3.2", "A threshold with a leading zero.", good.set("role list", "01 "+list1.name), "bad-threshold"),
		pin("threshold-above-keys", "3.2", "A threshold above the number of keys.", good.set("role list", "3 "+names(list1, list2)), "bad-threshold"),
		pin("threshold-two-names", "3.3", "A threshold that only one public key under two names would reach.",
			good.before("role", "key "+again.verifier()).set("role list", "2 "+names(list1, again)), "bad-threshold"),
		pin("threshold-unknown-algorithm", "3.4", "A threshold that only a key of another algorithm would reach.",
			keyLine("ms.example.org/future+01234567+Ag==").set("role list", "2 "+list1.name+" ms.example.org/future"), "bad-threshold"),
		pin("threshold-17", "3.2", "A threshold above 16, with keys enough.", manyKeys(17), "bad-threshold"),
		pin("number-0", "3", "Documents are numbered from 1.", good.set("version", "0"), "bad-number"),
		pin("revoke-no-word", "3", "A revocation without a word.", good.after(strings.TrimSuffix(revocation(dave), " compromised")), "bad-revoke"),
		pin("revoke-words", "3", "A revocation with two words.", good.after(revocation(dave)+" yesterday"), "bad-revoke"),
		pin("revoke-word-upper-case", "3", "A revocation whose word has a capital letter.", good.after(strings.Replace(revocation(dave), "comp", "Comp", 1)), "bad-revoke"),
		pin("revoke-until", "3", "A revocation with another word before its time.", good.after(strings.Replace(revocation(dave), " since ", " until ", 1)), "bad-revoke"),
		pin("revoke-time", "3", "A revocation without a proper time.", good.after(strings.Replace(revocation(dave), revokedSince, "2026-11-02", 1)), "bad-revoke"),
		pin("revoke-time-unknown-algorithm", "3.4", "A revocation of another algorithm without a proper time.",
			good.after("revoke ms.example.org/admin/past+89abcdef+Ag== since yesterday retired"), "bad-revoke"),
		pin("revoke-word-unknown-algorithm", "3.4", "A revocation of another algorithm without a word.",
			good.after("revoke ms.example.org/admin/past+89abcdef+Ag== since "+revokedSince), "bad-revoke"),
		pin("revoke-id", "3", "A revocation of a key whose id is not its own.", good.after(strings.Replace(revocation(dave), "dave", "eve", 1)), "bad-revoke"),
		pin("revoke-key", "3", "A revocation of something that is no key.", good.after("revoke "+dave.name+" since "+revokedSince+" lost"), "bad-revoke"),
		pin("revoked-key", "3.5", "A revoked key has a key line.", good.after(revocation(list2)), "revoked-key"),
		pin("revoked-key-renamed", "3.5", "A revoked key has a key line under another name.", good.after(revocation(renamed("ms.example.org/x", list2.name))), "revoked-key"),
		onPinned("head-trust-misordered", "3", "A role before a key.",
			byAdmins(good.drop("role trust").before("key", "role trust 2 "+names(alice, bob, carol))), refused("head", "misordered-key")),
		onPinned("head-trust-no-key", "3", "There is no line key.", sign(text{
			origin, "type trust/1", "version 1", "epoch 1", "issued 2026-11-01T10:00:00Z", "review-by 2028-11-01T00:00:00Z", "role trust 1 " + alice.name,
		}.String(), alice), refused("head", "missing-key")),
		onPinned("head-trust-no-role", "3", "There is no line role.",
			byAdmins(good.drop("role trust").drop("role list").drop("role mirrors")), refused("head", "missing-key")),
		onPinned("head-trust-wrong-type", "3", "A document of another type in place of a trust document.",
			byAdmins(good.set("type", "trust/2")), refused("head", "wrong-type")),
		onPinned("head-trust-value", "3", "A time that is none.", byAdmins(good.set("review-by", "never")), refused("head", "bad-value")),
		onPinned("head-trust-1969", "2.4", "A time before 1970.", byAdmins(good.set("issued", "1969-12-31T23:59:59Z")), refused("head", "bad-value")),
		onPinned("head-trust-must-understand", "2.2", "An unknown key that begins with an exclamation mark.",
			byAdmins(good.before("key", "!new 1")), refused("head", "must-understand")),
	}
}

// Two names of one public key whose ids are the same, found by trying.
var (
	sameID1 = renamed("ms.example.org/same-id/90549", dave.name)
	sameID2 = renamed("ms.example.org/same-id/108752", dave.name)
)

func upperID(k key) string {
	name, rest, _ := strings.Cut(k.verifier(), "+")
	id, public, _ := strings.Cut(rest, "+")
	return name + "+" + strings.ToUpper(id) + "+" + public
}

// longKey is a verifier key with a byte more than there should be, whose id fits.
func longKey(k key) string {
	long := append([]byte{1}, append(k.public(), 0)...)
	sum := sha256.Sum256(append([]byte(k.name+"\n"), long...))
	return fmt.Sprintf("%s+%x+%s", k.name, sum[:4], base64.StdEncoding.EncodeToString(long))
}

// shortKey is a verifier key that lacks the last byte of its public key.
func shortKey(k key) string {
	short := append([]byte{1}, k.public()[:31]...)
	name, rest, _ := strings.Cut(k.verifier(), "+")
	id, _, _ := strings.Cut(rest, "+")
	return name + "+" + id + "+" + base64.StdEncoding.EncodeToString(short)
}

// manyKeys is trust1 with so many further keys, up to 26, in a role that asks
// for all.
func manyKeys(n int) text {
	t := trust1()
	var keys []key
	for i := range n {
		k := newKey("ms.example.org/many/" + string(rune('a'+i)))
		keys = append(keys, k)
		t = t.before("role", "key "+k.verifier())
	}
	return t.after(fmt.Sprintf("role many %d %s", n, names(keys...)))
}

// successionVectors break a rule between a document and the one before it.
func successionVectors() []vector {
	next := func(name, section, about string, t text, reason string) vector {
		return onNext("trust-next-"+name, section, about, byAdmins(t), refused("trust", reason))
	}
	revoked, third := byAdmins(revoking()), revoking().set("version", "3")
	later := strings.Replace(revocation(list1), "09:00", "09:01", 1)
	return []vector{
		next("other-origin", "4.2", "The document of another origin, signed by the same admins.", trust2().origin("other.example.org"), "wrong-origin"),
		next("origin-cut", "4.2", "The beginning of the origin.", trust2().origin("ms.example"), "wrong-origin"),
		next("same-number", "4.2", "Another document of the same number.", trust2().set("version", "1"), "bad-number"),
		next("gap", "4.2", "Document 3 after document 1.", trust2().set("version", "3"), "bad-number"),
		next("earlier", "4.3", "Issued before document 1.", trust2().set("issued", "2026-11-01T09:59:59Z"), "times-misordered"),
		next("epoch-falls", "4.3", "The epoch falls.", trust2().set("epoch", "0"), "epoch-falls"),
		next("epoch-stays", "4.5", "A revocation without a higher epoch.", revoking().set("epoch", "1"), "epoch-stays"),
		next("epoch-stays-again", "4.5", "A second revocation without a higher epoch.", third.after(revocation(dave)), "epoch-stays").walk(revoked),
		next("revocation-lost", "4.4", "The revocation of document 2 is missing.", rotated().set("version", "3").set("epoch", "2"), "revocation-lost").walk(revoked),
		next("revocation-changed", "4.4", "The revocation of document 2 has another time.",
			rotated().set("version", "3").set("epoch", "3").after(later), "revocation-lost").walk(revoked),
		next("revocation-word", "4.4", "The revocation of document 2 has another word.",
			rotated().set("version", "3").set("epoch", "3").after(strings.Replace(revocation(list1), "compromised", "retired", 1)), "revocation-lost").walk(revoked),
		next("revocation-renamed", "4.4", "The revocation of document 2 has the public key under another name.",
			rotated().set("version", "3").set("epoch", "3").after(revocation(renamed("ms.example.org/x", list1.name))), "revocation-lost").walk(revoked),
		onNext("trust-next-revoked-returns", "4", "An admin whom document 2 revokes returns in document 3 and signs it. The signatures suffice; the rules of the chain do not let her.",
			sign(trust2().set("version", "3").set("epoch", "2").set("role trust", "2 "+names(alice, carol)).String(), alice, bob, carol),
			refused("trust", "revocation-lost")).walk(byAdmins(withoutCarol())),
		next("revocation-replaced", "4.4", "Another key is revoked in its place.",
			rotated().set("version", "3").set("epoch", "3").after(revocation(dave)), "revocation-lost").walk(revoked),
	}
}

// withoutCarol is trust2 with carol revoked and dave in her place.
func withoutCarol() text {
	return trust2().replace(carol, dave).set("role trust", "2 "+names(alice, bob, dave)).set("epoch", "2").after(revocation(carol))
}
