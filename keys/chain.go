package keys

import (
	"bytes"
	"strings"
	"time"
)

// A Chain is the verified sequence of an origin's trust documents, from the
// pinned one upwards. It is immutable and safe for concurrent use; Extend
// returns a longer one. Errors about documents are [*Error]. The zero value is
// not usable.
type Chain struct {
	docs []*Trust // in order, without gaps; never empty
}

// NewChain starts a chain with the document that the program was shipped with
// or the admin handed over. The document must satisfy its own trust role;
// that it is the right one is the caller's promise.
func NewChain(pinned []byte) (*Chain, error) {
	t, err := openTrust(pinned)
	if err != nil {
		return nil, err
	}
	return &Chain{[]*Trust{t}}, nil
}

// Extend returns the chain with the next trust document. The document must be
// signed under the newest document of the chain and under itself, and keep
// every promise of the documents before it. The receiver does not change.
func (c *Chain) Extend(next []byte) (*Chain, error) {
	last := c.Newest()
	data, err := NormalizeLines(next)
	if err != nil {
		return nil, err
	}
	e, err := openEnvelope(data, MaxTrustText)
	if err != nil {
		return nil, err
	}
	// First the old keys, on bytes that nothing has interpreted yet.
	if _, err := last.verify(RoleTrust, e, last.Keys); err != nil {
		return nil, err
	}
	t, err := openTrust(data)
	if err != nil {
		return nil, err
	}
	if err := t.follows(last); err != nil {
		return nil, err
	}
	docs := make([]*Trust, len(c.docs), len(c.docs)+1)
	copy(docs, c.docs)
	return &Chain{append(docs, t)}, nil
}

// follows holds the rules between a document and the one before it.
func (t *Trust) follows(last *Trust) error {
	switch {
	case t.Origin != last.Origin:
		return refuse(LayerTrust, "wrong-origin", 1, "the document is of %q, the chain of %q", t.Origin, last.Origin)
	case t.Version != last.Version+1:
		return refuse(LayerTrust, "bad-number", 0, "document %d does not follow document %d", t.Version, last.Version)
	case t.Issued.Before(last.Issued):
		return refuse(LayerTrust, "times-misordered", 0, "the document was issued before the one it follows")
	case t.Epoch < last.Epoch:
		return refuse(LayerTrust, "epoch-falls", 0, "the epoch falls from %d to %d", last.Epoch, t.Epoch)
	}
	lines := make(map[string]bool, len(t.Revoked))
	for _, r := range t.Revoked {
		lines[r.line()] = true
	}
	for _, r := range last.Revoked {
		if !lines[r.line()] {
			return refuse(LayerTrust, "revocation-lost", 0, "the document drops or changes the revocation of %q", r.Key.name)
		}
	}
	if len(t.Revoked) > len(last.Revoked) && t.Epoch == last.Epoch {
		return refuse(LayerTrust, "epoch-stays", 0, "the document adds a revocation and does not raise the epoch")
	}
	return nil
}

// Origin returns the origin of all documents of the chain.
func (c *Chain) Origin() string { return c.docs[0].Origin }

// Pinned returns the first document.
func (c *Chain) Pinned() *Trust { return c.docs[0] }

// Newest returns the last document, the one in force.
func (c *Chain) Newest() *Trust { return c.docs[len(c.docs)-1] }

// Documents returns all documents in order.
func (c *Chain) Documents() []*Trust {
	return append([]*Trust(nil), c.docs...)
}

