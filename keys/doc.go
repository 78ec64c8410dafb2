// Package keys decides which signatures count: verifier keys, signed notes,
// the heads of documents, and the chain of trust documents.
//
// # Parties
//
// An origin is the opaque name of one community's directory, for example
// "ms.example.org". Its admins hold ed25519 keys, most of them offline. Its
// root node holds a list key, online, to which the admins delegated the right
// to sign lists. Mirrors hold no key: they carry bytes. A client ships with
// one trust document, the pinned one, and needs nothing else to judge
// everything it is ever served.
//
// # What is signed
//
// A document is a C2SP signed note (https://c2sp.org/signed-note). Its text is
// the head: the origin on the first line, then lines of "key value". A list's
// head commits to a body by size and SHA-256; package serverlist reads bodies.
// A trust document is a head alone: it names the keys of its origin, the roles
// they fill, how many distinct keys each role needs, and which keys are
// revoked and since when.
//
// # Who signs what
//
//	trust/N+1     the trust role of document N, and its own
//	mirror.list   the mirrors role
//	server.list   the list role
//	any other     the role named as the document's type
//
// A threshold counts distinct public keys. It never counts names or lines.
//
// # What a caller may rely on
//
// [NewChain] takes the pinned document, [Chain.Extend] its successors in
// order, [Chain.Open] verifies the head of a list and only then parses it.
// No function here that parses a document returns unverified text; the exceptions,
// [ReadDraft] and [DraftText], are for the admins who are about to sign, and their
// names say so. All verification is a pure function of its arguments: no clock, no
// disk, no network. A [Chain] is immutable and safe for concurrent use.
//
// The format is specified in serverlist/SPEC.md of this module. The package
// imports the standard library only. Private keys on disk are the business of
// the subpackage keyfile.
package keys
