package keys

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TypeTrust is the type of trust documents.
const TypeTrust = "trust/1"

// RoleTrust is the role that signs trust documents.
const RoleTrust = "trust"

// Trust is a trust document: the keys of an origin, the roles they fill and
// the keys that no longer count. Documents of a [Chain] are verified; do not
// change them. To write one, fill in the fields and call [Trust.Encode].
type Trust struct {
	Origin   string
	Version  int64     // number of the document, from 1 without gaps
	Epoch    int64     // never falls along the chain; rises with every added revocation
	Issued   time.Time // whole seconds, UTC
	ReviewBy time.Time // when the admins mean to look at it again; a reminder, not an expiry
	Keys     []VerifierKey
	Roles    []Role
	Revoked  []Revocation // all so far: each document repeats those before it
	Extra    []Field      // lines this version does not know, keys of other algorithms among them

	data    []byte
	text    []byte // the signed text, a part of data
	signers []VerifierKey
}

// A Role says which keys may sign for a purpose and how many of them must.
type Role struct {
	Name      string   // "trust", "list", "mirrors", or a document type's name
	Threshold int      // distinct public keys, at least 1
	Keys      []string // names of keys of the same document
}

// A Revocation ends a key. It is by public key: the key cannot return under
// another name.
type Revocation struct {
	Key   VerifierKey
	Since time.Time // documents first seen before this may still count where they are stored
	Word  string    // why, in one word of [a-z0-9-]: "compromised", "retired"
}

func (r Revocation) line() string {
	return fmt.Sprintf("%s since %s %s", r.Key, r.Since.UTC().Format(timeLayout), r.Word)
}

// Bytes returns the document as it was fetched, with LF line ends. It is nil
// for a document that has not been verified.
func (t *Trust) Bytes() []byte { return t.data }

// Text returns the signed text. Documents with equal texts are the same,
// whoever else's signatures lie beside it. It is nil for a document that has
// not been verified.
func (t *Trust) Text() []byte { return t.text }

// Signers returns the document's own keys that signed it; nil for a document
// that has not been verified.
func (t *Trust) Signers() []VerifierKey { return t.signers }

// SHA256 returns the hash of [Trust.Bytes], by which people compare pinned
// documents.
func (t *Trust) SHA256() [sha256.Size]byte { return sha256.Sum256(t.data) }

// trustLines is the order of the lines of a trust document.
var trustLines = []lineRule{
	{key: "type"}, {key: "version"}, {key: "epoch"}, {key: "issued"}, {key: "review-by"},
	{key: "key", repeats: true}, {key: "role", repeats: true}, {key: "revoke", optional: true, repeats: true},
}

// ReadDraft reads the text of a trust document WITHOUT verifying anything. It
// is for the admins who look at a document before they sign it. Everything
// else goes through a [Chain].
func ReadDraft(text []byte) (*Trust, error) {
	if err := checkText(text, MaxTrustText); err != nil {
		return nil, err
	}
	return parseTrust(text)
}

func parseTrust(text []byte) (*Trust, error) {
	r, err := readLines(text, trustLines)
	if err != nil {
		return nil, err
	}
	if typ := r.text("type"); typ != TypeTrust {
		return nil, refuse(LayerHead, "wrong-type", 2, "the document is a %q, not a %q", clip(typ), TypeTrust)
	}
	t := &Trust{
		Origin:   r.origin,
		Version:  r.integer("version"),
		Epoch:    r.integer("epoch"),
		Issued:   r.time("issued"),
		ReviewBy: r.time("review-by"),
		Extra:    r.extra,
	}
	if r.err != nil {
		return nil, r.err
	}
	for _, read := range []func(*lineReader) error{t.readKeys, t.readRevoked, t.readRoles} {
		if err := read(r); err != nil {
			return nil, err
		}
	}
	t.Extra = inOrder(t.Extra)
	return t, t.check()
}

