package examine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/root/datafolder"
)

// reviewSoon is how long before its date a review is worth a warning.
const reviewSoon = 30 * 24 * time.Hour

// trust reports false if the chain does not hold.
func (k *checker) trust() bool {
	var err error
	if k.chain, err = datafolder.LoadChain(k.d); err != nil {
		k.add(Bad, "trust", k.d.Public(), err.Error(), "")
		return false
	}
	if k.cfg.Origin != "" && k.cfg.Origin != k.chain.Origin() {
		k.add(Bad, "trust", k.d.Public(), fmt.Sprintf("root.toml says origin %q and the trust document %q", k.cfg.Origin, k.chain.Origin()), "Set the first right, or restore the folder.")
	}
	newest, now := k.chain.Newest(), k.Now()
	text := fmt.Sprintf("document %d of %s, to be reviewed by %s", newest.Version, newest.Origin, newest.ReviewBy.UTC().Format(time.DateOnly))
	switch {
	case now.After(newest.ReviewBy):
		k.add(Warning, "trust", "", text+", which is over", "Look at its keys and roles, and issue the next one (\"metaserver trust new\", deploy/CEREMONIES.md).")
	case newest.ReviewBy.Sub(now) < reviewSoon:
		k.add(Warning, "trust", "", text+", which is soon", "Issue the next one before (\"metaserver trust new\", deploy/CEREMONIES.md).")
	default:
		k.add(Good, "trust", "", text, "")
	}
	k.lostKey(newest)
	return true
}

// lostKey tells whether the root would end with the loss of one key: when every
// one of those that sign trust documents is needed for the next.
func (k *checker) lostKey(t *keys.Trust) {
	role, _ := t.Role(keys.RoleTrust)
	have := len(distinct(t, role))
	if role.Threshold >= have {
		k.add(Warning, "trust", "", fmt.Sprintf("%d of %d keys must sign the next trust document: if one is lost, there can never be another", role.Threshold, have),
			"Add a key of another admin to the role \"trust\" while all are there (\"metaserver trust new\", deploy/CEREMONIES.md).")
	}
}

// distinct returns the public keys of a role, each once.
func distinct(t *keys.Trust, role keys.Role) map[string]keys.VerifierKey {
	all := make(map[string]keys.VerifierKey)
	for _, key := range t.Keys {
		if slices.Contains(role.Keys, key.Name()) {
			all[string(key.Public())] = key
		}
	}
	return all
}

// keys looks for what signs the lists, and for what should not be here.
func (k *checker) keys() {
	newest := k.chain.Newest()
	for _, path := range datafolder.KeysHere(k.d, newest) {
		k.add(Warning, "keys", path, "a private key that signs trust documents lies here, where a thief of this machine would find it", "Move it to a medium of its own, off this machine.")
	}
	ring := &datafolder.KeyRing{Dir: k.d.Keys(), Ask: k.Passphrase}
	for _, name := range []string{"list", "mirrors"} {
		role, ok := newest.Role(name)
		if !ok {
			k.add(Bad, "keys", "role "+name, "the trust document delegates it to nobody", "Issue a trust document that does (\"metaserver trust new\").")
			continue
		}
		if role.Threshold > 1 {
			k.add(Bad, "keys", "role "+name, fmt.Sprintf("it needs the signatures of %d keys, and a root signs with one", role.Threshold), "Issue a trust document with a threshold of 1 for it.")
			continue
		}
		k.signer(ring, name, slices.Collect(maps.Values(distinct(newest, role))))
	}
	k.idleKeys(ring, newest)
}

// signer tries to open the key of a role, as a start of the root would.
func (k *checker) signer(ring *datafolder.KeyRing, role string, able []keys.VerifierKey) {
	signer, err := ring.Find(able)
	switch {
	case err == nil:
		k.add(Good, "keys", "role "+role, signer.VerifierKey().Name()+" is here and opens", "")
	case errors.Is(err, keyfile.ErrNeedsPassphrase) && k.Passphrase == nil:
		k.add(Warning, "keys", "role "+role, "its key is here and encrypted, and was not opened", "Give --passphrase-file FILE to see whether it opens.")
	case errors.Is(err, keyfile.ErrPassphrase), errors.Is(err, keyfile.ErrNeedsPassphrase):
		k.add(Bad, "keys", "role "+role, err.Error(), "Without the passphrase nothing can be published: find it, or let an admin delegate to a new list key (\"metaserver key new\", \"metaserver trust new\").")
	default:
		k.add(Bad, "keys", "role "+role, err.Error(), "")
	}
}

// idleKeys names list keys that the trust document does not know.
func (k *checker) idleKeys(ring *datafolder.KeyRing, t *keys.Trust) {
	paths, _ := ring.PublicKeys()
	for _, public := range slices.Sorted(maps.Keys(paths)) {
		known := slices.ContainsFunc(t.Keys, func(key keys.VerifierKey) bool { return string(key.Public()) == public })
		if path := paths[public]; !known && !strings.HasPrefix(path, k.d.AdminKey()) {
			k.add(Warning, "keys", path, fmt.Sprintf("trust document %d does not know it, so that it signs nothing", t.Version), "If it waits for the next document, all is well; if it was replaced, destroy it.")
		}
	}
}
