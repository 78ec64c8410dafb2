package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
)

// A trustDifference is what a trust document changes of the one before it. It is
// what a signer has to judge: the rest stays as it was.
type trustDifference struct {
	Before      int64         `json:"before"`        // number of the document it is compared with
	File        string        `json:"file"`          // that this document was read from
	SHA256      string        `json:"before_sha256"` // of that file's document
	KeysCome    []trustKey    `json:"keys_come"`
	KeysGo      []trustKey    `json:"keys_go"`
	Roles       []roleChange  `json:"roles"`
	Revoked     []trustRevoke `json:"revoked"`      // that were not before
	NotRevoked  []trustRevoke `json:"not_revoked"`  // that were before: no reader accepts that
	EpochBefore int64         `json:"epoch_before"` // the same, or lower
	LinesCome   []string      `json:"lines_come"`   // that this program does not understand
	LinesGo     []string      `json:"lines_go"`
}

// A roleChange has nil where there is no such role.
type roleChange struct {
	Name   string     `json:"name"`
	Before *trustRole `json:"before"`
	After  *trustRole `json:"after"`
}

// differenceOf compares a document with the one before it. Its times and its
// number are left out: they always change.
func differenceOf(before, doc *keys.Trust) *trustDifference {
	d := &trustDifference{
		Before: before.Version, SHA256: fmt.Sprintf("%x", before.SHA256()), EpochBefore: before.Epoch,
		KeysCome: keysOnlyIn(doc, before), KeysGo: keysOnlyIn(before, doc), Roles: []roleChange{},
		Revoked: revokedOnlyIn(doc, before), NotRevoked: revokedOnlyIn(before, doc),
		LinesCome: linesOnlyIn(doc, before), LinesGo: linesOnlyIn(before, doc),
	}
	for _, r := range doc.Roles {
		was, ok := before.Role(r.Name)
		if !ok {
			d.Roles = append(d.Roles, roleChange{r.Name, nil, roleOutput(r)})
		} else if was.Threshold != r.Threshold || !sameNames(was.Keys, r.Keys) {
			d.Roles = append(d.Roles, roleChange{r.Name, roleOutput(was), roleOutput(r)})
		}
	}
	for _, r := range before.Roles {
		if _, ok := doc.Role(r.Name); !ok {
			d.Roles = append(d.Roles, roleChange{r.Name, roleOutput(r), nil})
		}
	}
	return d
}

func keysOnlyIn(a, b *keys.Trust) []trustKey {
	only := []trustKey{}
	for _, k := range a.Keys {
		if !slices.Contains(b.Keys, k) {
			only = append(only, keyOutput(k))
		}
	}
	return only
}

func revokedOnlyIn(a, b *keys.Trust) []trustRevoke {
	only := []trustRevoke{}
	for _, r := range a.Revoked {
		same := func(o keys.Revocation) bool { return o.Key == r.Key && o.Since.Equal(r.Since) && o.Word == r.Word }
		if !slices.ContainsFunc(b.Revoked, same) {
			only = append(only, revokeOutput(r))
		}
	}
	return only
}

func linesOnlyIn(a, b *keys.Trust) []string {
	only := []string{}
	for _, f := range a.Extra {
		if !slices.ContainsFunc(b.Extra, func(o keys.Field) bool { return o.Key == f.Key && o.Value == f.Value }) {
			only = append(only, f.Key+" "+f.Value)
		}
	}
	return only
}

// sameNames compares the keys of a role, whose order means nothing.
func sameNames(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// print says the difference in words. Nothing in it is verified.
func (d *trustDifference) print(w io.Writer, doc *keys.Trust) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Changes from document %d (%s):\n", d.Before, d.File)
	start := b.Len()
	for _, k := range d.KeysGo {
		fmt.Fprintf(&b, "  key goes     %s %s\n", k.Name, k.Fingerprint)
	}
	for _, k := range d.KeysCome {
		fmt.Fprintf(&b, "  key comes    %s %s\n", k.Name, k.Fingerprint)
	}
	for _, r := range d.Revoked {
		fmt.Fprintf(&b, "  revoked      %s %s since %s: %s\n", r.Name, r.Fingerprint, r.Since, r.Word)
	}
	for _, r := range d.NotRevoked {
		fmt.Fprintf(&b, "  not revoked  %s %s any more\n", r.Name, r.Fingerprint)
	}
	for _, r := range d.Roles {
		r.print(&b)
	}
	if d.EpochBefore != doc.Epoch {
		fmt.Fprintf(&b, "  epoch        was %d, now %d\n", d.EpochBefore, doc.Epoch)
	}
	for _, l := range d.LinesGo {
		fmt.Fprintf(&b, "  goes, not understood: %s\n", l)
	}
	for _, l := range d.LinesCome {
		fmt.Fprintf(&b, "  comes, not understood: %s\n", l)
	}
	if b.Len() == start {
		fmt.Fprintf(&b, "  none but its dates\n")
	}
	io.WriteString(w, cleanText(b.String()))
}

// print says what becomes of a role, each key on a line of its own: one of many
// is easily overlooked.
func (c roleChange) print(w io.Writer) {
	switch {
	case c.Before == nil:
		fmt.Fprintf(w, "  role comes   %s: %d of %s\n", c.Name, c.After.Threshold, strings.Join(c.After.Keys, ", "))
		return
	case c.After == nil:
		fmt.Fprintf(w, "  role goes    %s: nobody may sign such documents\n", c.Name)
		return
	case c.Before.Threshold != c.After.Threshold:
		fmt.Fprintf(w, "  role %-7s needs %s, and needed %d\n", c.Name, plural(c.After.Threshold, "signature"), c.Before.Threshold)
	}
	for _, key := range c.Before.Keys {
		if !slices.Contains(c.After.Keys, key) {
			fmt.Fprintf(w, "  role %-7s loses %s\n", c.Name, key)
		}
	}
	for _, key := range c.After.Keys {
		if !slices.Contains(c.Before.Keys, key) {
			fmt.Fprintf(w, "  role %-7s gains %s\n", c.Name, key)
		}
	}
}
