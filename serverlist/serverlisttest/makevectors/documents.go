package main

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

const origin = "ms.example.org"

// A text is the lines of a head, the origin first.
type text []string

func (t text) String() string { return strings.Join(t, "\n") + "\n" }

// find returns the index of the first line of a key.
func (t text) find(key string) int {
	i := slices.IndexFunc(t, func(line string) bool { return strings.HasPrefix(line, key+" ") })
	if i < 0 {
		panic("the text has no line " + key)
	}
	return i
}

// set changes the value of a key.
func (t text) set(key, value string) text {
	return t.setLine(key, key+" "+value)
}

// setLine replaces the line of a key.
func (t text) setLine(key, line string) text {
	c := slices.Clone(t)
	c[t.find(key)] = line
	return c
}

// replace puts a key line in the place of another.
func (t text) replace(old, new key) text {
	c := slices.Clone(t)
	c[slices.Index(c, "key "+old.verifier())] = "key " + new.verifier()
	return c
}

// drop removes the line of a key.
func (t text) drop(key string) text {
	i := t.find(key)
	return slices.Delete(slices.Clone(t), i, i+1)
}

// before puts lines in front of the line of a key.
func (t text) before(key string, lines ...string) text {
	return slices.Insert(slices.Clone(t), t.find(key), lines...)
}

// after adds lines at the end.
func (t text) after(lines ...string) text {
	return append(slices.Clone(t), lines...)
}

// origin sets the first line.
func (t text) origin(name string) text {
	c := slices.Clone(t)
	c[0] = name
	return c
}

// Version and epoch of the lists here.
const (
	version = 1793706120 // 2026-11-03T11:42:00Z
	epoch   = 1
)

// The body that most server lists here have, and its ids.
const (
	catLine = `{"id":"cat2","name":"Cat 2","game":"crossfire","addresses":["cat2.example.net:13327"]}` + "\n"
	dogLine = `{"id":"dogtown","name":"Dogtown","addresses":["192.0.2.7:13327","[2001:db8::7]:13327"]}` + "\n"
	servers = catLine + dogLine
)

var serverIDs = []string{"cat2", "dogtown"}

// The body that most mirror lists here have.
const mirrors = `{"id":"tuwien","operator":"TU Wien","urls":["http://ms.example.at/ms/"]}` + "\n"

// serverHead is the head of a server list with this body.
func serverHead(body string) text {
	return text{
		origin,
		"type server-list/1",
		fmt.Sprint("version ", version),
		fmt.Sprint("epoch ", epoch),
		"issued 2026-11-03T11:42:00Z",
		"fresh-until 2026-11-04T11:42:00Z",
		"old-after 2026-12-03T11:42:00Z",
		"trust 1",
		bodyLine(body),
	}
}

func mirrorHead(body string) text { return serverHead(body).set("type", "mirror-list/1") }

func bodyLine(body string) string {
	return fmt.Sprintf("body %d sha256 %x", len(body), sha256.Sum256([]byte(body)))
}

// listDocument is a whole list.
func listDocument(head text, body string, keys ...key) string {
	return sign(head.String(), keys...) + "\n" + body
}

// serverList is the usual list, signed by the keys.
func serverList(keys ...key) string { return listDocument(serverHead(servers), servers, keys...) }

// trust1 is the text of the first trust document of the vectors' world: two of
// three admins; two list keys, the first of which also signs mirror lists.
func trust1() text {
	return text{
		origin,
		"type trust/1",
		"version 1",
		"epoch 1",
		"issued 2026-11-01T10:00:00Z",
		"review-by 2028-11-01T00:00:00Z",
		"key " + alice.verifier(),
		"key " + bob.verifier(),
		"key " + carol.verifier(),
		"key " + list1.verifier(),
		"key " + list2.verifier(),
		"role trust 2 " + names(alice, bob, carol),
		"role list 1 " + names(list1, list2),
		"role mirrors 1 " + names(list1),
	}
}

// trust2 is a text that may follow trust1 and changes nothing.
func trust2() text { return trust1().set("version", "2").set("issued", "2026-11-02T10:00:00Z") }

// rotated is a text that may follow trust1: key 3 in place of key 1.
func rotated() text {
	return trust2().
		replace(list1, list3).
		set("role list", "1 "+names(list2, list3)).
		set("role mirrors", "1 "+names(list3))
}

// revokedSince is when key 1 is revoked.
const revokedSince = "2026-11-02T09:00:00Z"

// revoking is rotated with key 1 revoked.
func revoking() text { return rotated().set("epoch", "2").after(revocation(list1)) }

func revocation(k key) string {
	return "revoke " + k.verifier() + " since " + revokedSince + " compromised"
}

// byAdmins signs a trust document with two admins of three.
func byAdmins(t text) string { return sign(t.String(), alice, bob) }