// Open verifies the signed head of a list (text, blank line, signature lines,
// nothing after them) and then parses it. Lines must end in LF; see
// [NormalizeLines]. Trust documents do not go through here but through
// [NewChain] and [Chain.Extend].
//
// A live document must reach its role under the newest document, a stored one
// under any of the chain, a static one under any that it shipped with. A
// revoked key counts only for a stored or static document that was first seen
// before the revocation took effect.
func (c *Chain) Open(note []byte, want Want) (*Note, error) {
	if want.Origin != c.Origin() {
		return nil, refuse(LayerHead, "wrong-origin", 1, "wanted is %q, but the trust documents are of %q", clip(want.Origin), c.Origin())
	}
	e, err := openEnvelope(note, MaxHeadText)
	if err != nil {
		return nil, err
	}
	signers, err := c.verify(e, want)
	if err != nil {
		return nil, err
	}
	h, err := parseHead(e.text)
	if err != nil {
		return nil, err
	}
	switch {
	case h.Origin != want.Origin:
		return nil, refuse(LayerHead, "wrong-origin", 1, "the document is of %q, wanted is %q", h.Origin, want.Origin)
	case h.Type != want.Type:
		return nil, refuse(LayerHead, "wrong-type", 2, "the document is a %q, wanted is a %q", clip(h.Type), want.Type)
	case h.Epoch > c.Newest().Epoch:
		return nil, refuse(LayerHead, "epoch-ahead", 0, "the document's epoch %d is above %d, that of the newest trust document: it names an epoch that the admins did not begin, or a trust document is missing", h.Epoch, c.Newest().Epoch)
	}
	return &Note{*h, bytes.Clone(e.text), signers}, nil
}

// verify finds a trust document under which the envelope reaches the role of
// the wanted type, the newest first. It returns the newest's refusal if there
// is none.
func (c *Chain) verify(e *envelope, want Want) ([]VerifierKey, error) {
	role, err := roleOf(want.Type)
	if err != nil {
		return nil, err
	}
	var refusal error
	for i := len(c.docs) - 1; i >= 0; i-- {
		t := c.docs[i]
		if !c.admits(t, want) {
			continue
		}
		signers, err := t.verify(role, e, c.unrevoked(t.Keys, want))
		if err == nil {
			return signers, nil
		}
		if refusal == nil {
			refusal = err
		}
	}
	if k, ok := c.revokedSigner(e, role); ok {
		return nil, refuse(LayerSignature, "revoked", 0,
			"the key %q of role %q is revoked, and without it too few have signed: a newer edition is needed", k.name, role)
	}
	return nil, refusal
}

// admits tells whether a trust document may vouch for what is wanted.
func (c *Chain) admits(t *Trust, want Want) bool {
	switch want.Held {
	case Stored:
		return true
	case Static:
		return t == c.Pinned() || !t.Issued.After(want.Shipped)
	default:
		return t == c.Newest()
	}
}

// unrevoked returns the keys that count for what is wanted. The newest
// document lists every revocation there ever was.
func (c *Chain) unrevoked(ks []VerifierKey, want Want) []VerifierKey {
	var usable []VerifierKey
	for _, k := range ks {
		if since, ok := c.revokedSince(k); ok && !survives(want, since) {
			continue
		}
		usable = append(usable, k)
	}
	return usable
}

func (c *Chain) revokedSince(k VerifierKey) (time.Time, bool) {
	for _, r := range c.Newest().Revoked {
		if r.Key.public == k.public {
			return r.Since, true
		}
	}
	return time.Time{}, false
}

// survives tells whether a document was there, certainly, before a key was
// stolen that signed it.
func survives(want Want, stolen time.Time) bool {
	var there time.Time
	switch want.Held {
	case Stored:
		there = want.FirstSeen
	case Static:
		there = want.Shipped
	}
	return !there.IsZero() && there.Before(stolen)
}

// revokedSigner tells a document that lacks signatures from one whose
// signatures no longer count, because the remedy differs.
func (c *Chain) revokedSigner(e *envelope, role string) (VerifierKey, bool) {
	for _, t := range c.docs {
		signers, _ := t.verify(role, e, t.Keys) // none where it refuses
		for _, k := range signers {
			if _, revoked := c.revokedSince(k); revoked {
				return k, true
			}
		}
	}
	return VerifierKey{}, false
}

// roleOf returns the role that signs documents of a type.
func roleOf(typ string) (string, error) {
	name, major, _ := strings.Cut(typ, "/")
	if n, _ := parseInteger(major); !isKey(name) || n < 1 {
		return "", refuse(LayerHead, "wrong-type", 0, `%q is not a document type ("name/1")`, clip(typ))
	}
	switch name {
	case "trust":
		return "", refuse(LayerHead, "wrong-type", 0, "a trust document is not a list: it extends the chain")
	case "server-list":
		return "list", nil
	case "mirror-list":
		return "mirrors", nil
	default:
		return name, nil
	}
}