// readKeys reads the key lines. Those of unknown algorithms are kept as extra
// lines: they count for nothing.
func (t *Trust) readKeys(r *lineReader) error {
	names, ids := make(map[string]bool), make(map[uint32]bool)
	for _, l := range r.known["key"] {
		name, id, _, err := splitVerifierKey(l.value)
		if err != nil {
			return refuse(LayerTrust, "bad-key", l.number, "%v", err)
		}
		if names[name] || ids[id] {
			return refuse(LayerTrust, "duplicate-name", l.number, "key %q has the name or the id of another key", name)
		}
		names[name], ids[id] = true, true
		k, err := ParseVerifierKey(l.value)
		if errors.Is(err, errUnknownAlgorithm) {
			t.Extra = append(t.Extra, Field{l.number, "key", l.value})
			continue
		}
		if err != nil {
			return refuse(LayerTrust, "bad-key", l.number, "%v", err)
		}
		t.Keys = append(t.Keys, k)
	}
	return nil
}

// readRevoked reads lines of "VKEY since TIME WORD".
func (t *Trust) readRevoked(r *lineReader) error {
	for _, l := range r.known["revoke"] {
		parts := strings.Split(l.value, " ")
		if len(parts) != 4 || parts[1] != "since" || !isKey(parts[3]) {
			return refuse(LayerTrust, "bad-revoke", l.number, `%q is not "KEY since TIME WORD"`, clip(l.value))
		}
		since, err := parseTime(parts[2])
		if err != nil {
			return refuse(LayerTrust, "bad-revoke", l.number, "%v", err)
		}
		k, err := ParseVerifierKey(parts[0])
		if errors.Is(err, errUnknownAlgorithm) {
			t.Extra = append(t.Extra, Field{l.number, "revoke", l.value})
			continue
		}
		if err != nil {
			return refuse(LayerTrust, "bad-revoke", l.number, "%v", err)
		}
		t.Revoked = append(t.Revoked, Revocation{k, since, parts[3]})
	}
	return nil
}

// readRoles reads lines of "NAME THRESHOLD KEY-NAME ...".
func (t *Trust) readRoles(r *lineReader) error {
	for _, l := range r.known["role"] {
		parts := strings.Split(l.value, " ")
		if len(parts) < 3 || !isKey(parts[0]) || slices.Contains(parts, "") {
			return refuse(LayerTrust, "bad-role", l.number, `%q is not "NAME THRESHOLD KEY ..."`, clip(l.value))
		}
		n, err := parseInteger(parts[1])
		if err != nil || n < 1 || n > MaxSignatures {
			return refuse(LayerTrust, "bad-threshold", l.number, "the threshold of role %q is %q; it must be 1 to %d", clip(parts[0]), clip(parts[1]), MaxSignatures)
		}
		if _, ok := t.Role(parts[0]); ok {
			return refuse(LayerTrust, "duplicate-name", l.number, "role %q stands twice", clip(parts[0]))
		}
		t.Roles = append(t.Roles, Role{parts[0], int(n), parts[2:]})
	}
	return nil
}

// check holds the rules that a document must satisfy by itself.
func (t *Trust) check() error {
	if t.Version < 1 {
		return refuse(LayerTrust, "bad-number", 0, "trust documents are numbered from 1")
	}
	seen := make(map[[32]byte]bool)
	for _, r := range t.Revoked {
		if seen[r.Key.public] {
			return refuse(LayerTrust, "duplicate-name", 0, "key %q is revoked twice", r.Key.name)
		}
		seen[r.Key.public] = true
	}
	for _, k := range t.Keys {
		if seen[k.public] {
			return refuse(LayerTrust, "revoked-key", 0, "key %q is revoked; a revoked key cannot return under any name", k.name)
		}
	}
	if _, ok := t.Role(RoleTrust); !ok {
		return refuse(LayerTrust, "missing-role", 0, `there is no role "trust"`)
	}
	for _, r := range t.Roles {
		if err := t.checkRole(r); err != nil {
			return err
		}
	}
	return nil
}

func (t *Trust) checkRole(r Role) error {
	for _, name := range r.Keys {
		if !t.hasKeyLine(name) {
			return refuse(LayerTrust, "unknown-key", 0, "role %q names the key %q, which has no key line", r.Name, clip(name))
		}
	}
	if n := countPublic(t.roleKeys(r)); r.Threshold > n {
		return refuse(LayerTrust, "bad-threshold", 0, "role %q needs %d distinct keys and has %d", r.Name, r.Threshold, n)
	}
	return nil
}

