package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
)

// A signing is a trust document that somebody is about to sign.
type signing struct {
	path   string
	doc    *keys.Trust
	before *keys.Trust // the document before; nil: it was not found, or there is none
}

// findBefore looks for the document before: in the chain of pinned, or beside
// the draft, or in trust/ there.
func (s *signing) findBefore(ctx context.Context, notes io.Writer, pinned string) error {
	number := s.doc.Version - 1
	if pinned != "" {
		chain, err := (&chainWalk{pinned: pinned, subject: s.path, notes: notes}).load(ctx)
		if err != nil {
			return err
		}
		for _, t := range chain.Documents() {
			if t.Version == number {
				s.before = t
			}
		}
		return nil
	}
	dir := filepath.Dir(s.path)
	for _, folder := range []string{filepath.Join(dir, "trust"), dir} {
		data, err := readTrustFile(ctx, filepath.Join(folder, fmt.Sprintf("%d.trust", number)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if chain, err := keys.NewChain(data); err == nil && chain.Origin() == s.doc.Origin && chain.Newest().Version == number {
			s.before = chain.Newest()
			return nil
		}
	}
	return nil
}

// complete tells whether the document has all signatures that it needs, and
// whether that is known.
func (s *signing) complete(note []byte) (complete, known bool) {
	if s.doc.Version == 1 {
		_, err := keys.NewChain(note)
		return err == nil, true
	}
	if s.before == nil {
		return false, false
	}
	chain, err := keys.NewChain(s.before.Bytes())
	if err == nil {
		_, err = chain.Extend(note)
	}
	return err == nil, true
}

// checkOpen refuses to sign what is published, and warns of what could be: the
// order in which admins sign does not matter until then.
func (s *signing) checkOpen(data []byte, notes io.Writer) error {
	complete, known := s.complete(data)
	published := false
	if abs, err := filepath.Abs(s.path); err == nil {
		published = filepath.Base(filepath.Dir(abs)) == "trust"
	}
	switch {
	case published && (complete || !known):
		return withHint(fmt.Errorf("%s lies in a folder trust/, where documents are that are published: signatures are not added to those", s.path),
			"If it is a draft all the same, move it out of that folder and sign it there.")
	case complete:
		fmt.Fprintf(notes, "metaserver: %s has all the signatures it needs already. If it is published, drop this file: signatures are not added later.\n", cleanText(s.path))
	}
	return nil
}

// describe says how far the document is from holding.
func (s *signing) describe(note []byte, signer string) string {
	complete, known := s.complete(note)
	text := s.count(s.doc, note, "its own role trust")
	switch {
	case complete:
		text += "\nIt is complete and can be published."
	case known && s.before != nil:
		text += "\n" + s.count(s.before, note, fmt.Sprintf("the role trust of document %d", s.before.Version)) + "\nIt is not complete."
	case !known:
		text += fmt.Sprintf("\nIt needs those of document %d as well, which is not here: metaserver trust show %s --trust FILE tells, where FILE is a document before it.", s.doc.Version-1, s.path)
	}
	own, _ := s.doc.Role(keys.RoleTrust)
	if counts := s.before != nil && s.mayTrust(s.before, signer); !slices.Contains(own.Keys, signer) && !counts {
		text += "\n" + signer + " is not in the role trust of this document: its signature counts only if it is in that of the one before."
	}
	return text
}

func (s *signing) mayTrust(t *keys.Trust, signer string) bool {
	role, _ := t.Role(keys.RoleTrust)
	return slices.Contains(role.Keys, signer)
}

// count says how many of a role's keys have signed, by their names.
func (s *signing) count(t *keys.Trust, note []byte, role string) string {
	r, _ := t.Role(keys.RoleTrust)
	var have []string
	for _, name := range r.Keys {
		if bytes.Contains(note, []byte("\n— "+name+" ")) {
			have = append(have, name)
		}
	}
	if len(have) >= r.Threshold {
		return fmt.Sprintf("It has the %d that %s needs (signed: %s).", r.Threshold, role, strings.Join(have, ", "))
	}
	return fmt.Sprintf("It has %d of the %d signatures that %s needs.", len(have), r.Threshold, role)
}
