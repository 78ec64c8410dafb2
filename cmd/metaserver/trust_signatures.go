package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
)

// A need is what a trust document still lacks of the role trust of a document.
type need struct {
	Document  int64    `json:"document"` // whose role it is: the one before, or its own
	Threshold int      `json:"threshold"`
	Signed    []string `json:"signed"`   // keys of the role whose signatures verify
	CanSign   []string `json:"can_sign"` // keys of the role that have not signed
	Lacks     int      `json:"lacks"`    // how many of those must
}

func needOf(rule *keys.Trust, signers []keys.VerifierKey) need {
	role, _ := rule.Role(keys.RoleTrust)
	n := need{Document: rule.Version, Threshold: role.Threshold, Signed: []string{}, CanSign: []string{}}
	distinct := map[string]bool{}
	for _, k := range rule.Keys {
		switch public := string(k.Public()); {
		case !slices.Contains(role.Keys, k.Name()):
		case slices.Contains(signers, k):
			n.Signed = append(n.Signed, k.Name())
			distinct[public] = true
		default:
			n.CanSign = append(n.CanSign, k.Name())
		}
	}
	n.Lacks = max(0, role.Threshold-len(distinct))
	return n
}

func (n need) String() string {
	text := fmt.Sprintf("Document %d needs %s", n.Document, plural(n.Threshold, "signature"))
	if n.Lacks == 0 {
		return fmt.Sprintf("%s, and has enough: %s.", text, strings.Join(n.Signed, ", "))
	}
	signed := "nobody"
	if len(n.Signed) > 0 {
		signed = strings.Join(n.Signed, ", ")
	}
	return fmt.Sprintf("%s, and lacks %d. Signed: %s. Can sign: %s.", text, n.Lacks, signed, strings.Join(n.CanSign, ", "))
}

// needs says what is missing under the document before, if that is known, and
// under the document itself.
func (s *signing) needs() []need {
	var all []need
	if s.before != nil {
		all = append(all, needOf(s.before, s.signers))
	}
	return append(all, needOf(s.doc, s.signers))
}

// holds tells why readers refuse the document as it is; nil: it can be
// published. The one before must be known, but for the first.
func (s *signing) holds() error {
	if s.doc.Version == 1 {
		_, err := keys.NewChain(s.data)
		return err
	}
	chain, err := keys.NewChain(s.before.Bytes())
	if err == nil {
		_, err = chain.Extend(s.data)
	}
	return err
}

// lacks tells whether signatures are missing, as far as is known.
func (s *signing) lacks() bool {
	return slices.ContainsFunc(s.needs(), func(n need) bool { return n.Lacks > 0 })
}

// complete tells whether the document can be published.
func (s *signing) complete() bool { return s.isKnown() && s.holds() == nil }

// isKnown tells whether that is known: of the first document, or when the one
// before is there.
func (s *signing) isKnown() bool { return s.doc.Version == 1 || s.before != nil }

// printNeeds says who has signed, and who still must.
func (s *signing) printNeeds(w io.Writer) {
	for _, n := range s.needs() {
		say(w, "%s", n)
	}
	if len(s.strangers) > 0 {
		say(w, "Of no worth are the signatures of keys that neither document names: %s.", strings.Join(s.strangers, ", "))
	}
	switch {
	case !s.isKnown():
		say(w, "It needs those of document %d as well, which is not here: give --trust FILE, a document before it.", s.doc.Version-1)
	case s.lacks():
		say(w, "It is not complete.")
	case s.complete():
		say(w, "It is complete and can be published.")
	default:
		say(w, "It has all signatures, and no reader accepts it: %v", s.holds())
	}
}

// readSignatures verifies the signatures that a document has, each by itself:
// the rules of a chain ask for all of them at once. A signature that a known key
// cannot have made is an error.
func (s *signing) readSignatures() error {
	s.signers, s.strangers = nil, nil
	known := slices.Clone(s.doc.Keys)
	if s.before != nil {
		known = append(known, s.before.Keys...)
	}
	text := keys.DraftText(s.data)
	block := strings.TrimPrefix(string(s.data[len(text):]), "\n")
	for line := range strings.Lines(block) {
		name, id, sig, ok := splitSignature(line)
		if !ok {
			return withHint(fmt.Errorf("%q is not a signature line", line[:min(len(line), 80)]), "After the blank line there are signatures alone. Take the file again from who sent it.")
		}
		i := slices.IndexFunc(known, func(k keys.VerifierKey) bool { return k.Name() == name && k.ID() == id })
		switch {
		case i < 0:
			s.strangers = append(s.strangers, name)
		case len(sig) != ed25519.SignatureSize || !ed25519.Verify(known[i].Public(), text, sig):
			return withHint(fmt.Errorf("the signature of %s does not verify: the draft was changed after it was signed, or somebody else signed in that name", name),
				"Do not sign it. Take the file again from who sent it and compare on the phone, or draft it again: metaserver trust new.")
		default:
			s.signers = append(s.signers, known[i])
		}
	}
	return nil
}

// splitSignature takes a line "— name base64" apart.
func splitSignature(line string) (name string, id uint32, sig []byte, ok bool) {
	rest, dashed := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "— ")
	name, code, spaced := strings.Cut(rest, " ")
	raw, err := base64.StdEncoding.Strict().DecodeString(code)
	if !dashed || !spaced || name == "" || err != nil || len(raw) < 4 {
		return "", 0, nil, false
	}
	return name, binary.BigEndian.Uint32(raw), raw[4:], true
}