func (t *Trust) hasKeyLine(name string) bool {
	for _, k := range t.Keys {
		if k.name == name {
			return true
		}
	}
	for _, f := range t.Extra { // a key of an unknown algorithm
		if f.Key == "key" && strings.HasPrefix(f.Value, name+"+") {
			return true
		}
	}
	return false
}

// Role returns the role of this name.
func (t *Trust) Role(name string) (Role, bool) {
	for _, r := range t.Roles {
		if r.Name == name {
			return r, true
		}
	}
	return Role{}, false
}

// roleKeys returns the keys of a role.
func (t *Trust) roleKeys(r Role) []VerifierKey {
	var ks []VerifierKey
	for _, k := range t.Keys {
		if slices.Contains(r.Keys, k.name) {
			ks = append(ks, k)
		}
	}
	return ks
}

// countPublic counts distinct public keys: one key under two names is one.
func countPublic(ks []VerifierKey) int {
	distinct := make(map[[32]byte]bool, len(ks))
	for _, k := range ks {
		distinct[k.public] = true
	}
	return len(distinct)
}

// Encode returns the text to sign. It refuses what readers would refuse.
func (t *Trust) Encode() ([]byte, error) {
	w := newLineWriter(t.Origin, t.Extra)
	w.line("type", TypeTrust)
	w.integer("version", t.Version)
	w.integer("epoch", t.Epoch)
	w.time("issued", t.Issued)
	w.time("review-by", t.ReviewBy)
	for _, k := range t.Keys {
		w.line("key", k.String())
	}
	for _, r := range t.Roles {
		if strings.ContainsRune(r.Name+strings.Join(r.Keys, ""), ' ') {
			return nil, refuse(LayerTrust, "bad-role", 0, "role %q has a space in its name, or in that of a key", clip(r.Name))
		}
		w.line("role", strings.Join(append([]string{r.Name, strconv.Itoa(r.Threshold)}, r.Keys...), " "))
	}
	for _, r := range t.Revoked {
		w.line("revoke", r.line())
	}
	text, err := w.finish()
	if err != nil {
		return nil, err
	}
	if _, err := ReadDraft(text); err != nil {
		return nil, err
	}
	return text, nil
}

// reaches tells whether signers satisfy the role in this document.
func (t *Trust) reaches(role Role, signers []VerifierKey) (have int, ok bool) {
	var count []VerifierKey
	for _, k := range t.roleKeys(role) {
		if containsKey(signers, k) {
			count = append(count, k)
		}
	}
	have = countPublic(count)
	return have, role.Threshold >= 1 && have >= role.Threshold
}

// openTrust verifies a trust document against its own keys and parses it. It
// is enough only for a pinned document; [Chain.Extend] asks for more.
func openTrust(data []byte) (*Trust, error) {
	data, err := NormalizeLines(data)
	if err != nil {
		return nil, err
	}
	e, err := openEnvelope(data, MaxTrustText)
	if err != nil {
		return nil, err
	}
	t, err := parseTrust(e.text)
	if err != nil {
		return nil, err
	}
	if t.signers, err = t.verify(RoleTrust, e, t.Keys); err != nil {
		return nil, err
	}
	t.data = bytes.Clone(data)
	t.text = t.data[:len(e.text):len(e.text)] // appending to it copies it
	return t, nil
}

// verify returns the known keys that signed the envelope, if they reach the
// role of this document.
func (t *Trust) verify(name string, e *envelope, known []VerifierKey) ([]VerifierKey, error) {
	role, ok := t.Role(name)
	if !ok {
		return nil, refuse(LayerSignature, "no-role", 0, "trust document %d has no role %q: nobody may sign this kind of document", t.Version, name)
	}
	signers, err := e.verify(known)
	if err != nil {
		return nil, err
	}
	have, ok := t.reaches(role, signers)
	if !ok {
		return nil, refuse(LayerSignature, "threshold", 0,
			"%d of the %d distinct keys that role %q needs under trust document %d have signed: either someone else made this document, or its keys are newer than the trust document",
			have, role.Threshold, name, t.Version)
	}
	return signers, nil
}
