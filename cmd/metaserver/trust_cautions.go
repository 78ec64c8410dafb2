package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// cautionsOf says what deserves a second look before a trust document is signed.
// before is the document that it replaces; nil: that is not known, or there is
// none.
func cautionsOf(before, doc *keys.Trust, now time.Time) []string {
	c := []string{}
	c = append(c, cautionsOfTimes(doc, now)...)
	c = append(c, oneKeyTwoNames(doc)...)
	c = append(c, keysWithoutRole(doc)...)
	for _, r := range doc.Roles {
		if r.Name != keys.RoleTrust && r.Threshold > 1 && (r.Name == "list" || r.Name == "mirrors") {
			c = append(c, fmt.Sprintf("the role %s needs %d signatures: a root signs lists alone, and will refuse this document", r.Name, r.Threshold))
		}
	}
	if before == nil {
		return c
	}
	c = append(c, refusedByReaders(before, doc)...)
	for _, k := range doc.Keys {
		if old, ok := keyCalled(before, k.Name()); ok && old != k {
			c = append(c, fmt.Sprintf("%s is ANOTHER KEY than before, under the same name", k.Name()))
		}
	}
	return append(c, cautionsOfRoles(before, doc)...)
}

func cautionsOfTimes(doc *keys.Trust, now time.Time) (c []string) {
	if doc.ReviewBy.Before(now) {
		c = append(c, "it was to be reviewed before now: an old draft, or a wrong clock?")
	}
	if doc.Issued.After(now.Add(24 * time.Hour)) {
		c = append(c, "it is dated more than a day ahead: roots refuse it until then. Is the clock of this machine right?")
	}
	return c
}

// refusedByReaders finds what no signature makes good.
func refusedByReaders(before, doc *keys.Trust) (c []string) {
	const refused = "; no reader accepts that, whoever signs"
	if lost := revokedOnlyIn(before, doc); len(lost) > 0 {
		c = append(c, "a revocation is gone"+refused)
	}
	if doc.Epoch < before.Epoch {
		c = append(c, "the epoch falls"+refused)
	}
	if len(doc.Revoked) > len(before.Revoked) && doc.Epoch == before.Epoch {
		c = append(c, "a key is revoked and the epoch stays"+refused)
	}
	if doc.Issued.Before(before.Issued) {
		c = append(c, "it is dated before the document that it replaces"+refused)
	}
	return c
}

// cautionsOfRoles tells of roles that got weaker, or that nobody can lose a key of.
func cautionsOfRoles(before, doc *keys.Trust) (c []string) {
	for _, was := range before.Roles {
		now, ok := doc.Role(was.Name)
		if ok && now.Threshold < was.Threshold {
			c = append(c, fmt.Sprintf("the role %s needs only %s from now on, and needed %d", was.Name, plural(now.Threshold, "signature"), was.Threshold))
		}
	}
	was, _ := before.Role(keys.RoleTrust)
	now, _ := doc.Role(keys.RoleTrust)
	changed := was.Threshold != now.Threshold || !sameNames(was.Keys, now.Keys)
	if n := distinctKeys(doc, now); changed && n == now.Threshold {
		c = append(c, fmt.Sprintf("the role trust needs all of its keys (%d): when one is lost, nobody can sign the next document", n))
	}
	return c
}

func oneKeyTwoNames(doc *keys.Trust) (c []string) {
	names := map[string][]string{}
	for _, k := range doc.Keys {
		public := string(k.Public())
		if names[public] = append(names[public], k.Name()); len(names[public]) == 2 {
			c = append(c, fmt.Sprintf("%s are one key, which counts once", strings.Join(names[public], " and ")))
		}
	}
	return c
}

// keysWithoutRole finds keys that were added and forgotten.
func keysWithoutRole(doc *keys.Trust) (c []string) {
	for _, k := range doc.Keys {
		if !slices.ContainsFunc(doc.Roles, func(r keys.Role) bool { return slices.Contains(r.Keys, k.Name()) }) {
			c = append(c, fmt.Sprintf("%s has no role, so it may sign nothing; \"trust new --role\" names the keys of a role", k.Name()))
		}
	}
	return c
}

func keyCalled(t *keys.Trust, name string) (keys.VerifierKey, bool) {
	i := slices.IndexFunc(t.Keys, func(k keys.VerifierKey) bool { return k.Name() == name })
	if i < 0 {
		return keys.VerifierKey{}, false
	}
	return t.Keys[i], true
}

// distinctKeys counts the keys of a role as thresholds do: by the key, not by
// its name.
func distinctKeys(t *keys.Trust, r keys.Role) int {
	distinct := map[string]bool{}
	for _, k := range t.Keys {
		if slices.Contains(r.Keys, k.Name()) {
			distinct[string(k.Public())] = true
		}
	}
	return len(distinct)
}
