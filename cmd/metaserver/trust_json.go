package main

import (
	"crypto/sha256"
	"fmt"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

// trustOutput is what the commands of "trust" print with --json.
type trustOutput struct {
	File       string           `json:"file,omitempty"`   // that was written
	Signer     string           `json:"signer,omitempty"` // who signed now
	Origin     string           `json:"origin"`
	Version    int64            `json:"version"`
	Epoch      int64            `json:"epoch"`
	Issued     string           `json:"issued"`
	ReviewBy   string           `json:"review_by"`
	TextSHA256 string           `json:"text_sha256"`      // of the text that all sign
	SHA256     string           `json:"sha256,omitempty"` // with the signatures; absent of a draft that nobody has signed
	Holds      bool             `json:"holds"`            // by itself, or under the document before if that is known
	Error      string           `json:"error,omitempty"`  // why it does not
	Needs      []need           `json:"needs"`            // who has signed, who can, how many must
	Complete   bool             `json:"complete"`         // it can be published; false also if the document before is not known
	Keys       []trustKey       `json:"keys"`
	Roles      []trustRole      `json:"roles"`
	Revoked    []trustRevoke    `json:"revoked"`
	Changes    *trustDifference `json:"changes"` // null: the document before is not known
	Cautions   []string         `json:"cautions"`
}

type trustKey struct {
	Name        string `json:"name"`
	ID          string `json:"id"`
	Fingerprint string `json:"fingerprint"` // as ssh-keygen -l prints it
	Key         string `json:"key"`         // name+id+public key, as the document has it
}

type trustRole struct {
	Name      string   `json:"name"`
	Threshold int      `json:"threshold"`
	Keys      []string `json:"keys"`
}

type trustRevoke struct {
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	Key         string `json:"key"`
	Since       string `json:"since"`
	Word        string `json:"word"`
}

// output tells programs about the document. wrong is why it does not hold.
func (s *signing) output(wrong error) trustOutput {
	t := s.doc
	out := trustOutput{
		Origin: t.Origin, Version: t.Version, Epoch: t.Epoch, Issued: formatTime(t.Issued), ReviewBy: formatTime(t.ReviewBy),
		TextSHA256: fmt.Sprintf("%x", s.textSum()),
		Holds:      wrong == nil && !s.isDraft() && (s.complete() || !s.isKnown()), Error: errorOr(wrong),
		Needs: s.needs(), Complete: s.complete(),
		Keys: []trustKey{}, Roles: []trustRole{}, Revoked: []trustRevoke{},
		Changes: s.difference(), Cautions: s.cautions(),
	}
	if !s.isDraft() {
		out.SHA256 = fmt.Sprintf("%x", sha256.Sum256(s.data))
	}
	for _, k := range t.Keys {
		out.Keys = append(out.Keys, keyOutput(k))
	}
	for _, r := range t.Roles {
		out.Roles = append(out.Roles, *roleOutput(r))
	}
	for _, r := range t.Revoked {
		out.Revoked = append(out.Revoked, revokeOutput(r))
	}
	return out
}

func keyOutput(k keys.VerifierKey) trustKey {
	return trustKey{k.Name(), fmt.Sprintf("%08x", k.ID()), keyfile.Fingerprint(k), k.String()}
}

func roleOutput(r keys.Role) *trustRole { return &trustRole{r.Name, r.Threshold, r.Keys} }

func revokeOutput(r keys.Revocation) trustRevoke {
	return trustRevoke{r.Key.Name(), keyfile.Fingerprint(r.Key), r.Key.String(), formatTime(r.Since), r.Word}
}
