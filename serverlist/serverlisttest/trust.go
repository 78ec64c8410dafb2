package serverlisttest

import (
	"slices"
	"testing/fstest"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A Change is what a trust document changes against the one before it. Zero
// fields leave all as it is. Keys are named as for [Root.Signer]. Documents are
// signed by the last keys of a role, as many as it needs.
type Change struct {
	Admins       []string          // keys of the role "trust"
	AdminsNeeded int               // its threshold
	Lists        []string          // keys of the roles "list" and "mirrors": {"list/2"} rotates, {"list/1", "list/2"} lets both sign for a while
	ListsNeeded  int               // their threshold
	Revoke       []string          // keys that no longer count, from now on; the epoch rises
	Edit         func(*keys.Trust) // whatever else; sees the document before it is signed
}

// Amend signs and publishes the next trust document, and returns it. Lists that
// were published before may no longer hold under it: publish new ones.
func (r *Root) Amend(c Change) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.terms
	r.terms = before.with(c)
	t := r.nextTrust(c)
	signers := r.signers(r.terms.Admins, r.terms.AdminsNeeded)
	if r.chain != nil {
		signers = slices.Concat(r.signers(before.Admins, before.AdminsNeeded), signers)
	}
	doc := must(keys.Sign(must(t.Encode()), distinct(signers)...))
	if r.chain == nil {
		r.chain = must(keys.NewChain(doc))
	} else {
		r.chain = must(r.chain.Extend(doc))
	}
	r.folder[serverlist.TrustName(t.Version)] = &fstest.MapFile{Data: doc, Mode: 0o644}
	return doc
}

// with returns the terms after a change.
func (c Change) with(next Change) Change {
	if next.Admins != nil {
		c.Admins = next.Admins
	}
	if next.Lists != nil {
		c.Lists = next.Lists
	}
	if next.AdminsNeeded != 0 {
		c.AdminsNeeded = next.AdminsNeeded
	}
	if next.ListsNeeded != 0 {
		c.ListsNeeded = next.ListsNeeded
	}
	return c
}

// nextTrust drafts the trust document that follows the newest.
func (r *Root) nextTrust(c Change) *keys.Trust {
	t := &keys.Trust{Origin: r.origin, Version: 1, Epoch: 1, Issued: r.Clock.Now()}
	if r.chain != nil {
		last := r.chain.Newest()
		t.Version, t.Epoch, t.Issued, t.Revoked = last.Version+1, last.Epoch, later(t.Issued, last.Issued), slices.Clone(last.Revoked)
	}
	t.ReviewBy = t.Issued.AddDate(2, 0, 0)
	for _, name := range slices.Concat(r.terms.Admins, r.terms.Lists) {
		t.Keys = append(t.Keys, r.Signer(name).VerifierKey())
	}
	role := func(name string, keyNames []string, needed int) {
		full := make([]string, len(keyNames))
		for i, n := range keyNames {
			full[i] = r.origin + "/" + n
		}
		t.Roles = append(t.Roles, keys.Role{Name: name, Threshold: needed, Keys: full})
	}
	role("trust", r.terms.Admins, r.terms.AdminsNeeded)
	role("mirrors", r.terms.Lists, r.terms.ListsNeeded)
	role("list", r.terms.Lists, r.terms.ListsNeeded)
	for _, name := range c.Revoke {
		t.Revoked = append(t.Revoked, keys.Revocation{Key: r.Signer(name).VerifierKey(), Since: t.Issued, Word: "compromised"})
	}
	if len(c.Revoke) > 0 {
		t.Epoch++
	}
	if c.Edit != nil {
		c.Edit(t)
	}
	return t
}

// distinct drops signers that stand there twice.
func distinct(signers []*keys.Signer) []*keys.Signer {
	var once []*keys.Signer
	for _, s := range signers {
		if !slices.ContainsFunc(once, func(o *keys.Signer) bool { return o.VerifierKey() == s.VerifierKey() }) {
			once = append(once, s)
		}
	}
	return once
}
