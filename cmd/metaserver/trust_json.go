package main

import (
	"crypto/sha256"
	"fmt"

	"github.com/signed-metaserver/metaserver/keys"
)

// trustOutput is what "trust show --json" prints.
type trustOutput struct {
	Origin   string        `json:"origin"`
	Version  int64         `json:"version"`
	Epoch    int64         `json:"epoch"`
	Issued   string        `json:"issued"`
	ReviewBy string        `json:"review_by"`
	SHA256   string        `json:"sha256,omitempty"` // absent of a draft that nobody has signed
	Holds    bool          `json:"holds"`            // by itself, or with --trust as one that follows from it
	Error    string        `json:"error,omitempty"`  // why it does not
	Keys     []trustKey    `json:"keys"`
	Roles    []trustRole   `json:"roles"`
	Revoked  []trustRevoke `json:"revoked"`
}

type trustKey struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	Key  string `json:"key"` // name+id+public key, as the document has it
}

type trustRole struct {
	Name      string   `json:"name"`
	Threshold int      `json:"threshold"`
	Keys      []string `json:"keys"`
}

type trustRevoke struct {
	Name  string `json:"name"`
	Key   string `json:"key"`
	Since string `json:"since"`
	Word  string `json:"word"`
}

func trustOutputOf(t *keys.Trust, data []byte, wrong error) trustOutput {
	draft := len(keys.DraftText(data)) == len(data)
	out := trustOutput{
		Origin: t.Origin, Version: t.Version, Epoch: t.Epoch, Issued: formatTime(t.Issued), ReviewBy: formatTime(t.ReviewBy),
		Holds: wrong == nil && !draft, Error: errorOr(wrong), Keys: []trustKey{}, Roles: []trustRole{}, Revoked: []trustRevoke{},
	}
	if !draft {
		out.SHA256 = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	for _, k := range t.Keys {
		out.Keys = append(out.Keys, trustKey{k.Name(), fmt.Sprintf("%08x", k.ID()), k.String()})
	}
	for _, r := range t.Roles {
		out.Roles = append(out.Roles, trustRole{r.Name, r.Threshold, r.Keys})
	}
	for _, r := range t.Revoked {
		out.Revoked = append(out.Revoked, trustRevoke{r.Key.Name(), r.Key.String(), formatTime(r.Since), r.Word})
	}
	return out
}
