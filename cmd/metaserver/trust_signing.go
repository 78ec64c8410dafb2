package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

// A signing is a trust document that somebody looks at or is about to sign.
type signing struct {
	path      string
	data      []byte // of the file, with LF line ends
	doc       *keys.Trust
	chain     *keys.Chain        // that --trust begins; nil without
	before    *keys.Trust        // the document before; nil: it was not found, or there is none
	beside    string             // the file of the document before
	arrived   bool               // that file lies beside the draft, and may have come with it
	signers   []keys.VerifierKey // whose signatures are there, and verify
	strangers []string           // names of other signatures
}

// openSigning reads a draft, finds the document before it and verifies the
// signatures so far. pinned is a document of the chain; "": the one before is
// looked for beside the draft, and in trust/ there.
func openSigning(ctx context.Context, notes io.Writer, path, pinned string) (*signing, error) {
	data, doc, err := readDraftFile(ctx, path)
	if err != nil {
		return nil, err
	}
	s := &signing{path: path, data: data, doc: doc}
	if pinned != "" {
		err = s.findInChain(ctx, notes, pinned)
	} else {
		s.findBeside(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *signing) findInChain(ctx context.Context, notes io.Writer, pinned string) error {
	chain, err := (&chainWalk{pinned: pinned, subject: s.path, notes: notes}).load(ctx)
	if err != nil {
		return err
	}
	if chain.Origin() != s.doc.Origin {
		return withHint(fmt.Errorf("%s is a trust document of %s, and %s is one of %s", s.path, s.doc.Origin, pinned, chain.Origin()),
			"One of the two is of another root. Do not sign it.")
	}
	s.chain = chain
	for _, t := range chain.Documents() {
		if t.Version == s.doc.Version-1 {
			s.before, s.beside = t, besideOf(pinned, t.Version)
		}
	}
	if s.before == chain.Pinned() {
		s.beside = pinned
	}
	return nil
}

func besideOf(path string, number int64) string {
	return filepath.Join(filepath.Dir(path), fmt.Sprintf("%d.trust", number))
}

// findBeside takes a document of the right number that holds by itself: these
// are the folders of the admin.
func (s *signing) findBeside(ctx context.Context) {
	for i, path := range s.places(s.doc.Version - 1) {
		if t := s.readHolding(ctx, path); t != nil {
			s.before, s.beside, s.arrived = t, path, i > 0 && !s.inTrust()
			return
		}
	}
}

func (s *signing) places(number int64) []string {
	return []string{besideOf(filepath.Join(filepath.Dir(s.path), "trust", "x"), number), besideOf(s.path, number)}
}

// readHolding returns the document of the same origin that a file holds, if the
// file has its number as name; nil otherwise.
func (s *signing) readHolding(ctx context.Context, path string) *keys.Trust {
	data, err := readTrustFile(ctx, path)
	if err != nil {
		return nil
	}
	chain, err := keys.NewChain(data)
	if err != nil || chain.Origin() != s.doc.Origin || filepath.Base(path) != fmt.Sprintf("%d.trust", chain.Newest().Version) {
		return nil
	}
	return chain.Newest()
}

// published returns the document of the draft's number that is there already,
// and its file; nil: none is known.
func (s *signing) published(ctx context.Context) (*keys.Trust, string) {
	if s.chain != nil {
		for _, t := range s.chain.Documents() {
			if t.Version == s.doc.Version {
				return t, "the chain of --trust"
			}
		}
		return nil, ""
	}
	path := s.places(s.doc.Version)[0] // in trust/: beside the draft lies the draft
	if _, err := readTrustFile(ctx, path); errors.Is(err, fs.ErrNotExist) {
		return nil, ""
	}
	return s.readHolding(ctx, path), path
}

// describe prints the document, what it changes, and what to look at twice.
func (s *signing) describe(w io.Writer) {
	describeTrust(w, s.doc)
	if s.before != nil {
		s.difference().print(w, s.doc)
	} else if s.doc.Version > 1 {
		fmt.Fprintf(w, "What it changes is not known: document %d is not here. Give --trust FILE, a document before it.\n", s.doc.Version-1)
	}
	for _, c := range s.cautions() {
		say(w, "CAUTION: %s.", c)
	}
	fmt.Fprintf(w, "Text to sign, the same for all who sign: SHA-256 %x\n", s.textSum())
}

func (s *signing) cautions() []string {
	c := cautionsOf(s.before, s.doc, time.Now())
	if s.arrived {
		c = append(c, fmt.Sprintf("%s lies beside the draft: if it came with it, it may be forged, and the changes with it; --trust names a document of your own", s.beside))
	}
	return c
}

func (s *signing) difference() *trustDifference {
	if s.before == nil {
		return nil
	}
	d := differenceOf(s.before, s.doc)
	d.File = s.beside
	return d
}

func (s *signing) textSum() [sha256.Size]byte { return sha256.Sum256(keys.DraftText(s.data)) }

// isDraft tells whether nobody has signed.
func (s *signing) isDraft() bool { return len(keys.DraftText(s.data)) == len(s.data) }

// inTrust tells whether the file lies in a folder trust/, among what is published.
func (s *signing) inTrust() bool {
	abs, err := filepath.Abs(s.path)
	return err == nil && filepath.Base(filepath.Dir(abs)) == "trust"
}

// checkOpen refuses to sign what is published, or what another document was
// published instead of, and warns of what could be: the order in which admins
// sign does not matter until then.
func (s *signing) checkOpen(ctx context.Context, notes io.Writer) error {
	if s.inTrust() && (!s.isKnown() || s.complete()) {
		return withHint(fmt.Errorf("%s lies in a folder trust/, where documents are that are published: signatures are not added to those", s.path),
			"If it is a draft all the same, move it out of that folder and sign it there.")
	}
	if err := s.checkNumber(ctx); err != nil {
		return err
	}
	if there, file := s.published(ctx); there != nil {
		return withHint(fmt.Errorf("%s is published: it is document %d in %s: signatures are not added later", s.path, s.doc.Version, file), "There is nothing to sign.")
	}
	if s.complete() {
		fmt.Fprintf(notes, "metaserver: %s has all the signatures it needs already. If it is published, drop this file: signatures are not added later.\n", cleanText(s.path))
	}
	return nil
}

// checkNumber refuses what another document was published instead of: two admins
// have drafted the next document at the same time.
func (s *signing) checkNumber(ctx context.Context) error {
	there, file := s.published(ctx)
	if there == nil || bytes.Equal(there.Text(), keys.DraftText(s.data)) {
		return nil
	}
	return withHint(fmt.Errorf("there is another document %d already, in %s: readers have that one, and this one cannot follow it", s.doc.Version, file),
		fmt.Sprintf("Draft it again as document %d, if it is still wanted: metaserver trust new.", s.doc.Version+1))
}

// nameOf returns a key under the name that the documents give it: the file of a
// key may have another comment. Under two names it is the one that has not
// signed. A key that is in the role trust of neither document is refused, because
// its signature would count for nothing.
func (s *signing) nameOf(key keys.VerifierKey) (keys.VerifierKey, error) {
	may := s.maySign()
	var names []keys.VerifierKey
	for _, k := range may {
		if bytes.Equal(k.Public(), key.Public()) {
			names = append(names, k)
		}
	}
	for _, k := range names {
		if !slices.Contains(s.signers, k) {
			return k, nil
		}
	}
	switch {
	case len(names) > 0:
		return names[0], nil
	case s.isKnown():
		return key, withHint(fmt.Errorf("the key %s %s may not sign %s: it is in the role trust neither of this document nor of the one before; nothing was signed",
			key.Name(), keyfile.Fingerprint(key), s.path), "Is --key the right file? Who may: "+strings.Join(fingerprints(may), ", "))
	}
	return key, nil
}

func fingerprints(all []keys.VerifierKey) (texts []string) {
	for _, k := range all {
		texts = append(texts, k.Name()+" "+keyfile.Fingerprint(k))
	}
	return texts
}

// maySign returns the keys whose signatures count.
func (s *signing) maySign() (may []keys.VerifierKey) {
	for _, t := range []*keys.Trust{s.doc, s.before} {
		if t == nil {
			continue
		}
		role, _ := t.Role(keys.RoleTrust)
		for _, k := range t.Keys {
			if slices.Contains(role.Keys, k.Name()) && !slices.Contains(may, k) {
				may = append(may, k)
			}
		}
	}
	return may
}
