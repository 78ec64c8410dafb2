package main

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

// keyOf makes a key from a number, the same each time.
func keyOf(t *testing.T, name string, number byte) keys.VerifierKey {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = number
	k, err := keys.NewVerifierKey(name, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestDifference changes each thing that a trust document says, and looks for
// the line that tells a signer.
func TestDifference(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	alice, bob, carol, list := keyOf(t, "a/alice", 1), keyOf(t, "a/bob", 2), keyOf(t, "a/carol", 3), keyOf(t, "l/1", 4)
	gone := keys.Revocation{Key: keyOf(t, "l/0", 5), Since: now.Add(-48 * time.Hour), Word: "stolen"}
	document := func(version int64) *keys.Trust {
		return &keys.Trust{
			Origin: "ms.example.org", Version: version, Epoch: 2, Issued: now.Add(time.Duration(version-9) * time.Hour), ReviewBy: now.AddDate(1, 0, 0),
			Keys:    []keys.VerifierKey{alice, bob, list},
			Roles:   []keys.Role{{Name: "trust", Threshold: 2, Keys: []string{"a/alice", "a/bob"}}, {Name: "list", Threshold: 1, Keys: []string{"l/1"}}},
			Revoked: []keys.Revocation{gone},
		}
	}
	for name, test := range map[string]struct {
		change  func(d *keys.Trust)
		says    string // a line of the difference
		caution string // in a caution; "": there is none
	}{
		"nothing":            {func(*keys.Trust) {}, "none but its dates", ""},
		"the order of names": {func(d *keys.Trust) { d.Roles[0].Keys = []string{"a/bob", "a/alice"} }, "none but its dates", ""},
		"a key comes": {func(d *keys.Trust) { d.Keys = append(d.Keys, carol) },
			"key comes    a/carol " + keyfile.Fingerprint(carol), "a/carol has no role"},
		"a key goes": {func(d *keys.Trust) {
			d.Keys = d.Keys[1:]
			d.Roles[0] = keys.Role{Name: "trust", Threshold: 1, Keys: []string{"a/bob"}}
		},
			"key goes     a/alice " + keyfile.Fingerprint(alice), "needs only 1 signature from now on, and needed 2"},
		"a key under the name of another": {func(d *keys.Trust) { d.Keys[0] = keyOf(t, "a/alice", 9) },
			"key comes    a/alice " + keyfile.Fingerprint(keyOf(t, "a/alice", 9)), "a/alice is ANOTHER KEY than before"},
		"a key under a second name": {func(d *keys.Trust) { d.Keys = append(d.Keys, keyOf(t, "a/again", 1)) },
			"key comes    a/again " + keyfile.Fingerprint(alice), "a/alice and a/again are one key"},
		"a role gains a key": {func(d *keys.Trust) {
			d.Keys = append(d.Keys, carol)
			d.Roles[0].Keys = []string{"a/alice", "a/bob", "a/carol"}
		},
			"role trust   gains a/carol", ""},
		"a role loses a key": {func(d *keys.Trust) { d.Roles[0].Threshold, d.Roles[0].Keys = 1, []string{"a/alice"} },
			"role trust   loses a/bob", "needs all of its keys (1)"},
		"a threshold rises": {func(d *keys.Trust) {
			d.Keys = append(d.Keys, keyOf(t, "l/2", 6))
			d.Roles[1] = keys.Role{Name: "list", Threshold: 2, Keys: []string{"l/1", "l/2"}}
		},
			"role list    needs 2 signatures, and needed 1", "a root signs lists alone"},
		"a role comes": {func(d *keys.Trust) {
			d.Roles = append(d.Roles, keys.Role{Name: "checks", Threshold: 1, Keys: []string{"l/1"}})
		},
			"role comes   checks: 1 of l/1", ""},
		"a role goes": {func(d *keys.Trust) { d.Roles = d.Roles[:1] }, "role goes    list: nobody may sign", "l/1 has no role"},
		"a revocation": {func(d *keys.Trust) {
			d.Revoked = append(d.Revoked, keys.Revocation{Key: carol, Since: now, Word: "lost"})
		},
			"revoked      a/carol " + keyfile.Fingerprint(carol) + " since 2026-11-21T12:00:00Z: lost", "a key is revoked and the epoch stays"},
		"a revocation less": {func(d *keys.Trust) { d.Revoked = nil },
			"not revoked  l/0 " + keyfile.Fingerprint(gone.Key), "a revocation is gone; no reader accepts that"},
		"a revocation of another time": {func(d *keys.Trust) { d.Revoked[0].Since = now }, "not revoked  l/0", "a revocation is gone"},
		"the epoch rises":              {func(d *keys.Trust) { d.Epoch = 3 }, "epoch        was 2, now 3", ""},
		"the epoch falls":              {func(d *keys.Trust) { d.Epoch = 1 }, "epoch        was 2, now 1", "the epoch falls; no reader accepts that"},
		"a line of a later version": {func(d *keys.Trust) { d.Extra = []keys.Field{{Line: 9, Key: "witness", Value: "x"}} },
			"comes, not understood: witness x", ""},
		"a review in the past": {func(d *keys.Trust) { d.ReviewBy = now.Add(-time.Hour) }, "none but its dates", "to be reviewed before now"},
		"a date in the future": {func(d *keys.Trust) { d.Issued = now.AddDate(0, 0, 2) }, "none but its dates", "dated more than a day ahead"},
		"a date before":        {func(d *keys.Trust) { d.Issued = now.AddDate(0, 0, -2) }, "none but its dates", "dated before the document that it replaces"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, doc := document(7), document(8)
			test.change(doc)
			var said strings.Builder
			differenceOf(before, doc).print(&said, doc)
			if !strings.Contains(said.String(), "  "+test.says) {
				t.Errorf("it says\n%swant %q", said.String(), test.says)
			}
			cautions := strings.Join(cautionsOf(before, doc, now), "\n")
			if (test.caution == "") != (cautions == "") || !strings.Contains(cautions, test.caution) {
				t.Errorf("the cautions are %q, want %q", cautions, test.caution)
			}
		})
	}
}
