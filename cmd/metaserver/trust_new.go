package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/spf13/cobra"
)

// trustChange is what the next document changes.
type trustChange struct {
	from, out string
	addKeys   []string
	dropKeys  []string
	roles     []string
	revoke    []string
	since     string
	word      string
	newEpoch  bool
	reviewBy  string
	json      bool
}

func trustNewCommand() *cobra.Command {
	var c trustChange
	cmd := &cobra.Command{
		Use:   "new --from FILE --out DRAFT [changes]",
		Short: "Draft the next trust document",
		Long: `Draft the trust document after the newest one that follows from FILE (later ones
are taken from its folder). The draft repeats it with the given changes and is
not signed; see "metaserver trust sign".

  --add-key VKEY               a key, as "metaserver key show" prints it
  --drop-key NAME              a key that leaves; it leaves its roles, too
  --role "NAME N KEY-NAME..."  a role with its threshold and keys, replaced as a whole
  --revoke NAME                a key that must not count any more, since --since, for the reason --word
  --new-epoch                  lists of a wrong date, as of a clock that was ahead, are outranked

Dropping a key is enough when its owner leaves in peace. Revoke a key that may be
in other hands: what it signed is then refused everywhere, except lists that were
stored before --since.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.from, "from", "", "a trust document of the chain")
	f.StringVar(&c.out, "out", "", "file to write the draft to")
	f.StringArrayVar(&c.addKeys, "add-key", nil, "verifier key to add")
	f.StringArrayVar(&c.dropKeys, "drop-key", nil, "name of a key to drop")
	f.StringArrayVar(&c.roles, "role", nil, `role to set: "NAME THRESHOLD KEY-NAME..."`)
	f.StringArrayVar(&c.revoke, "revoke", nil, "name of a key to revoke")
	f.StringVar(&c.since, "since", "", "since when the revoked keys do not count; now without it (RFC 3339)")
	f.StringVar(&c.word, "word", "compromised", "why they are revoked, in one word")
	f.BoolVar(&c.newEpoch, "new-epoch", false, "raise the epoch, without a revocation too, so that versions of lists begin at the present time again")
	f.StringVar(&c.reviewBy, "review-by", "", "when to look at the document again; in a year without it (RFC 3339)")
	f.BoolVar(&c.json, "json", false, "print JSON")
	cmd.MarkFlagRequired("from")
	cmd.MarkFlagRequired("out")
	return cmd
}

// run writes the draft, and says what it changes and who must sign it.
func (c *trustChange) run(cmd *cobra.Command) error {
	if _, err := os.Lstat(c.out); err == nil {
		return existsAlready(c.out)
	}
	chain, err := (&chainWalk{pinned: c.from, notes: cmd.ErrOrStderr()}).load(cmd.Context())
	if err != nil {
		return err
	}
	if err := checkGap(c.from, chain.Newest().Version); err != nil {
		return err
	}
	text, err := c.draft(chain.Newest(), time.Now())
	if err != nil {
		return err
	}
	draft, err := keys.ReadDraft(text)
	if err != nil {
		return err
	}
	if err := checkNumber(c.out, draft.Version); err != nil {
		return err
	}
	if err := writeNew(c.out, text); err != nil {
		return err
	}
	s := &signing{path: c.out, data: text, doc: draft, chain: chain, before: chain.Newest(), beside: besideOf(c.from, chain.Newest().Version)}
	if s.before == chain.Pinned() {
		s.beside = c.from
	}
	if c.json {
		out := s.output(nil)
		out.File = c.out
		return printJSON(cmd.OutOrStdout(), out)
	}
	s.describe(cmd.OutOrStdout())
	s.printNeeds(cmd.OutOrStdout())
	return nil
}

// checkGap refuses to draft what is published already: a later document lies in
// the folder, and one between is missing.
func checkGap(from string, newest int64) error {
	files, err := os.ReadDir(filepath.Dir(from))
	if err != nil {
		return err
	}
	for _, f := range files {
		digits, ok := strings.CutSuffix(f.Name(), ".trust")
		number, err := strconv.ParseInt(digits, 10, 64)
		if !ok || err != nil || number <= newest+1 {
			continue
		}
		return withHint(fmt.Errorf("%s is there, and document %d is missing between: what is drafted now would not be the next; nothing was written", besideOf(from, number), newest+1),
			fmt.Sprintf("Take trust/%d.trust from the root or from a mirror, and put it beside %s.", newest+1, from))
	}
	return nil
}

// checkNumber refuses the name of another document, as 2.trust for document 3:
// from there it is a small step to writing it over that one.
func checkNumber(out string, number int64) error {
	name := filepath.Base(out)
	digits, ok := strings.CutSuffix(name, ".trust")
	if _, err := strconv.ParseUint(digits, 10, 64); !ok || err != nil || digits == strconv.FormatInt(number, 10) {
		return nil
	}
	return withHint(fmt.Errorf("the next document is number %d, and %s is the name of another; nothing was written", number, name),
		fmt.Sprintf("Give --out %s, or, if %[2]s is missing in the folder of --from, put it there first: the root and every mirror have it.",
			filepath.Join(filepath.Dir(out), fmt.Sprintf("%d.trust", number)), name))
}

// draft returns the text of the document after newest.
func (c *trustChange) draft(newest *keys.Trust, now time.Time) ([]byte, error) {
	now = now.UTC().Truncate(time.Second)
	next := *newest
	next.Version++
	next.Issued = now
	next.ReviewBy = now.AddDate(1, 0, 0)
	next.Keys, next.Roles = slices.Clone(next.Keys), slices.Clone(next.Roles)
	next.Revoked = slices.Clone(next.Revoked)
	next.Extra = nil
	for _, change := range []func(*keys.Trust, time.Time) error{c.setReview, c.add, c.revokeKeys, c.drop, c.setRoles} {
		if err := change(&next, now); err != nil {
			return nil, err
		}
	}
	if empty := rolesWithoutKeys(&next); len(empty) > 0 {
		return nil, withHint(fmt.Errorf("no key would be left in: %s", strings.Join(empty, ", ")),
			"Add the key that takes over with --add-key, and name it with --role.")
	}
	text, err := next.Encode()
	if refused := new(keys.Error); errors.As(err, &refused) {
		err = withHint(fmt.Errorf("no reader would accept that document: %w; nothing was written", err), draftHint(refused.Name))
	}
	return text, err
}

// draftHint says what helps against what readers refuse in a document.
func draftHint(name string) string {
	switch name {
	case "bad-threshold":
		return "A threshold counts distinct keys of its role: lower it, or name more keys, with --role."
	case "unknown-key":
		return "Add the key with --add-key, or leave its name out of --role."
	case "duplicate-name":
		return "Names are never used twice: give the key that comes another name (metaserver key new --name)."
	case "bad-revoke":
		return "--word is one word of a-z, 0-9 and \"-\"."
	case "bad-role":
		return "The name of a role has a-z, 0-9 and \"-\": trust, list, mirrors."
	case "revoked-key":
		return "A revoked key stays revoked under every name: make a new one (metaserver key new)."
	}
	return "Change what is named and try again."
}

func rolesWithoutKeys(t *keys.Trust) (names []string) {
	for _, r := range t.Roles {
		if len(r.Keys) == 0 {
			names = append(names, r.Name)
		}
	}
	return names
}

func (c *trustChange) setReview(t *keys.Trust, now time.Time) error {
	if c.reviewBy == "" {
		return nil
	}
	by, err := time.Parse(time.RFC3339, c.reviewBy)
	if err != nil {
		return &usageError{fmt.Sprintf("--review-by %q is not a time as 2027-11-03T00:00:00Z", c.reviewBy)}
	}
	if by.Before(now) {
		return withHint(fmt.Errorf("--review-by %s is in the past", c.reviewBy), "Leave it out for a year from now; or is the clock of this machine wrong?")
	}
	t.ReviewBy = by.UTC()
	return nil
}

func (c *trustChange) add(t *keys.Trust, _ time.Time) error {
	for i, s := range c.addKeys {
		k, err := keys.ParseVerifierKey(s)
		if err != nil {
			return &usageError{fmt.Sprintf("--add-key: %v", err)}
		}
		if slices.ContainsFunc(t.Keys, func(there keys.VerifierKey) bool { return there.String() == k.String() }) {
			if slices.Contains(c.addKeys[:i], s) {
				return &usageError{fmt.Sprintf("--add-key names the key %q twice", k.Name())}
			}
			return withHint(fmt.Errorf("--add-key: trust document %d has the key %q already; nothing was written", t.Version-1, k.Name()), "Leave it out; --role names it.")
		}
		t.Keys = append(t.Keys, k)
	}
	return nil
}

// revokeKeys adds revocations, raises the epoch, which it does for --new-epoch
// too, and drops the keys.
func (c *trustChange) revokeKeys(t *keys.Trust, now time.Time) error {
	since := now
	if c.since != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, c.since); err != nil {
			return &usageError{fmt.Sprintf("--since %q is not a time as 2026-11-03T09:00:00Z", c.since)}
		}
		if len(c.revoke) == 0 {
			return &usageError{"--since is for the keys that --revoke names, and there is no --revoke"}
		}
		if since.After(now) {
			return withHint(fmt.Errorf("--since %s is in the future: what a key signs until then would count", c.since), "Leave it out to revoke from now on; or is the clock of this machine wrong?")
		}
	}
	for _, name := range c.revoke {
		k, err := keyNamed(t, name)
		if err != nil {
			return err
		}
		t.Revoked = append(t.Revoked, keys.Revocation{Key: k, Since: since.UTC(), Word: c.word})
		if !slices.Contains(c.dropKeys, name) {
			c.dropKeys = append(c.dropKeys, name)
		}
	}
	if len(c.revoke) > 0 || c.newEpoch {
		t.Epoch++
	}
	return nil
}

// drop removes keys, also from the roles they filled.
func (c *trustChange) drop(t *keys.Trust, _ time.Time) error {
	for _, name := range c.dropKeys {
		if _, err := keyNamed(t, name); err != nil {
			return err
		}
		t.Keys = slices.DeleteFunc(t.Keys, func(k keys.VerifierKey) bool { return k.Name() == name })
		for i, r := range t.Roles {
			t.Roles[i].Keys = slices.DeleteFunc(slices.Clone(r.Keys), func(k string) bool { return k == name })
		}
	}
	return nil
}

func (c *trustChange) setRoles(t *keys.Trust, _ time.Time) error {
	set := map[string]bool{}
	for _, s := range c.roles {
		parts := strings.Fields(s)
		if len(parts) < 3 {
			return &usageError{fmt.Sprintf(`--role %q is not "NAME THRESHOLD KEY-NAME..."`, s)}
		}
		n, err := strconv.Atoi(parts[1])
		if err != nil {
			return &usageError{fmt.Sprintf("--role %q: the threshold is not a number", s)}
		}
		role := keys.Role{Name: parts[0], Threshold: n, Keys: parts[2:]}
		if set[role.Name] {
			return &usageError{fmt.Sprintf("--role sets the role %s twice; name all its keys in one", role.Name)}
		}
		set[role.Name] = true
		if i := slices.IndexFunc(t.Roles, func(r keys.Role) bool { return r.Name == role.Name }); i >= 0 {
			t.Roles[i] = role
		} else {
			t.Roles = append(t.Roles, role)
		}
	}
	return nil
}

func keyNamed(t *keys.Trust, name string) (keys.VerifierKey, error) {
	for _, k := range t.Keys {
		if k.Name() == name {
			return k, nil
		}
	}
	return keys.VerifierKey{}, withHint(fmt.Errorf("trust document %d has no key %q", t.Version-1, name),
		"Its keys are: "+strings.Join(keyNames(t.Keys), ", "))
}
